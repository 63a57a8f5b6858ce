"""The chains of our own rows: how steps are sealed, which rows are believed, whether a log is intact."""
