"""Which provider calls of an app log their success and their error, and which providers have a test. Reads only."""
