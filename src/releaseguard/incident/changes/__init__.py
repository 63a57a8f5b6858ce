"""What changed around the beginning of an incident, and which of it explains the trouble best."""
