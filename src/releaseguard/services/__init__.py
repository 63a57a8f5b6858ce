"""The services that releaseguard works with, each in a room of its own."""
