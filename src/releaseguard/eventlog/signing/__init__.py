"""Whose rows of ours are: keys, and the log that signs and checks."""
