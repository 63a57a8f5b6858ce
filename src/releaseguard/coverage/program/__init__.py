"""What the names of a program stand for, across its files."""
