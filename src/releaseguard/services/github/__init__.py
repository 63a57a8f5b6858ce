"""GitHub: where Actions' secrets are written, what ran workflows, and who raises alerts."""
