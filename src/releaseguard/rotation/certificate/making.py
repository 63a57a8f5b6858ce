"""Makes a certificate of revocation from the rows of the log. Pure.

A consumer is a source of the app, with the destination and component that the configuration assigns to it. Rows are
read as they are for a proof. A row from before the new value was in service used the old one, whatever label it
carries. A consumer whose clock is hours behind would seem to use the old value for ever, so the delay between its clock
and the log's is estimated and subtracted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from releaseguard import readable
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.keeping import clean_identifier
from releaseguard.model import CLIENT, Event, to_text
from releaseguard.rotation.history.parts import CertificateRecord, ConsumerRecord
from releaseguard.rotation.proof.denials import has_failed, refuses
from releaseguard.rotation.proof.rows import Says, says_of, used_the_value_before
from releaseguard.rotation.proof.values import Question, RuntimeDestination

MOST = 200
"""The most consumers that a certificate names."""
AGREE = timedelta(minutes=1)
"""How close the delays of late rows must be to blame the clock, and the least time over which they must agree."""


@dataclass(frozen=True, slots=True)
class EarlierUse:
    """The uses by one source before the rows that are read one by one."""

    count: int
    last: datetime
    """The last use, to the minute."""


@dataclass(slots=True)
class _UseOfValues:
    """What one source did with each value."""

    new: list[datetime] = field(default_factory=list)
    old: list[datetime] = field(default_factory=list)
    earlier: EarlierUse | None = None
    unlabelled: list[datetime] = field(default_factory=list)
    failures: int = 0
    refused: int = 0
    others: int = 0
    """Uses of other secrets of the provider."""

    @property
    def is_any(self) -> bool:
        """Whether any row was seen that may be a use of this secret."""
        return bool(self.new or self.old or self.earlier or self.unlabelled or self.failures)


def earlier_uses(counted: Iterable[MinuteCount]) -> Mapping[str | None, EarlierUse]:
    """Earlier uses per source; rows of phones are left out."""
    found: dict[str | None, EarlierUse] = {}
    for one in counted:
        if one.source != CLIENT and one.count:
            known = found.get(one.source, EarlierUse(0, one.occurred_minute))
            found[one.source] = EarlierUse(known.count + one.count, max(known.last, one.occurred_minute))
    return found


def clocks_behind(rows: Iterable[Event]) -> Mapping[str | None, timedelta]:
    """Per source, how far its clock is behind the log's, where successive rows agree on it. Rows that were buffered and
    sent together are late as well, but say nothing about a clock."""
    delays: dict[str | None, list[tuple[timedelta, datetime]]] = {}
    for row in rows:
        if row.recorded_at is not None:
            delays.setdefault(row.source, []).append((row.recorded_at - row.occurred_at, row.recorded_at))
    behind: dict[str | None, timedelta] = {}
    for source, found in delays.items():
        shortest = min(delay for delay, _ in found)
        agreeing = [recorded for delay, recorded in found if delay - shortest < AGREE]
        if shortest > AGREE and max(agreeing) - min(agreeing) >= AGREE:
            behind[source] = shortest
    return behind


def certificate_of(
    question: Question,
    events: Iterable[Event],
    now: datetime,
    *,
    began: datetime,
    components: Mapping[str, Sequence[str]],
    earlier: Mapping[str | None, EarlierUse] = MappingProxyType({}),
) -> CertificateRecord:
    """The certificate as of ``now``: every source in the rows, in the usual traffic or in the configuration, except
    those that use other secrets of the provider and were never seen with this one.

    ``earlier`` holds who used the old value before ``events`` begin.
    """
    expected = [*_expected(question), *earlier]
    uses = {source: _UseOfValues(earlier=earlier.get(source)) for source in expected}
    rows = [event for event in events if event.source != CLIENT and question.is_about(event)]
    behind = clocks_behind(rows)
    for event in rows:
        use, since = uses.setdefault(event.source, _UseOfValues()), _since(question, event.source, began)
        _count(use, event, event.occurred_at + behind.get(event.source, timedelta()), question, since)
    seen = {source: use for source, use in uses.items() if _is_one(use, source, question)}
    consumers = [_consumer(source, use, question, components) for source, use in seen.items()]
    ordered = sorted(consumers, key=lambda one: (one.new > 0, one.source or ""))
    return CertificateRecord(
        as_of=to_text(now), since=to_text(_since(question, None, began)), consumers=tuple(ordered[:MOST])
    )


def _expected(question: Question) -> Sequence[str | None]:
    named = {source for runtime in question.runtimes for source in runtime.sources or ()}
    return [*dict.fromkeys([*sorted(named), *question.traffic])]


def _is_one(use: _UseOfValues, source: str | None, question: Question) -> bool:
    """Whether the source is a consumer. Rows without a source are not, and neither is a source that only uses another
    secret of the provider, wherever the configuration says that it runs."""
    return use.is_any or (source is not None and (source in question.traffic or not use.others))


def _since(question: Question, source: str | None, began: datetime) -> datetime:
    """The time from which the new value serves the source."""
    mine = [one.serving for one in question.runtimes if source is None or one.runs(source)]
    return max(mine, default=began)


def _count(use: _UseOfValues, event: Event, at: datetime, question: Question, since: datetime) -> None:
    refused = refuses(question, event)
    if refused or has_failed(event):
        late = at >= since
        use.failures += late
        use.refused += late and refused
        return
    if not question.shows_success(event):
        if used_the_value_before(question, event):
            use.old.append(at)
        elif question.shows_others(event):
            use.others += 1
        return
    says = says_of(question, event)
    if says in (Says.NEW_VERSION, Says.NEW_DEPLOYMENT):
        use.new.append(at)
    elif says is Says.OLD or at < since:
        use.old.append(at)
    else:
        use.unlabelled.append(at)


def _consumer(
    source: str | None, use: _UseOfValues, question: Question, components: Mapping[str, Sequence[str]]
) -> ConsumerRecord:
    component = next((name for name, sources in components.items() if source in sources), None)
    return ConsumerRecord(
        source=clean_identifier(source) or None if source else None,
        destination=_destination(question.runtimes, source),
        component=component,
        new=len(use.new),
        new_since=_text(min(use.new, default=None)),
        new_last=_text(max(use.new, default=None)),
        old=len(use.old) + (use.earlier.count if use.earlier else 0),
        old_last=_text(max(use.old, default=use.earlier.last if use.earlier else None)),
        unlabelled=len(use.unlabelled),
        unlabelled_last=_text(max(use.unlabelled, default=None)),
        failures=use.failures,
        refused=use.refused,
        shows=None if use.new else _what_shows_it(question, source, use),
    )


def _destination(runtimes: Sequence[RuntimeDestination], source: str | None) -> str | None:
    """The destination on which the configuration says that the source runs; ``None`` where it does not say."""
    named = [one.uri for one in runtimes if one.sources is not None and source in one.sources]
    return named[0] if len(named) == 1 else None


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None


def _what_shows_it(question: Question, source: str | None, use: _UseOfValues) -> str:
    """What would have to happen for a consumer to be seen with the new value."""
    hourly = question.traffic.get(source, 0.0)
    flow = f", or run the flow {question.flow}" if question.flow else ""
    if use.unlabelled:
        return "it is in use: its rows have to say which value they used"
    if hourly <= 0 and (use.old or use.failures):
        return "it is in use: it has to succeed with the new value"
    if hourly <= 0:
        return f"nothing came from it in the day before: use it{flow}"
    wait = readable.roughly(max(timedelta(hours=1 / hourly), timedelta(seconds=1)))
    return f"usually {hourly:.3g} an hour, so about {wait}{flow}"
