"""Examines everything on which this configuration depends, by reading only."""
