"""Checks of single rows, and checks of the present (secrets, invariants, flows)."""
