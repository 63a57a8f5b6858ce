"""Judging a release from the event log and from synthetic flows."""
