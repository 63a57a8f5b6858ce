"""The vocabulary of an incident, as values without any language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from releaseguard.cards.spec import Card, Control, Symptom
from releaseguard.eventlog.rows.aside import NOTHING, SetAsideTally
from releaseguard.health.values import HealthCondition, ProviderHealth
from releaseguard.incident.evidence import SourceCount, WrittenBy
from releaseguard.incident.recovery import WellAgain
from releaseguard.messages.message import Message


class Status(StrEnum):
    """The result of a control."""

    BAD = "bad"
    """Carried out, and something is wrong."""
    OK = "ok"
    """Carried out, and nothing is wrong."""
    UNCLEAR = "unclear"
    """Carried out, without a clear result."""
    NOT_DONE = "not_done"
    """Could not be carried out; the other controls were."""
    PERSON = "person"
    """For a person to carry out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """The result of a control. ``lines`` are texts of the app and its services, scrubbed."""

    status: Status
    says: Sequence[Message]
    lines: Sequence[str] = ()
    next_step: Message | None = None
    command: str | None = None
    """A command to copy."""
    url: str | None = None
    """A page to open."""


@dataclass(frozen=True, slots=True)
class CheckedControl:
    """A control of the card and its result."""

    control: Control
    finding: ControlResult


class ChangeKind(StrEnum):
    """What changed."""

    RELEASE = "release"
    DEPLOYMENT = "deployment"
    """The hosting service began to serve another deployment."""
    ROTATION = "rotation"
    MIGRATION = "migration"
    """A run of a workflow that a card names."""
    FUNCTION = "function"
    REVOCATION = "revocation"
    """A person confirmed that an old key is revoked."""
    SECRET = "secret"  # noqa: S105 - a kind, not a password


JUST_BEFORE = timedelta(hours=1)
"""How long before the beginning a change may be its cause."""
UNSURE = timedelta(minutes=3)
"""How long after the estimated beginning a change may still be its cause, since the estimate has an error."""
CREDENTIALS = frozenset({ChangeKind.ROTATION, ChangeKind.REVOCATION, ChangeKind.SECRET})
"""Kinds that explain refused credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """Something that changed before or after the incident began."""

    at: datetime
    kind: ChangeKind
    what: Message
    where: str = ""
    url: str | None = None
    provider: str | None = None
    """Whose credentials it changed, where it concerns one provider only."""
    went_wrong: bool = False
    """Whether the change itself is known to have failed."""
    live_since: datetime | None = None
    """When the release's own rows began, where that was not at its mark: a pipeline marks what is live already, and its
    clock may be hours behind."""
    told_at: datetime | None = None
    """When the log learned of it, where that was long after the time it states."""

    def in_force(self, began: datetime) -> datetime:
        """From when it may have caused what began at ``began``. Where no row shows that, a mark written long after its
        stated time may be from either time: a clock is behind, or it was marked afterwards."""
        if self.live_since is not None:
            return self.live_since
        is_told_later = self.told_at is not None and self.at <= self.told_at <= began + UNSURE
        return self.told_at if is_told_later and self.told_at and self.at < began - JUST_BEFORE else self.at


@dataclass(frozen=True, slots=True)
class UnavailableSource:
    """A place that could not be looked at, and why."""

    place: str
    problem: Message


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """The provider's real traffic in the requested time, before its trouble began and since then."""

    at: datetime
    before: tuple[int, int]
    """The successes and errors."""
    after: tuple[int, int]


class Match(StrEnum):
    """Whether the events show a symptom."""

    YES = "yes"
    SOME = "some"
    """A few events of its kind, as on good days."""
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SymptomMatch:
    """A symptom of the card, and what shows it."""

    symptom: Symptom
    match: Match
    says: Sequence[Message]
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Everything known about one provider's trouble at one moment."""

    card: Card
    environment: str
    since: datetime
    """The beginning of the requested time."""
    until: datetime
    health: ProviderHealth
    """For the requested time."""
    began: datetime | None
    """The approximate beginning; ``None`` where nothing is wrong, or it is not known."""
    before_window: bool
    """Whether it began before the requested time, so that ``began`` is the latest possible beginning."""
    symptoms: Sequence[SymptomMatch]
    writers: Sequence[tuple[WrittenBy, SourceCount]]
    """What each release wrote from each source since the beginning, most failing first."""
    others: Sequence[tuple[str, HealthCondition]]
    """Other providers in trouble at the same time."""
    changes: Sequence[ChangeRecord]
    cause: ChangeRecord | None
    """The change that explains it best; ``None`` without one."""
    unread: Sequence[UnavailableSource]
    """The sources in which changes could not be searched for."""
    controls: Sequence[CheckedControl]
    log_stopped: bool
    recovered: WellAgain | None = None
    """Since when calls are as usual again, where they seem to be."""
    compared: BeforeAfter | None = None
    """``None`` where nothing began within the requested time."""
    set_aside: SetAsideTally = NOTHING
    """The rows of the log that cannot be read."""
    unreadable: int = 0
    """Those of the requested time that belong to the provider, or may do so."""

    @property
    def condition(self) -> HealthCondition:
        return self.health.condition
