"""The vocabulary of an incident: what is said of it, as values that no language is part of yet."""

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
    """What became of a control."""

    BAD = "bad"
    """Carried out, and something is wrong."""
    OK = "ok"
    """Carried out, and nothing is wrong."""
    UNCLEAR = "unclear"
    """Carried out, and nobody can tell."""
    NOT_DONE = "not_done"
    """Could not be carried out; the others were."""
    PERSON = "person"
    """For a person to carry out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """What a control found. ``lines`` are the words of the app and its services, scrubbed."""

    status: Status
    says: Sequence[Message]
    lines: Sequence[str] = ()
    next_step: Message | None = None
    command: str | None = None
    """To be copied."""
    url: str | None = None
    """To be opened."""


@dataclass(frozen=True, slots=True)
class CheckedControl:
    """A control of the card with its finding."""

    control: Control
    finding: ControlResult


class ChangeKind(StrEnum):
    """What changed."""

    RELEASE = "release"
    DEPLOYMENT = "deployment"
    """The hosting service began to serve something else."""
    ROTATION = "rotation"
    MIGRATION = "migration"
    """A run of a workflow that a card names."""
    FUNCTION = "function"
    REVOCATION = "revocation"
    """A person said that an old key is revoked."""
    SECRET = "secret"  # noqa: S105 - a kind, not a password


JUST_BEFORE = timedelta(hours=1)
"""How long before the beginning a change may lie to be taken for its cause."""
UNSURE = timedelta(minutes=3)
"""How long after the estimated beginning a change may lie and still have caused it: the estimate has an error."""
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
    """Whose credentials it changed, where it is about those of one provider alone."""
    went_wrong: bool = False
    """Whether the change itself is known to have failed."""
    live_since: datetime | None = None
    """When the release's own rows began, where that was not at its mark: a pipeline marks what serves already, and its
    clock may be hours behind."""
    told_at: datetime | None = None
    """When the log learned of it, where that was long after the time that it says."""

    def in_force(self, began: datetime) -> datetime:
        """From when on it may have caused what ``began`` then. Where no row tells, a mark that was written long after
        the time it bears is of either time: a clock that is behind, or a mark after the fact."""
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
    """The provider's real traffic of the looked-at time, before its trouble began and from then on."""

    at: datetime
    before: tuple[int, int]
    """Successes and errors."""
    after: tuple[int, int]


class Match(StrEnum):
    """Whether the events show a symptom."""

    YES = "yes"
    SOME = "some"
    """A few events of its kind, as there are on good days."""
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
    """Everything that is known about one provider's trouble as of one moment."""

    card: Card
    environment: str
    since: datetime
    """Where the looked-at time begins."""
    until: datetime
    health: ProviderHealth
    """Of the looked-at time."""
    began: datetime | None
    """About when; ``None`` where nothing is wrong, or nobody knows."""
    before_window: bool
    """Whether it began before the looked-at time, so that ``began`` is the latest it can be."""
    symptoms: Sequence[SymptomMatch]
    writers: Sequence[tuple[WrittenBy, SourceCount]]
    """What each release wrote from each source since it began, the most failing first."""
    others: Sequence[tuple[str, HealthCondition]]
    """Other providers in trouble at the same time."""
    changes: Sequence[ChangeRecord]
    cause: ChangeRecord | None
    """The change that explains it best, if any does."""
    unread: Sequence[UnavailableSource]
    """Where changes could not be looked for."""
    controls: Sequence[CheckedControl]
    log_stopped: bool
    recovered: WellAgain | None = None
    """Since when calls are as usual again, where they seem to be."""
    compared: BeforeAfter | None = None
    """``None`` where nothing began within the looked-at time."""
    set_aside: SetAsideTally = NOTHING
    """The rows of the log that cannot be read."""
    unreadable: int = 0
    """Those of the looked-at time that are the provider's, or may be."""

    @property
    def condition(self) -> HealthCondition:
        return self.health.condition
