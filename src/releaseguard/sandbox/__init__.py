"""Loopback stand-ins of the services and of the app, for the demo, for trying things out, and for the tests."""
