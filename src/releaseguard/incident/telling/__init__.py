"""How an incident is told: as messages, as its first line, as the document that every format renders."""
