"""Before and when a person says that the old value is revoked."""
