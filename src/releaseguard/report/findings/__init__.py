"""What a look at places found, one thing after the other: `drift` and `leaks`."""
