"""Puts a run together from its configuration: the only place that sees the services and the stories both."""
