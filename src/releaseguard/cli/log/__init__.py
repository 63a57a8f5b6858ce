"""The event log on the command line."""
