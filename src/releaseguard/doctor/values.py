"""The vocabulary of the examination: checks, their results, and their context."""

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
    """The groups in the order of a report; each service's own comes between the credentials and the events."""

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
    """Something to examine. ``look`` yields remarks, and raises an error where a problem ends the look."""

    id: str
    group: str
    title: str
    """What is unknown where the check is skipped."""
    look: Callable[[], Iterable[Remark]]
    after: Sequence[str] = ()
    """Ids of checks that must be well or unneeded for this one to make sense; ``cards*`` means all ids that begin
    so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLooks:
    """What can be examined of one service. Functions are called during the examination, and may raise."""

    name: str
    """The name of its group."""
    title: str
    date: Callable[[], ClockReading | None]
    """The service's time, requested without a credential."""
    places: Sequence[Address] = ()
    """Its destinations; the service is examined where there are any."""
    account: Callable[[], Iterator[Remark]] | None = None
    """Whose credential it is, and what it may do."""
    alerts: Callable[[], AlertSource] | None = None
    writers: Callable[[], WritersFound] | None = None
    """Workflows at the service that write managed secrets, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLooks:
    """What can be examined of the app's own backend."""

    date: Callable[[], ClockReading | None]
    account: Callable[[], Iterator[Remark]]
    """Whether it accepts its public key."""
    public_key: str
    """The name of the public key in the environment and in the vault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorContext:
    """Everything that can be examined. Functions are called during the examination, and may raise."""

    settings: Settings
    environ: Mapping[str, str]
    provider: str | None
    cards: Cards
    card_problems: Sequence[ConfigError]
    own_cards: Sequence[str]
    addresses: Mapping[str, str]
    """Setting (``[network] proxy``) -> address."""
    refused: Mapping[str, ReleaseguardError]
    """Setting -> why SAFE MODE does not allow its address, or sends no credential there."""
    run_refusal: ReleaseguardError | None = None
    """Why this run of a CI service may not use credentials, where it has some."""
    ignored_proxies: Sequence[str]
    read_address: ReadAddress
    places: Mapping[str, Sequence[Address]]
    """Provider -> its destinations, without unreadable ones."""
    requirements: Sequence[Requirement]
    replaceable: Sequence[str]
    """Variables of credentials that may be given twice, the new one next to the old one."""
    services: Sequence[ServiceLooks]
    vault_service: ServiceLooks
    vault_setting: str
    """The setting that says where the secrets are."""
    vault_is_set: bool
    app: AppLooks
    vault: Callable[[], Vault]
    destination: Callable[[Address], Destination]
    claims: Callable[[], Sequence[Claim]]
    misplaced: Callable[[], Sequence[tuple[str, ReleaseguardError]]]
    """Provider -> what is wrong with its destinations."""
    other_writers: Callable[[], Sequence[OtherWriter]]
    """Workflows of the app that write managed secrets, too."""
    log: Callable[[], EventLog]
    exposed: Callable[[EventLog], Remark] | None
    """Whether the app's public key can read the log; ``None`` where that cannot be asked."""
    database: Callable[[], AppDatabase] | None
    close: Callable[[], None] = lambda: None
    """Closes every connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All results, in the order of the groups."""

    findings: Sequence[CheckResult]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings, and checks skipped for other reasons, are no problem."""
        return not any(finding.status is Standing.FAIL for finding in self.findings)
