"""Verdicts in words, with their evidence."""
