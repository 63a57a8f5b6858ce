"""What goes on with one provider: since when, what changed before, what the runbook says to look at and to do."""
