"""``verify`` replayed over past releases: what it would have said, what harm it would have found, and how soon."""
