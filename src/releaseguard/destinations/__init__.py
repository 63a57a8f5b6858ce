"""Where secrets are written."""
