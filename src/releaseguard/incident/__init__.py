"""One provider's trouble: since when, what changed before it, and what the runbook says to look at and to do."""
