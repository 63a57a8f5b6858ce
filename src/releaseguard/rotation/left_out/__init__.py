"""Destinations that a rotation leaves out, because a person says so or because a leak does not wait for them."""
