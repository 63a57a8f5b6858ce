"""The identity of values: the label an app reports, whether a value may be used again, whether it can be a key."""
