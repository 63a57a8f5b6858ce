"""What a leak exposed, and the post-mortem that reports it."""
