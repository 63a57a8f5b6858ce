"""What a replay over past releases found, and how it is shown."""
