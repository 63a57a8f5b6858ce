"""The vocabulary of the doctor: what is looked at, what was found, and the context that it is found in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from releaseguard.appdb import AppDatabase
from releaseguard.cards.load import Cards
from releaseguard.credentials import Requirement
from releaseguard.destinations.address import Address, ReadAddress
from releaseguard.destinations.interface import Destination
from releaseguard.errors import ConfigError, ReleaseguardError
from releaseguard.eventlog.interface import EventLog
from releaseguard.http.replies import ClockReading
from releaseguard.leaks.interface import AlertSource
from releaseguard.model import Remark, Standing
from releaseguard.rotation.context import Claim
from releaseguard.rotation.identity.other_writers import OtherWriter, WritersFound
from releaseguard.settings import Settings
from releaseguard.vault.interface import Vault


class Group:
    """In the order of a report; each service's own comes between the credentials and the events."""

    CONFIGURATION = "configuration"
    CARDS = "cards"
    HOSTS = "hosts"
    CREDENTIALS = "credentials"
    EVENTS = "events"
    APP = "app"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report."""

    id: str
    group: str
    status: Standing
    what: str
    where: str | None = None
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. ``look`` gives remarks, and raises what is wrong where that ends the look."""

    id: str
    group: str
    title: str
    """What is not known where it is skipped."""
    look: Callable[[], Iterable[Remark]]
    after: Sequence[str] = ()
    """Ids of what has to be well, or not needed at all, for this to make sense; ``cards*``: all that begin so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLooks:
    """What can be looked at of one service. What is a function is asked for at the look: it may raise."""

    name: str
    """Its group."""
    title: str
    date: Callable[[], ClockReading | None]
    """What it says of the time, asked without any credential."""
    places: Sequence[Address] = ()
    """Destinations there; it is looked at where there are some."""
    account: Callable[[], Iterator[Remark]] | None = None
    """Whose credential it is, and what it may do."""
    alerts: Callable[[], AlertSource] | None = None
    writers: Callable[[], WritersFound] | None = None
    """What in the workflows that it keeps writes managed secrets too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLooks:
    """What can be looked at of the app's own backend."""

    date: Callable[[], ClockReading | None]
    account: Callable[[], Iterator[Remark]]
    """Whether it takes its public key."""
    public_key: str
    """What that is called in the environment and in the vault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorContext:
    """Everything that can be looked at. What is a function is asked for at the look: it may raise."""

    settings: Settings
    environ: Mapping[str, str]
    provider: str | None
    cards: Cards
    card_problems: Sequence[ConfigError]
    own_cards: Sequence[str]
    addresses: Mapping[str, str]
    """Setting (``[network] proxy``) -> address."""
    refused: Mapping[str, ReleaseguardError]
    """Setting -> why SAFE MODE does not allow it, or sends no credential there."""
    run_refusal: ReleaseguardError | None = None
    """Why this run of a CI service uses no credential, where it has some."""
    ignored_proxies: Sequence[str]
    read_address: ReadAddress
    places: Mapping[str, Sequence[Address]]
    """By provider: its destinations, without those that cannot be read."""
    requirements: Sequence[Requirement]
    replaceable: Sequence[str]
    """Variables of accesses that may be given a second time, the new one beside the old."""
    services: Sequence[ServiceLooks]
    vault_service: ServiceLooks
    vault_setting: str
    """What says where the secrets are."""
    vault_is_set: bool
    app: AppLooks
    vault: Callable[[], Vault]
    destination: Callable[[Address], Destination]
    claims: Callable[[], Sequence[Claim]]
    misplaced: Callable[[], Sequence[tuple[str, ReleaseguardError]]]
    """Provider, and what is wrong with where its secrets go."""
    other_writers: Callable[[], Sequence[OtherWriter]]
    """What in the app's own workflows writes managed secrets too."""
    log: Callable[[], EventLog]
    exposed: Callable[[EventLog], Remark] | None
    """Whether the app's public key reads the log; ``None`` where that cannot be asked."""
    database: Callable[[], AppDatabase] | None
    close: Callable[[], None] = lambda: None
    """Releases every connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found, in the order of the groups."""

    findings: Sequence[CheckResult]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings and what was skipped for other reasons are no problem."""
        return not any(finding.status is Standing.FAIL for finding in self.findings)
