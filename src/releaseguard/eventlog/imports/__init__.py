"""Imports a team's history from a file."""
