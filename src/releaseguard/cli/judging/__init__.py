"""Commands that judge releases, providers and code."""
