"""Rows: what is asked of them, written into them, read out of them."""
