"""Which of the app's processes use a secret from where, according to the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError
from releaseguard.tomlfile import did_you_mean


class Sources(Struct, eq=False):
    """The event sources of destinations."""

    clients: Clients
    _told_of: set[str] = set()
    """Keys of ``sources`` that are not destinations and were reported."""

    def at(self, provider: str, address: Address) -> Sequence[str] | None:
        """The event sources that run at ``address``; ``None`` where the project does not say."""
        for text, sources in self.clients.settings.providers[provider].sources.items():
            if self._speaks_of(provider, text, address):
                return tuple(sources)
        return None

    def _speaks_of(self, provider: str, text: str, address: Address) -> bool:
        """Whether a key of ``sources`` means ``address``. A key that is not a destination in any environment is
        reported: a runtime destination without sources is proven by any event."""
        sections = [
            providers[provider] for providers in self.clients.settings.siblings.values() if provider in providers
        ]
        places = [ADDRESSES.parse(one) for section in sections for one in section.every_destination]
        known = {name for place in places for name in (place.base, place.uri)}
        named = text if text in known else _canonical(text)
        if named not in known and text not in self._told_of:
            self._told_of.add(text)
            where = self.clients.settings.where("providers", provider, "sources", text)
            self.clients.tell(f"{where}: no destination of {provider} is called {text}. {did_you_mean(text, known)}")
        return named in {address.base, address.uri}


def _canonical(text: str) -> str | None:
    try:
        return ADDRESSES.parse(text).uri
    except ConfigError:
        return None
