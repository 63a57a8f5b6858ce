"""Commands that rotate secrets, and say which were."""
