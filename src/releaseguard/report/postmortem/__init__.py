"""The post-mortem of a rotation, as ``audit report`` prints it."""
