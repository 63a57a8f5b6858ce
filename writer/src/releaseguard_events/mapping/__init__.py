"""An app's own table of events: where each of our columns comes from, and what is written back."""
