"""Whose a row is: how releases are named, the parts of an app, and what people say of a deployment."""
