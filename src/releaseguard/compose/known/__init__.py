"""What is known of a run before anything is opened: its configuration, where its credentials go, and which it needs."""
