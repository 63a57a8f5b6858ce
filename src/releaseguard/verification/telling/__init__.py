"""What a verdict tells people and programs: its document, its first line, what its rows show."""
