"""A rotation carried out by a person while services are unreachable: which places, names and commands, in which
order."""
