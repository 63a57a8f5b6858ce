"""The vault, in which secrets are read and new versions are stored."""
