"""Commands for the beginning: a configuration, its check, and playing."""
