"""The stores that events are written to, by their address."""
