"""Puts a run together from its configuration: the only place that sees both the services and the stories."""
