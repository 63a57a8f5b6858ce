"""Whose a row is: names of releases, components of an app, and what people announce about a deployment."""
