"""A team's history from a file."""
