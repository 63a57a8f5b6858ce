"""Which secrets go where, by the configuration: addresses, destinations, and who claims what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import ADDRESSES, service_at, vault_of
from releaseguard.compose.sources import Sources
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError, UsageError
from releaseguard.services import SERVICES

if TYPE_CHECKING:
    from releaseguard.destinations.interface import Destination
    from releaseguard.rotation.context import Binding, Claim
    from releaseguard.rotation.drift.survey import Managed
    from releaseguard.vault.interface import Vault


@dataclass(eq=False)
class Bindings:
    """The vault, the destinations, and what ties a card's secrets to them."""

    clients: Clients
    cards: Cards

    def __post_init__(self) -> None:
        self._settings = self.clients.settings
        self.sources = Sources(self.clients)

    @cached_property
    def vault(self) -> Vault:
        """Where the secrets are read, with whichever of its credentials the environment has. Raises ``ConfigError``."""
        service = vault_of(self._settings)
        if service.vault is None:
            raise ConfigError("no service is a vault")
        return service.vault(self.clients.context(service))

    def destination(self, address: Address) -> Destination:
        """The adapter for one address."""
        service = service_at(address)
        if service.destination is None:
            raise ConfigError(f"{service.title} has no destinations", where=str(address))
        return service.destination(self.clients.context(service), address.place)

    def addresses_of(self, provider: str) -> Sequence[Address]:
        """The provider's configured destinations, parsed. Raises ``ConfigError`` with file, line and key."""
        where = self._settings.where("providers", provider, "destinations")
        return [ADDRESSES.parse(text, where=where) for text in self._settings.destinations_of(provider)]

    def addresses_for(self, card: Card, secret: str | None) -> Sequence[Address]:
        """Where the secret's unit is written: nowhere, where it is kept at the provider."""
        kept_there = all(member.from_ == "manual" for member in card.unit_of(secret))
        return () if kept_there else self.addresses_of(card.id)

    def addresses_from(self, provider: str) -> Sequence[Address]:
        """Every configured destination, this provider's first; none for an environment that the file does not name."""
        if not self.is_declared():
            return []
        providers = self._settings.providers
        names = sorted(providers, key=lambda name: name != provider)
        return [address for name in names if providers[name].destinations for address in self.addresses_of(name)]

    def is_declared(self) -> bool:
        """Whether the file names the environment."""
        try:
            self._settings.refuse_undeclared()
        except UsageError:
            return False
        return True

    def managed(self, provider: str | None = None) -> Sequence[Managed]:
        """The providers with destinations in this environment, or one of them."""
        self._settings.refuse_undeclared()
        declared = [name for name, one in self._settings.providers.items() if one.destinations]
        return [
            self.managed_at(self.cards.get(name), self.addresses_of(name))
            for name in ([provider] if provider else declared)
        ]

    def managed_at(self, card: Card, addresses: Sequence[Address]) -> Managed:
        """The card's secrets at some of its destinations."""
        from releaseguard.rotation.drift.survey import Managed

        sections = self._settings.services
        return Managed(
            card=card,
            chain_key=ChainKey(card.id, self._settings.environment),
            bindings=[self.place(card, address, None) for address in addresses],
            configured=[claim.address for claim in self.claims() if claim.owner.provider == card.id],
            read=ADDRESSES.parse,
            sensitive=any(service.wants_sensitive(sections[service.name]) for service in SERVICES),
        )

    def place(self, card: Card, address: Address, secret: str | None) -> Binding:
        """A destination with the names that the secret's unit has there. Raises ``ConfigError`` where two share one."""
        from releaseguard.rotation.context import Binding

        unit = card.unit_of(secret)
        if address.rename and len(unit) > 1:
            raise ConfigError(
                f"{address}: {' and '.join(member.name for member in unit)} cannot share one name",
                where=self._settings.where("providers", card.id, "destinations"),
                next_step="Leave the renaming out: each secret keeps its own name there.",
            )
        # The card's other secrets keep their own names: under one name the last written would replace the rest.
        named = address.rename and unit[0].name == card.unit_of(None)[0].name
        names = {unit[0].name: address.rename} if named and address.rename else {}
        return Binding(self.destination(address.place), names, self.sources.at(card.id, address))

    def claims(self) -> Iterator[Claim]:
        """Every name that the file says is written at some destination, by whom, over all its environments."""
        from releaseguard.rotation.context import Claim

        for environment, providers in self._settings.siblings.items():
            for provider, section in providers.items():
                claimed = self._settings.claims_destinations(environment, provider)
                for text in section.destinations if claimed else ():
                    where = self._settings.where("providers", provider, "destinations")
                    address = ADDRESSES.parse(text, where=where)
                    shared = section.shared is True or (
                        not isinstance(section.shared, bool) and bool({text, address.uri} & {*section.shared})
                    )
                    names = self._names_of(provider, address.rename)
                    yield from (Claim(address.place, name, ChainKey(provider, environment), shared) for name in names)

    def _names_of(self, provider: str, rename: str | None) -> Sequence[str]:
        """What the provider's secrets are called at a destination; ``rename`` is of the card's first one."""
        names = [secret.name for secret in self.cards.get(provider).secrets]
        return [rename, *names[1:]] if rename and names else names
