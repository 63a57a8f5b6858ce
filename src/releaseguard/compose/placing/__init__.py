"""Which secret goes where, and which workflows write it there too."""
