"""Replacing a secret everywhere it is used, and proving it from the app's own events."""
