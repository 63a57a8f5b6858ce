"""A function, followed around one call: what is logged once it succeeded, and once it failed."""
