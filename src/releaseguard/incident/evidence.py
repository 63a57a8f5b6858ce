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
from releaseguard.keeping import identified
from releaseguard.messages.message import Counted
from releaseguard.model import Event, Outcome, by_phones
from releaseguard.verification.whose.tags import release_in

LONGEST_VERSION = 100
MOST_WRITERS = 5
LONGEST_NAME = 80
NEWEST = 5
"""Errors that are shown one by one."""


class ErrorKind(NamedTuple):
    """``code`` is empty where the event has none."""

    event: str
    code: str


class WrittenBy(NamedTuple):
    """Who wrote an event; empty where it does not say."""

    release: str
    source: str


class SourceCount(NamedTuple):
    """How many events one writer wrote, and how many of them are errors."""

    events: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvidence:
    """Real traffic of one provider in some time."""

    since: datetime
    by_event: Mapping[str, int]
    by_source: Mapping[str, SourceCount]
    """``client`` is the phones."""
    errors: Mapping[ErrorKind, int]
    by_writer: Mapping[WrittenBy, SourceCount] = field(default_factory=dict)
    """What each release wrote from each source."""
    by_minute: Mapping[datetime, Tally] = field(default_factory=dict)
    newest_errors: Sequence[str]
    """One line each, scrubbed, oldest first."""
    first: Mapping[str, datetime] = field(default_factory=dict)
    """When an error of each code first happened."""

    tags: frozenset[str] = frozenset()
    """What releases the rows carry, but for those of phones, whose releases live side by side for weeks."""

    refused: Mapping[str, int] = field(default_factory=dict)
    """How many calls with a refused credential carried which ``secret_version``; empty for none."""

    def first_of(self, codes: Iterable[str] | None = None) -> datetime | None:
        """When the first error happened, of those codes where they are given."""
        wanted = None if codes is None else {*codes}
        return min((at for code, at in self.first.items() if wanted is None or is_refusal(code, wanted)), default=None)

    def share_of(self, codes: Iterable[str]) -> float:
        """The share of the errors that carry one of these codes."""
        wanted, total = {*codes}, sum(self.errors.values())
        refused = sum(count for (_, code), count in self.errors.items() if is_refusal(code, wanted))
        return refused / total if total else 0.0


@dataclass(slots=True)
class _RowCounts:
    """What is counted row by row."""

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
    """By names as they may be shown: an app may write anything there."""
    found: dict[WrittenBy, SourceCount] = {}
    for one, count in sorted(calls.items()):
        # A commit looks like a secret: what masks those would make one writer of all releases.
        shown = WrittenBy(identified(one.release)[:LONGEST_NAME], scrub(one.source)[:LONGEST_NAME])
        known = found.get(shown, SourceCount(0, 0))
        found[shown] = SourceCount(known.events + count, known.errors + failed.get(one, 0))
    return found


def most_failing(evidence: IncidentEvidence) -> Sequence[tuple[WrittenBy, SourceCount]]:
    """Who wrote, those with the most errors first; nobody where there is no error."""
    if not any(count.errors for count in evidence.by_writer.values()):
        return []
    return sorted(evidence.by_writer.items(), key=lambda one: (-one[1].errors, -one[1].events, one[0]))[:MOST_WRITERS]


def codes_of(errors: Mapping[ErrorKind, int]) -> Sequence[Counted]:
    """The error codes, the most frequent first."""
    codes: Counter[str] = Counter()
    for kind, count in errors.items():
        codes[identified(kind.code)] += count
    return [Counted(*one) for one in sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))]


def refused_versions(evidence: IncidentEvidence) -> Sequence[Counted]:
    """What the refused calls carried, the most frequent first; without those that carried nothing."""
    known = [Counted(*one) for one in evidence.refused.items() if one[0]]
    return sorted(known, key=lambda one: (-one.times, str(one.name)))


def _version(event: Event) -> str:
    version = event.detail.get("secret_version")
    if isinstance(version, Mapping):
        version = ", ".join(f"{name}={identified(str(number))}" for name, number in sorted(version.items()))
        return version[:LONGEST_VERSION]
    return identified(str(version))[:LONGEST_VERSION] if isinstance(version, str | int) else ""


def _line(event: Event) -> str:
    version = event.detail.get("secret_version")
    label = f"secret_version={version}" if isinstance(version, str | int) else None
    told = (event.event, event.error_code, event.source, event.release and event.release[:7], label)
    words = " ".join(identified(part) for part in told if part)
    return f"{readable.clock(event.occurred_at, seconds=True)} {words}"
