"""The provider's secrets, one place at a time, so that a dead service hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releaseguard.destinations.interface import Item, ItemKind, Observed
from releaseguard.errors import ExitCode, ReleaseguardError
from releaseguard.eventlog.interface import EventLog
from releaseguard.incident.sources.problems import ServiceLabel
from releaseguard.rotation.drift.compare import DriftFinding
from releaseguard.rotation.drift.survey import Managed, survey
from releaseguard.rotation.groups import COMPANION_SUFFIX
from releaseguard.secret import Secret
from releaseguard.vault.interface import Vault


@dataclass(frozen=True, slots=True)
class ConfiguredDestination:
    """One configured place; ``open`` may raise ``ConfigError`` where its service's credential is missing."""

    uri: str
    service: ServiceLabel
    open: Callable[[], Managed]
    """The provider with this place only."""


@dataclass(frozen=True, slots=True)
class DestinationObservation:
    """What a place shows of the provider's secrets."""

    site: ConfiguredDestination
    problem: ReleaseguardError | None = None
    """Why nothing is known."""
    observed: Mapping[str, Observed] = field(default_factory=dict)
    """Name on the card -> the secret or companion there, without its value."""
    findings: Sequence[DriftFinding] = ()
    """The comparison with the vault, where that could be read."""


@dataclass(slots=True)
class Secrets:
    """Looks at each place once, however often it is requested."""

    sites: Sequence[ConfiguredDestination]
    log: EventLog
    vault: Callable[[], Vault]
    vault_service: ServiceLabel
    vault_problem: ReleaseguardError | None = None
    """Why the places could not be compared with the vault."""
    _seen: Sequence[DestinationObservation] | None = field(default=None)

    def look(self) -> Sequence[DestinationObservation]:
        """What every place shows. Raises ``Refused`` only."""
        if self._seen is None:
            vault = self._opened()
            self._seen = [self._at(site, vault) for site in self.sites]
        return self._seen

    def written(self) -> Iterator[tuple[str, str, datetime]]:
        """Place, name and time of every write that a place reports."""
        for seen in self.look():
            for one in seen.observed.values():
                if one.present and one.changed_at is not None:
                    yield seen.site.uri, one.name, one.changed_at

    def _opened(self) -> Vault | None:
        if not self.sites:
            return None
        try:
            vault = self.vault()
            vault.names()
        except ReleaseguardError as error:
            self.vault_problem = unless_refused(error)
            return None
        return vault

    def _at(self, site: ConfiguredDestination, vault: Vault | None) -> DestinationObservation:
        try:
            managed = site.open()
            observed = _observed(managed)
            findings = survey([managed], vault, self.log, copies=False).findings if vault else ()
        except ReleaseguardError as error:
            return DestinationObservation(site, unless_refused(error))
        return DestinationObservation(site, None, observed, findings)


def unless_refused(error: ReleaseguardError) -> ReleaseguardError:
    """The error as a value. Refusals of SAFE MODE are raised, since they end the run."""
    if error.exit_code is ExitCode.REFUSED:
        raise error
    return error


def _observed(managed: Managed) -> Mapping[str, Observed]:
    """What a place shows when asked about an empty value, since presence and time of the last write need none."""
    [place] = managed.bindings
    secrets = [secret for secret in managed.card.secrets if secret.from_ != "manual"]
    there = {one.name: place.names_of(one.name)[0] for one in secrets if place.holds(one.name)}
    items = {name: Item(named, Secret(""), ItemKind.SECRET, 0) for name, named in there.items()}
    if place.destination.holds_companions:
        items |= {
            one.name + COMPANION_SUFFIX: Item(there[one.name] + COMPANION_SUFFIX, Secret(""), ItemKind.COMPANION, 0)
            for one in secrets
            if one.has_companion and one.name in there
        }
    seen = place.destination.observe(list(items.values())) if items else {}
    return {name: seen[item.name] for name, item in items.items() if item.name in seen}
