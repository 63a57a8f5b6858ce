"""What unreadable rows do to a verdict: they prevent a PASS, and neither they nor their absence counts against a
release. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from msgspec import UNSET

from releaseguard.cards.spelling import bare
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import SetAside
from releaseguard.model import OURSELVES, Event, Outcome, Verdict, from_text
from releaseguard.stats.series import minute_of
from releaseguard.verification.evidence import Evidence, FailedOn, SignalEvidence, VolumeRuleEvidence
from releaseguard.verification.explain.words import would_change
from releaseguard.verification.values import Finding

TOLERATED: Final = 0.01
"""The fraction of a provider's rows since the mark above which unreadable ones may hide a harm."""
BESIDE_THE_LOG: Final = frozenset({"secret", "invariant"})
"""Kinds of check that do not depend on the log's rows."""
LEAST_HIDDEN: Final = 3
"""The number of unreadable rows below which they are no harm, even if all were errors."""
UNDATED: Final = "undated"
"""The key of a look's detail that identifies the rows without any time."""
MOST_REMEMBERED: Final = 200
CORRECT: Final = "correct them (releaseguard doctor names them)"


def seen_since(rows: Iterable[MinuteCount], mark: datetime) -> Mapping[str, int]:
    """The rows of each provider since the mark, repeats included."""
    seen: Counter[str] = Counter()
    for row in rows:
        if row.occurred_minute >= mark.replace(second=0, microsecond=0):
            seen[row.provider] += row.count + row.repeats
    return seen


class UnreadKind(NamedTuple):
    """To whom unreadable rows belong, as far as they show it, and when they were, in minutes since 1970."""

    provider: str | None
    occurred: int | None
    learned: int | None
    is_error: bool
    """Whether they can be recognised as errors."""

    @property
    def at(self) -> int | None:
        """When they were, else when the log learned of them; ``None`` where neither is known."""
        return self.learned if self.occurred is None else self.occurred


@dataclass(frozen=True, slots=True)
class Unread:
    """The unreadable rows of one environment, counted by the minute."""

    rows: Mapping[UnreadKind, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of rows."""
        return sum(self.rows.values())

    @property
    def undated(self) -> int:
        """The number of rows that do not show when they were, and may be of any time."""
        return sum(count for kind, count in self.rows.items() if kind.at is None)

    def perhaps_of(self, provider: str) -> Unread:
        """The rows that belong to the provider, in any spelling, or may do so."""
        written = bare(provider)
        return self._where(lambda kind: kind.provider is None or bare(kind.provider) == written)

    def between(self, start: int, end: int) -> Unread:
        """The rows of the minutes ``[start, end)``, and those that do not show when they were."""
        return self._where(lambda kind: kind.at is None or start <= kind.at < end)

    def learned_by(self, minute: int) -> Unread:
        """The rows that the log had learned of before ``minute``."""
        return self._where(lambda kind: _known_since(kind) is None or (_known_since(kind) or 0) < minute)

    def no_errors(self) -> Unread:
        """The rows that cannot be recognised as errors."""
        return self._where(lambda kind: not kind.is_error)

    def _where(self, takes: Callable[[UnreadKind], bool]) -> Unread:
        return Unread({kind: count for kind, count in self.rows.items() if takes(kind)})


def _known_since(kind: UnreadKind) -> int | None:
    return kind.occurred if kind.learned is None else kind.learned


def unread_of(rows: Iterable[SetAside]) -> Unread:
    """Count the rows; rows of ours are not traffic."""
    counted: Counter[UnreadKind] = Counter()
    for row in rows:
        if row.provider != OURSELVES:
            occurred, learned = (None if at is None else minute_of(at) for at in (row.occurred_at, row.recorded_at))
            counted[UnreadKind(row.provider, occurred, learned, row.outcome is Outcome.ERROR)] += 1
    return Unread(counted)


def undated_in(rows: Iterable[SetAside]) -> Sequence[str]:
    """Identifies, by their ids, the rows that show neither when they were nor when the log learned of them. A look
    records this, since nothing else shows whether such a row was there before a deployment."""
    undated = {row.row for row in rows if row.occurred_at is None and row.recorded_at is None and row.row}
    return sorted(sha256(one.encode()).hexdigest()[:16] for one in undated)[:MOST_REMEMBERED]


def not_seen_before(rows: Iterable[SetAside], looks: Iterable[Event]) -> Sequence[SetAside]:
    """The rows without those that have no time and were seen by a look before the deployment, since those are not the
    release's."""
    known = {mark for look in looks for mark in _marks(look.detail.get(UNDATED))}
    return [row for row in rows if not known.intersection(undated_in([row]))]


def _marks(said: object) -> Sequence[str]:
    return [one for one in said if isinstance(one, str)] if isinstance(said, list | tuple) else []


def held_back(findings: Sequence[Finding], unread: Unread, seen: Mapping[str, int]) -> Sequence[Finding]:
    """The findings without any PASS that unreadable rows might contradict, and without failures that rest on them
    alone."""
    if not unread.rows:
        return findings
    return [
        _held_back(finding, unread.perhaps_of(finding.provider), seen.get(finding.provider, 0)) for finding in findings
    ]


def hides_a_harm(provider: str, unread: Unread, seen: Mapping[str, int]) -> bool:
    """Whether so many of a provider's rows cannot be read that none of its checks passes."""
    return _is_too_much(unread.perhaps_of(provider).total, seen.get(provider, 0))


def _is_too_much(unread: int, read: int) -> bool:
    return unread > TOLERATED * (unread + read)


def may_go_on(evidence: Evidence, unread: int) -> bool:
    """Whether the rows would be no harm in the card's sense even if each of ``unread`` were an error."""
    if not isinstance(evidence, SignalEvidence):
        return True
    return unread < LEAST_HIDDEN or evidence.errors + unread <= evidence.limit * (evidence.events + unread)


def _held_back(finding: Finding, mine: Unread, read: int) -> Finding:
    unread = mine.total
    if not unread or finding.kind in BESIDE_THE_LOG:
        return finding
    finding = replace(finding, evidence=replace(finding.evidence, set_aside=unread))
    if not _is_too_much(unread, read):
        return finding
    told = f"{unread} of {unread + read} rows since the deployment cannot be read and are set aside"
    undecided = finding.undecided if may_go_on(finding.evidence, unread) else "block"
    if finding.verdict is Verdict.PASS:
        why = f"{told}, and more than {TOLERATED:.0%} of them may hide a harm: {CORRECT}"
    elif finding.verdict is Verdict.INCONCLUSIVE:
        why = f"{told}: {CORRECT}"
    elif none := _perhaps_none(finding.evidence, mine):
        finding, undecided = replace(finding, reason=none.words, evidence=none.evidence), "block"
        why = f"{told}, and may be what is missing: {CORRECT}"
        if finding.kind == "signal":
            why = f"{told}, and may be the successes that are missing beside them: {CORRECT}"
    else:
        return finding
    old = _of_any_time(undated) if (undated := mine.undated) else ""
    reason = f"{finding.reason}; but {why}{old}"
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason, undecided=undecided)


