"""Whether the app's own events prove that it runs on the new version."""
