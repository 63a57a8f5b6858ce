"""A rotation that a person does while services are away: where, which names, which commands, in which order."""
