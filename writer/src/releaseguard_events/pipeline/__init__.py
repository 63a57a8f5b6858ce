"""From a call in the app to the store: a queue, batches, and a spool on disk while the store is unreachable."""
