"""The history of rotations, which is their state: the typed events, what they add up to, and what appends to them."""
