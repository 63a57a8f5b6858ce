"""Which secret goes where, and who else writes it there, by what lies in the checkout."""
