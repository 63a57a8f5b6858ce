"""The controls of a card that a program can carry out, one file for each subject."""