def _of_any_time(rows: int) -> str:
    if rows == 1:
        return f"; {rows} of them has no time and may be of long ago: no later deployment is held up by it"
    return f"; {rows} of them have no time and may be of long ago: no later deployment is held up by them"


class _None(NamedTuple):
    """A failure that may be none."""

    words: str
    evidence: Evidence


def _perhaps_none(evidence: Evidence, unread: Unread) -> _None | None:
    """The failure, where readable values in the unreadable rows would have prevented it; ``None`` otherwise."""
    if not isinstance(evidence, SignalEvidence | VolumeRuleEvidence) or evidence.failed_on is None:
        return None
    found, failed_at = evidence.failed_on, evidence.failed_at
    if failed_at is None:
        return None
    there = unread.between(minute_of(from_text(found.since)), minute_of(from_text(failed_at)))
    none = replace(evidence, failed_at=None, failed_on=None, would_change=would_change(Verdict.INCONCLUSIVE))
    if isinstance(evidence, SignalEvidence):
        if _is_too_high(evidence, found, there.no_errors().total):
            return None
        words = f"observed {evidence.errors} errors of {evidence.events} events"
        return _None(words, none)
    if not _is_loss(evidence, found, 0) or _is_loss(evidence, found, there.total):
        return None
    words = f"observed {evidence.events} events where {evidence.expected:.1f} were expected"
    return _None(words, replace(none, silence_cause=None))


def _is_too_high(evidence: SignalEvidence, found: FailedOn, successes: int) -> bool:
    errors = 0 if found.errors is UNSET else found.errors
    return errors > max(evidence.limit, evidence.ceiling or 0.0) * (found.events + successes)


def _is_loss(evidence: VolumeRuleEvidence, found: FailedOn, more: int) -> bool:
    if evidence.max_drop is None or found.expected is UNSET:
        return False
    least = 1.0 - evidence.max_drop if more else 1.0
    return found.events + more <= least * found.expected
