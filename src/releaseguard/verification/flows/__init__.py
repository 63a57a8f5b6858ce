"""Synthetic flows: a test user acts in the app, and the log shows the result."""
