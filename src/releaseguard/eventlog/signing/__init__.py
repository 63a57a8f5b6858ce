"""Whether rows of ours are really ours: keys, and the log that signs and checks."""
