"""Which secrets go where, according to the configuration: addresses, destinations, and who claims which name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import ADDRESSES, service_at, vault_of
from releaseguard.compose.placing.placements import Placement, Where, placements, refuse_misplaced, refuse_unknown
from releaseguard.compose.placing.workflows import workflows_at, workflows_elsewhere
from releaseguard.compose.sources import Sources
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError, Refused, ReleaseguardError, UsageError
from releaseguard.model import duration
from releaseguard.services import SERVICES
from releaseguard.settings.sections import ProviderSection

if TYPE_CHECKING:
    from releaseguard.deployments.interface import Deployer
    from releaseguard.destinations.interface import Destination
    from releaseguard.rotation.context import Binding, Claim
    from releaseguard.rotation.drift.ages import DueSecret
    from releaseguard.rotation.drift.survey import Managed
    from releaseguard.rotation.identity.other_writers import OtherWriter, WritersFound
    from releaseguard.vault.interface import Vault


class Bindings(Struct, dict=True, eq=False):
    """The vault, the destinations, and what connects a card's secrets to them."""

    clients: Clients
    cards: Cards

    def __post_init__(self) -> None:
        self._settings = self.clients.settings
        self.sources = Sources(self.clients)

    @cached_property
    def vault(self) -> Vault:
        """The vault, opened with whichever of its credentials the environment has. Raises ``ConfigError``."""
        service = vault_of(self._settings)
        if service.vault is None:
            raise ConfigError("no service is a vault")
        return service.vault(structs.replace(self.clients.context(service), folders=self.folders()))

    def folders(self) -> Mapping[str, str]:
        """Secret -> its folder in the vault, according to the file. Raises ``ConfigError`` where it names two."""
        found: dict[str, str] = {}
        for provider, section in self._settings.providers.items():
            if provider not in self.cards:
                continue
            refuse_unknown(self.cards.get(provider), section, self._where(provider))
            for name, folder in _folders_of(self.cards.get(provider), section):
                if found.setdefault(name, folder) != folder:
                    raise ConfigError(
                        f"{name} stands in {found[name]} and in {folder}",
                        where=self._where(provider)("path"),
                        next_step=f"Say one folder: [providers.{provider}.secrets.{name}] path.",
                    )
        return found

    def destination(self, address: Address) -> Destination:
        """The adapter for one address."""
        service = service_at(address)
        if service is None:
            from releaseguard.destinations.by_hand import ManualDestination

            return ManualDestination(address)
        if service.destination is None:
            raise ConfigError(f"{service.title} has no destinations", where=str(address))
        return service.destination(self.clients.context(service), address.place)

    def addresses_of(self, provider: str) -> Sequence[Address]:
        """The configured destinations of the provider and of its secrets. Raises ``ConfigError`` with file, line and
        key."""
        self._settings.destinations_of(provider)
        section, where = self._settings.providers[provider], self._where(provider)
        own = [(name, one.destinations or ()) for name, one in section.secrets.items()]
        found = [self._read(text, where("destinations")) for text in section.destinations]
        found += [self._read(text, where("secrets", name, "destinations")) for name, texts in own for text in texts]
        return list(dict.fromkeys(found))

    def addresses_for(self, card: Card, secret: str | None) -> Sequence[Address]:
        """Where the secret's unit is written; empty where it is kept at the provider."""
        return [placement.address for placement in self._placements_for(card, secret)]

    def addresses_from(self, provider: str) -> Sequence[Address]:
        """All configured destinations, this provider's first; empty for an environment that the file does not name."""
        if not self.is_declared():
            return []
        providers = self._settings.providers
        names = sorted(providers, key=lambda name: name != provider)
        return [address for name in names if providers[name].every_destination for address in self.addresses_of(name)]

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
        declared = [name for name, one in self._settings.providers.items() if one.every_destination]
        cards = [self.cards.get(name) for name in ([provider] if provider else declared)]
        return [self.managed_at(card, self.placements_of(card)) for card in cards]

    def managed_at(self, card: Card, places: Sequence[Placement]) -> Managed:
        """The card's secrets at some of its places."""
        from releaseguard.rotation.drift.survey import Managed

        sections = self._settings.services
        return Managed(
            card=card,
            chain_key=ChainKey(card.id, self._settings.environment),
            bindings=[self._binding(card, place, card.secrets) for place in places],
            deployers=self._deployers([place.address for place in places]),
            configured=[claim.address for claim in self.claims() if claim.owner.provider == card.id],
            read=ADDRESSES.parse,
            max_ages=self._max_ages(card),
            sensitive=any(service.wants_sensitive(sections[service.name]) for service in SERVICES),
        )

    def _deployers(self, addresses: Sequence[Address]) -> Mapping[str, Deployer]:
        """The services that tell which deployment a place serves, where they deploy it themselves."""
        by_others = self._settings.deployments
        found = {one.base: self.deployer(one) for one in addresses if one.base not in by_others}
        return {base: deployer for base, deployer in found.items() if deployer is not None}

    def deployer(self, address: Address) -> Deployer | None:
        """What redeploys the app behind an address; ``None`` where nothing has to be redeployed."""
        service = service_at(address)
        return service.deployer(self.clients.context(service), address) if service and service.deployer else None

    def due(self, now: datetime, provider: str | None = None) -> Iterator[DueSecret]:
        """Secrets that have passed their maximum age. The vault is asked only for secrets that have one.

        Raises ``ConfigError`` without its credential, and ``ServiceError`` where it does not answer.
        """
        for name, section in self._settings.providers.items():
            if provider in (None, name) and section.every_destination and name in self.cards:
                ages = self._max_ages(self.cards.get(name))
                if ages:
                    from releaseguard.rotation.drift.ages import due

                    yield from due(name, self._settings.environment, ages, self.vault, now)

    def _max_ages(self, card: Card) -> Mapping[str, timedelta]:
        """The greatest age of each secret: the file overrides the card."""
        section = self._settings.providers.get(card.id)
        own = {name: one.max_age for name, one in (section.secrets if section else {}).items()}
        said = {secret.name: own.get(secret.name) or secret.max_age for secret in card.secrets}
        return {name: duration(text) for name, text in said.items() if text}

    def placements_of(self, card: Card) -> Sequence[Placement]:
        """Where each of the card's secrets goes. Raises ``ConfigError`` where the file is ambiguous, and ``Refused``
        where it would publish a server-side secret."""
        self._settings.destinations_of(card.id)
        section, where = self._settings.providers[card.id], self._where(card.id)
        refuse_misplaced(card, section, self._read, where)
        return placements(card, section, self._read, where)

    def bindings_for(self, card: Card, secret: str | None) -> Sequence[Binding]:
        """The destinations of the secret's unit, with its names there. Raises what :meth:`placements_of` raises."""
        return [self._binding(card, one, card.unit_of(secret)) for one in self._placements_for(card, secret)]

    def problems(self) -> Iterator[tuple[str, ReleaseguardError]]:
        """Providers whose destinations are misconfigured, each with the error."""
        for provider, section in self._settings.providers.items():
            if provider in self.cards and section.every_destination:
                try:
                    refuse_misplaced(self.cards.get(provider), section, self._read, self._where(provider))
                except (ConfigError, Refused) as error:
                    yield provider, error

    def other_writers(self, provider: str | None = None) -> Sequence[OtherWriter]:
        """Commands in the checkout's workflows that write managed secrets too, of all providers or one."""
        return self._writing(workflows_at(self._settings.root), provider)

    def writers_everywhere(self, provider: str | None = None) -> WritersFound:
        """The same, together with the workflows of the repositories that are destinations."""
        from releaseguard.rotation.identity.other_writers import WritersFound

        elsewhere = self.writers_elsewhere(provider)
        return WritersFound([*self.other_writers(provider), *elsewhere.writers], elsewhere.unread)

    def writers_elsewhere(self, provider: str | None = None) -> WritersFound:
        """Such commands in the workflows of the repositories that are destinations, without those of the checkout.
        Raises ``ServiceError`` where a service does not answer."""
        from releaseguard.rotation.identity.other_writers import WritersFound

        known = {(one.file, one.line, one.command) for one in self.other_writers(provider)}
        found, unread = self._workflows_elsewhere
        there = self._writing(found, provider)
        others = [one for one in there if (one.file.partition(" ")[2], one.line, one.command) not in known]
        return WritersFound(others, unread)

    @cached_property
    def _workflows_elsewhere(self) -> tuple[Mapping[str, str], Sequence[str]]:
        return workflows_elsewhere(self.clients, [claim.address for claim in self.claims()])

    def _writing(self, files: Mapping[str, str], provider: str | None) -> Sequence[OtherWriter]:
        from releaseguard.rotation.identity.other_writers import Signs, other_writers

        signs = Signs(
            writes=[service.written_by for service in SERVICES if service.written_by],
            brings=[service.brought_by for service in SERVICES if service.brought_by],
        )
        mine = [claim.name for claim in self.claims() if provider in (None, claim.owner.provider)]
        return other_writers(files, {*mine}, signs)

    def claims(self) -> Iterator[Claim]:
        """Every name that the file writes at some destination, with its owner, over all environments."""
        from releaseguard.rotation.context import Claim

        for environment, providers in self._settings.siblings.items():
            for provider, section in providers.items():
                if not (section.every_destination and self._settings.claims_destinations(environment, provider)):
                    continue
                owner = ChainKey(provider, environment)
                for place in placements(self.cards.get(provider), section, self._read, self._where(provider)):
                    shared = self._is_shared(section, place.address)
                    names = [name for named in place.names.values() for name in named]
                    yield from (Claim(place.address, name, owner, shared) for name in names)

    def _placements_for(self, card: Card, secret: str | None) -> Sequence[Placement]:
        members = card.unit_of(secret)
        if all(member.from_ == "manual" for member in members):
            return ()
        return [place for place in self.placements_of(card) if any(place.of(members).values())]

    def _binding(self, card: Card, place: Placement, members: Sequence[SecretSpec]) -> Binding:
        from releaseguard.rotation.context import Binding

        names = {name: named for name, named in place.of(members).items() if tuple(named) != (name,)}
        return Binding(self.destination(place.address), names, self.sources.at(card.id, place.address))

    def _is_shared(self, section: ProviderSection, address: Address) -> bool:
        if isinstance(section.shared, bool):
            return section.shared
        spelled = {text for text in section.every_destination if self._read(text, "").place == address}
        return bool({address.uri, *spelled} & {*section.shared})

    def _where(self, provider: str) -> Where:
        return partial(self._settings.where, "providers", provider)

    @staticmethod
    def _read(text: str, where: str) -> Address:
        return ADDRESSES.parse(text, where=where or None)


def _folders_of(card: Card, section: ProviderSection) -> Iterator[tuple[str, str]]:
    for secret in card.secrets:
        own = section.secrets.get(secret.name)
        folder = (own.path if own else None) or section.path
        if folder:
            yield secret.name, folder
