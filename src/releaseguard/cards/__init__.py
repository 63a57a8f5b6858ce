"""Provider cards: everything releaseguard knows about a provider, as data."""
