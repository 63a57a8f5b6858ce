"""From a call in the app to the store: a queue, batches, and the disk while the store is away."""
