"""Rows: querying, writing and reading them."""
