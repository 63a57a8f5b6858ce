"""The chains of our own rows: sealing steps, deciding which rows are believed, checking that a log is intact."""
