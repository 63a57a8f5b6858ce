"""Which value a value is: what the app reports of it, whether it may be brought out, whether it can be a key."""
