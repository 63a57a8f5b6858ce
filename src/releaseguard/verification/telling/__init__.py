"""What a verdict says to people and programs: its document, its first line, what its rows show."""
