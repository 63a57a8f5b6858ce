"""What is known of a run before anything is opened: its configuration, and which credentials it needs and where they
go."""
