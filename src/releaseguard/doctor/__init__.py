"""Everything that this configuration stands on, looked at by reading alone."""
