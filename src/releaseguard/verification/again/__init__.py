"""Reading the log for one look after the other: what is held between them, and what of it has to be told apart."""
