"""The destinations: the places to which secrets are written."""
