"""What is said of each call that was found: whether it is logged, received, or only asks for a state."""
