"""The stores to which events are written, chosen by their address."""
