"""What is open now, in ten lines."""
