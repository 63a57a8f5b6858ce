"""A rotation's state is its events: their types, what they add up to, and the one place that appends to them."""
