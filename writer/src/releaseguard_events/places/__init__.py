"""Where an address leads, and what may be sent there."""
