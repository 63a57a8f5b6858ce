"""Destinations that a rotation leaves out: because a person says so, or because they cannot be written in a leak."""
