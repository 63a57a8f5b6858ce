"""An incident, as ``incident`` prints it."""
