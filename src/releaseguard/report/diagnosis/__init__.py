"""A diagnosis, as ``doctor`` prints it."""
