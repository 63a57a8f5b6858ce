"""What changed around the beginning of an incident, and which change explains the trouble best."""
