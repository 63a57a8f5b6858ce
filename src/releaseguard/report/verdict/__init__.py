"""A verdict, as ``verify`` prints it."""
