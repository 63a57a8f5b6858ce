"""Where secrets are read and staged."""
