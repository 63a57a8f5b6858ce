"""Counts per minute and their meaning, computed in memory; stores that count by themselves give the same result.
Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from releaseguard.eventlog.latencies import Histogram, bound_of, flat
from releaseguard.model import OURSELVES, Event, Outcome, by_phones


class MinuteCount(Struct, frozen=True, gc=False):
    """How many events of one kind happened in one minute, and in which minute the log learned of them.

    Rows with the same correlation id, environment, provider, event, outcome and exact ``occurred_at`` are one use that
    was written more than once. The one recorded first (by ``recorded_at``, ``occurred_at``, ``id``; without
    ``recorded_at``, the one that occurred first) is in ``count``, the others in ``repeats``. A row with another time is
    another use; one action of a user may make several. The first one counts because then later rows change nothing: the
    sum of the counts with ``recorded_minute`` up to the end of some minute is what the log said at that time
    (:meth:`~releaseguard.eventlog.interface.EventLog.minute_counts` with ``recorded_until``).
    """

    occurred_minute: datetime
    recorded_minute: datetime | None
    """``None`` where the table has no ``recorded_at``."""
    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    synthetic: bool
    source: str | None
    count: int
    repeats: int
    trials: int
    """The number of actions that the rows represent. A row without a correlation id is one. The rows with the same id,
    provider, minute, release, source and deployment are one bad action where any is an error, counted with the first
    error recorded; otherwise one good action for each event. Where the error was recorded after a success, what the
    success counted for is taken back in that minute, so a count may be negative."""
    squares: int
    """The sum, over correlation ids, of the squared numbers of their rows. Divided by ``count`` it says how much more
    the count varies than if each row were an action of its own. What a later row adds counts in the minute of its
    recording."""
    deployment_id: str | None = None
    """``detail.deployment_id``, where the question separates counts by it."""
    latency: Histogram | None = None
    """The latencies of those in ``count`` that have one; ``None`` where the store does not count them."""

    @property
    def client(self) -> bool:
        """Whether an installed app wrote it, which a redeploy does not reach."""
        return by_phones(self.source)


class _Kind(NamedTuple):
    minute: datetime
    recorded: datetime | None
    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    synthetic: bool
    source: str | None
    deployment_id: str | None


class _Counts(Struct):
    count: int = 0
    repeats: int = 0
    trials: int = 0
    squares: int = 0
    took: Counter[int] = field(default_factory=Counter)

    @property
    def is_anything(self) -> bool:
        return bool(self.count or self.repeats or self.trials)


class _Action(Struct):
    """The rows of one correlation id that are one action, in the order of recording."""

    rows: list[tuple[_Kind, datetime]] = field(default_factory=list)
    """Each with when the log learned of it."""


def count_minutes(events: Iterable[Event], *, by_deployment: bool = False) -> Iterator[MinuteCount]:
    """The counts of :meth:`EventLog.minute_counts`, computed in memory."""
    rows = [event for event in events if event.provider != OURSELVES]
    rows.sort(key=lambda event: (_learned(event), event.occurred_at, event.id.int))
    counts: defaultdict[_Kind, _Counts] = defaultdict(_Counts)
    actions: defaultdict[tuple[str | None, ...], _Action] = defaultdict(_Action)
    seen: set[tuple[object, ...]] = set()
    for event in rows:
        kind, happening = _kind(event, by_deployment=by_deployment), _happening(event)
        if happening in seen:
            counts[kind].repeats += 1
            continue
        counts[kind].count += 1
        if event.latency_ms is not None:
            counts[kind].took[bound_of(event.latency_ms)] += 1
        if happening is None:
            counts[kind].trials += 1
            counts[kind].squares += 1
        else:
            seen.add(happening)
            actions[_action(event, kind)].rows.append((kind, _learned(event)))
    for action in actions.values():
        _try(action.rows, counts)
    for kind in sorted((kind for kind, held in counts.items() if held.is_anything), key=_order):
        held = counts[kind]
        figures = held.count, held.repeats, held.trials, held.squares, kind.deployment_id, flat(held.took)
        yield MinuteCount(*kind[:-1], *figures)


def _try(rows: Sequence[tuple[_Kind, datetime]], counts: defaultdict[_Kind, _Counts]) -> None:
    """Count what the rows of one action represent."""
    spoilt = next((one for one in rows if one[0].outcome is Outcome.ERROR), None)
    of_event: Counter[tuple[str, Outcome]] = Counter()
    for kind, learned in rows:
        of_event[kind.event, kind.outcome] += 1
        nth = of_event[kind.event, kind.outcome]
        counts[kind].squares += 2 * nth - 1
        if kind.outcome is Outcome.ERROR:
            counts[kind].trials += spoilt is not None and spoilt[0] is kind
        elif nth == 1 and (spoilt is None or learned < spoilt[1]):
            counts[kind].trials += 1
            if spoilt is not None:
                counts[kind._replace(recorded=spoilt[0].recorded)].trials -= 1


def _learned(event: Event) -> datetime:
    return event.recorded_at or event.occurred_at


def _happening(event: Event) -> tuple[object, ...] | None:
    if event.correlation_id is None:
        return None
    return event.correlation_id, event.environment, event.provider, event.event, event.outcome, event.occurred_at


def _action(event: Event, kind: _Kind) -> tuple[str | None, ...]:
    told = (kind.environment, kind.provider, kind.release, kind.source, kind.deployment_id)
    return event.correlation_id, str(kind.minute), str(kind.synthetic), *told


def _kind(event: Event, *, by_deployment: bool) -> _Kind:
    named = event.detail.get("deployment_id") if by_deployment else None
    return _Kind(
        event.occurred_at.replace(second=0, microsecond=0),
        event.recorded_at and event.recorded_at.replace(second=0, microsecond=0),
        event.environment,
        event.provider,
        event.event,
        event.outcome,
        event.release,
        event.synthetic,
        event.source,
        None if named is None else str(named),
    )


def _order(kind: _Kind) -> tuple[tuple[bool, str], ...]:
    return tuple((part is not None, str(part)) for part in kind)
