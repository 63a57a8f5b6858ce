"""``verify`` replayed over past releases: what it would have said, which harms it would have found, and how soon."""
