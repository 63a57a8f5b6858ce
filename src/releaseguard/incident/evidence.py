"""What the provider's own rows say since its trouble began. Pure: events in, counts and lines out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from releaseguard import readable
from releaseguard.cards.refused import is_refusal
from releaseguard.incident.recovery import Tally
from releaseguard.keeping import clean_identifier
from releaseguard.messages.message import Counted
from releaseguard.model import Event, Outcome, by_phones
from releaseguard.verification.whose.tags import release_in

LONGEST_VERSION = 100
MOST_WRITERS = 5
LONGEST_NAME = 80
NEWEST = 5
"""The number of errors shown one by one."""


class ErrorKind(NamedTuple):
    """An event and its error code; ``code`` is empty where the event has none."""

    event: str
    code: str


class WrittenBy(NamedTuple):
    """The release and source of an event; each is empty where the event does not name it."""

    release: str
    source: str


class SourceCount(NamedTuple):
    """The number of events of one writer, and of the errors among them."""

    events: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvidence:
    """Real traffic of one provider over some time."""

    since: datetime
    by_event: Mapping[str, int]
    by_source: Mapping[str, SourceCount]
    """Source -> its counts; ``client`` is the phones."""
    errors: Mapping[ErrorKind, int]
    by_writer: Mapping[WrittenBy, SourceCount] = field(default_factory=dict)
    """Release and source -> their counts."""
    by_minute: Mapping[datetime, Tally] = field(default_factory=dict)
    newest_errors: Sequence[str]
    """One line each, scrubbed, oldest first."""
    first: Mapping[str, datetime] = field(default_factory=dict)
    """Error code -> when it first occurred."""

    tags: frozenset[str] = frozenset()
    """The releases that the rows name, except those of phones, whose releases coexist for weeks."""

    refused: Mapping[str, int] = field(default_factory=dict)
    """``secret_version`` (empty for none) -> how many calls with a refused credential carried it."""

    def first_of(self, codes: Iterable[str] | None = None) -> datetime | None:
        """When the first error occurred, among those with one of ``codes`` where given; ``None`` without any."""
        wanted = None if codes is None else {*codes}
        return min((at for code, at in self.first.items() if wanted is None or is_refusal(code, wanted)), default=None)

    def share_of(self, codes: Iterable[str]) -> float:
        """The fraction of the errors with one of these codes."""
        wanted, total = {*codes}, sum(self.errors.values())
        refused = sum(count for (_, code), count in self.errors.items() if is_refusal(code, wanted))
        return refused / total if total else 0.0


@dataclass(slots=True)
class _RowCounts:
    """The counts collected row by row."""

    refusals: Collection[str]
    refused: Counter[str] = field(default_factory=Counter)
    by_event: Counter[str] = field(default_factory=Counter)
    calls: Counter[WrittenBy] = field(default_factory=Counter)
    failed: Counter[WrittenBy] = field(default_factory=Counter)
    errors: Counter[ErrorKind] = field(default_factory=Counter)
    newest: deque[Event] = field(default_factory=lambda: deque(maxlen=NEWEST))
    first: dict[str, datetime] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    minutes: dict[datetime, Tally] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        source = event.source or ""
        writer = WrittenBy(release_in(event.release) or "", source)
        self.by_event[event.event] += 1
        self.calls[writer] += 1
        minute, bad = event.occurred_at.replace(second=0, microsecond=0), event.outcome is Outcome.ERROR
        known = self.minutes.get(minute, Tally(0, 0))
        self.minutes[minute] = Tally(known.calls + 1, known.failed + bad)
        if event.release and not by_phones(source):
            self.tags.add(event.release)
        if bad:
            self._add_error(event, writer)

    def _add_error(self, event: Event, writer: WrittenBy) -> None:
        code = event.error_code or ""
        self.failed[writer] += 1
        self.errors[ErrorKind(event.event, code)] += 1
        self.newest.append(event)
        if is_refusal(code, self.refusals):
            self.refused[_version(event)] += 1
        self.first[code] = min(self.first.get(code, event.occurred_at), event.occurred_at)


def evidence_of(
    events: Iterable[Event], since: datetime, scrub: Callable[[str], str], refusals: Collection[str] = ()
) -> IncidentEvidence:
    """Count the provider's events from ``since`` on; ``refusals`` are the codes of a refused credential."""
    counts = _RowCounts(refusals)
    for event in events:
        counts.add(event)
    return IncidentEvidence(
        since=since,
        by_event=counts.by_event,
        by_source=_by_source(counts.calls, counts.failed),
        by_writer=_by_writer(counts.calls, counts.failed, scrub),
        by_minute=counts.minutes,
        errors=counts.errors,
        newest_errors=[scrub(_line(event)) for event in counts.newest],
        first=counts.first,
        tags=frozenset(counts.tags),
        refused={scrub(version): count for version, count in counts.refused.items()},
    )


