"""The document that ``incident --json`` prints, and the page that its renderings are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from releaseguard import readable
from releaseguard.report.rows import BeforeAfterRow, CourseRow, MarkRow


class ChangeRow(TypedDict):
    """Something that changed; ``before_s`` is how long before the beginning (negative: after it)."""

    at: str
    kind: str
    """``release``, ``deployment``, ``rotation``, ``migration``, ``function`` or ``secret``."""
    what: str
    where: str
    url: str | None
    went_wrong: bool
    before_s: int | None
    likely: bool
    """Whether it is the one that explains the trouble best."""


class SymptomRow(TypedDict):
    """A symptom of the card; ``match`` is ``yes``, ``some``, ``no`` or ``unknown``."""

    text: str
    match: str
    since: str | None
    evidence: Sequence[str]


class ControlRow(TypedDict):
    """A control of the card; ``status`` is ``bad``, ``ok``, ``unclear``, ``not_done`` or ``person``."""

    text: str
    kind: str
    target: str | None
    status: str
    finding: Sequence[str]
    lines: Sequence[str]
    """What the app and its services wrote, scrubbed."""
    next_step: str | None
    command: str | None
    url: str | None


class ActionRow(TypedDict):
    """An action of the card, in the card's order."""

    number: int
    text: str
    command: str | None


class IncidentHealthRow(TypedDict):
    """The provider's real traffic in the looked-at time; rates between 0 and 1."""

    events: int
    successes: int
    errors: int
    error_rate: float | None
    usual_error_rate: float | None
    expected_events: float | None
    last_success: str | None
    last_error: str | None
    course: Sequence[CourseRow]
    expected_course: Sequence[float]


class OtherRow(TypedDict):
    """Another provider in trouble at the same time."""

    provider: str
    state: str
    since: str | None
    reason: str


class OpenRow(TypedDict):
    """An open leak or rotation, and what closes it where a person has to."""

    text: str
    next_step: str | None


class WriterRow(TypedDict):
    """What one release wrote from one source; ``null`` where the rows do not say."""

    release: str | None
    source: str | None
    events: int
    errors: int
    text: str


class IncidentDocument(TypedDict):
    """What ``incident --json`` prints: times are RFC 3339 in UTC; texts are in ``language``."""

    provider: str
    name: str
    environment: str
    language: str
    as_of: str
    window: Sequence[str]
    headline: str
    state: str
    """``healthy``, ``degraded``, ``down``, ``silent``, ``idle`` or ``unknown``."""
    reason: str
    began: str | None
    """About when; ``null`` where nothing is wrong, or nobody knows."""
    began_before_window: bool
    recovered_since: str | None
    """Since when calls are as usual again, where they seem to be."""
    health: IncidentHealthRow
    compared: BeforeAfterRow | None
    """Before the trouble began and from then on; ``null`` where it did not begin in the looked-at time."""
    writers: Sequence[WriterRow]
    """Who wrote the provider's rows since it began, the most failing first; empty without an error."""
    others: Sequence[OtherRow]
    changes: Sequence[ChangeRow]
    unread: Sequence[str]
    symptoms: Sequence[SymptomRow]
    controls: Sequence[ControlRow]
    actions: Sequence[ActionRow]
    rules: Sequence[str]
    open: Sequence[OpenRow]


Labels = Mapping[str, str]
"""The fixed words of the document's language."""


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """A document with the words around its parts."""

    document: IncidentDocument
    labels: Labels


MOST_CHANGES = 12
"""Changes that are shown: the nearest to the beginning."""


def clock(moment: str, document: IncidentDocument) -> str:
    """``10:15Z``, with its date where that is not today's."""
    return readable.clock_on(document["as_of"], moment)


def shown_changes(document: IncidentDocument) -> Sequence[ChangeRow | None]:
    """The changes nearest to the beginning in order of time; ``None`` is the beginning itself."""
    rows, began = document["changes"], document["began"]
    if began is None:
        return rows[-MOST_CHANGES:]
    near = sorted(rows, key=lambda row: abs(row["before_s"] or 0))[:MOST_CHANGES]
    ordered = sorted(near, key=lambda row: row["at"])
    until = began[:16]  # the beginning is known to the minute
    before = [row for row in ordered if row["at"][:16] <= until]
    return [*before, None, *ordered[len(before) :]]


def marks(document: IncidentDocument) -> Sequence[MarkRow]:
    """What changed in the looked-at time, for its chart, in order of time."""
    start, end = document["window"]
    inside = [row for row in document["changes"] if start <= row["at"] < end]
    return [{"at": row["at"], "kind": row["kind"], "what": row["what"]} for row in inside]


def is_link(url: str | None) -> bool:
    """Whether it can be opened, and ends where it seems to end."""
    return url is not None and url.startswith(("https://", "http://127.0.0.1")) and not set(url) & set("<>() \n")
