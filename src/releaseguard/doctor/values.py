"""The vocabulary of the doctor: what is looked at, what was found, and the context that it is found in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from releaseguard.appdb import AppDatabase
from releaseguard.cards.load import Cards
from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import Destination
from releaseguard.errors import ConfigError, ReleaseguardError
from releaseguard.eventlog.interface import EventLog
from releaseguard.leaks.interface import AlertSource
from releaseguard.model import Remark, Standing
from releaseguard.rotation.context import Claim
from releaseguard.settings import Settings
from releaseguard.vault.interface import Vault

Dates = tuple[datetime, datetime, datetime]
"""This machine's time before a question, the service's (whole seconds, cut), and ours after the answer."""


class Group:
    """In the order of a report."""

    CONFIGURATION = "configuration"
    CARDS = "cards"
    HOSTS = "hosts"
    CREDENTIALS = "credentials"
    INFISICAL = "infisical"
    GITHUB = "github"
    VERCEL = "vercel"
    SUPABASE = "supabase"
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
class DoctorContext:
    """Everything that can be looked at. What is a function is asked for at the look: it may raise."""

    settings: Settings
    environ: Mapping[str, str]
    provider: str | None
    cards: Cards
    card_problems: Sequence[ConfigError]
    own_cards: Sequence[str]
    addresses: Mapping[str, str]
    """Setting (``[github] url``) -> address."""
    refused: Mapping[str, ReleaseguardError]
    """Setting -> why SAFE MODE does not allow it, or sends no credential there."""
    run_refusal: ReleaseguardError | None = None
    """Why this run of GitHub Actions uses no credential, where it has some."""
    ignored_proxies: Sequence[str]
    date: Mapping[str, Callable[[], Dates | None]] = field(default_factory=dict)
    """By service; asked without any credential."""
    accounts: Mapping[str, Callable[[], Iterator[Remark]]] = field(default_factory=dict)
    """By service: whose credential it is, and what it may do."""
    vault: Callable[[], Vault]
    destination: Callable[[Address], Destination]
    alerts: Callable[[], AlertSource]
    claims: Callable[[], Sequence[Claim]]
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
