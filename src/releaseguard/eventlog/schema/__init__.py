"""The table, its indexes and who may see it, as SQL."""
