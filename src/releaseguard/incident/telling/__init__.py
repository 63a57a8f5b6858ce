"""An incident as messages, as its first line, and as the document that every format renders."""