def _by_source(calls: Mapping[WrittenBy, int], failed: Mapping[WrittenBy, int]) -> Mapping[str, SourceCount]:
    found = {source: SourceCount(0, 0) for source in sorted({one.source for one in calls})}
    for one, count in calls.items():
        known = found[one.source]
        found[one.source] = SourceCount(known.events + count, known.errors + failed.get(one, 0))
    return found


def _by_writer(
    calls: Mapping[WrittenBy, int], failed: Mapping[WrittenBy, int], scrub: Callable[[str], str]
) -> Mapping[WrittenBy, SourceCount]:
    """The counts by names that may be shown, since an app may write anything there."""
    found: dict[WrittenBy, SourceCount] = {}
    for one, count in sorted(calls.items()):
        # A commit looks like a secret: what masks those would make one writer of all releases.
        shown = WrittenBy(clean_identifier(one.release)[:LONGEST_NAME], scrub(one.source)[:LONGEST_NAME])
        known = found.get(shown, SourceCount(0, 0))
        found[shown] = SourceCount(known.events + count, known.errors + failed.get(one, 0))
    return found


def most_failing(evidence: IncidentEvidence) -> Sequence[tuple[WrittenBy, SourceCount]]:
    """The writers, those with the most errors first; empty where there is no error."""
    if not any(count.errors for count in evidence.by_writer.values()):
        return []
    return sorted(evidence.by_writer.items(), key=lambda one: (-one[1].errors, -one[1].events, one[0]))[:MOST_WRITERS]


def codes_of(errors: Mapping[ErrorKind, int]) -> Sequence[Counted]:
    """The error codes, most frequent first."""
    codes: Counter[str] = Counter()
    for kind, count in errors.items():
        codes[clean_identifier(kind.code)] += count
    return [Counted(*one) for one in sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))]


def refused_versions(evidence: IncidentEvidence) -> Sequence[Counted]:
    """The versions that refused calls carried, most frequent first, without those that carried none."""
    known = [Counted(*one) for one in evidence.refused.items() if one[0]]
    return sorted(known, key=lambda one: (-one.times, str(one.name)))


def _version(event: Event) -> str:
    version = event.detail.get("secret_version")
    if isinstance(version, Mapping):
        version = ", ".join(f"{name}={clean_identifier(str(number))}" for name, number in sorted(version.items()))
        return version[:LONGEST_VERSION]
    return clean_identifier(str(version))[:LONGEST_VERSION] if isinstance(version, str | int) else ""


def _line(event: Event) -> str:
    version = event.detail.get("secret_version")
    label = f"secret_version={version}" if isinstance(version, str | int) else None
    told = (event.event, event.error_code, event.source, event.release and event.release[:7], label)
    words = " ".join(clean_identifier(part) for part in told if part)
    return f"{readable.clock(event.occurred_at, seconds=True)} {words}"
