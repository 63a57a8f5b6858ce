"""Keeps secrets and personal data out of events."""
