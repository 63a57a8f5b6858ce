"""Checks that single rows decide, and checks that look at the present."""
