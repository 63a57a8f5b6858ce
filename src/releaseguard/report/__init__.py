"""Results rendered for people and for programs."""
