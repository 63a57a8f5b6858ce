"""Where a program uses a provider: calls of its packages, and requests to its hosts."""
