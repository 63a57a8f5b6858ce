"""A first ``releaseguard.toml`` and its workflows: what the directory tells, the text, and files that are new."""
