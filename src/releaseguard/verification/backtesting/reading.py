"""The rows that a replay reads: those counted in its time, and those that wrong clocks put elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Final

from msgspec import structs

from releaseguard.cards.strangers import first_told_apart
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HOUR, HourCount, hour_begun, within
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.stats.completeness import ANY_CLOCK, OLDEST_LOG
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard.verification.rows.traffic import elsewhere_than, others_in, span_of, strayed_of
from releaseguard.verification.values import Deployment, Promise, end_of, judged_from
from releaseguard.verification.whose.as_read import ANY_ZONE, Spelling, as_read, misread
from releaseguard.verification.whose.as_written import as_written
from releaseguard.verification.whose.behind import A_DAY_BEHIND, NEVER_SET
from releaseguard.verification.whose.members import Members
from releaseguard.verification.whose.population import Population
from releaseguard.verification.whose.strayed import Strayed

MOST_FAR: Final = 20_000
"""The most minutes, each of one kind of event, that are read outside the replayed time because a clock may be wrong.
Where there are more, the past was imported, and only what is older than :data:`NEVER_SET` is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying:
    """The time of an environment that is replayed."""

    since: datetime
    until: datetime
    marked: datetime
    """The first deployment: what the log learned before it is taken at the time that it states."""


def replaying(deployments: Sequence[Deployment], promise: Promise, population: Population) -> Replaying:
    """The time needed to judge these deployments of one environment."""
    since, until = span_of(deployments, promise, population)
    return Replaying(since=since, until=until, marked=min(one.deployed_at for one in deployments))


def rows_of_each(
    log: EventLog, spans: Mapping[str, Replaying], spelling: Spelling, *, by_deployment: bool
) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
    """The counted rows of each environment by name; each must be read to its end before the next is requested."""
    if not spans:
        return
    since, until = min(one.since for one in spans.values()), max(one.until for one in spans.values())
    query = Query(since=since, until=until + ANY_ZONE, by_deployment=by_deployment)
    has_clocks = log.capabilities.has("recorded_at")
    far = _far_off(log, spans, by_deployment=by_deployment) if has_clocks else {}
    for name, rows in log.minute_counts_of_each(list(spans), query):
        ahead = [row for row in far.get(name, ()) if row.occurred_minute >= until + ANY_ZONE]
        behind = [row for row in far.get(name, ()) if row.occurred_minute < since]
        near = _inside(as_read(chain(rows, ahead), spelling), spans[name])
        yield name, _few(chain(as_read(behind, spelling), near), {*spelling.providers.values()})


def _few(rows: Iterable[MinuteCount], known: Set[str]) -> Iterator[MinuteCount]:
    """The rows, with the rest of a great many providers that no card names as one."""
    named = first_told_apart(known)
    for row in rows:
        name = named(row.provider)
        yield row if name == row.provider else structs.replace(row, provider=name)


def _inside(rows: Iterable[MinuteCount], span: Replaying) -> Iterator[MinuteCount]:
    return (row for row in rows if span.since <= row.occurred_minute < span.until)


def _far_off(
    log: EventLog, spans: Mapping[str, Replaying], *, by_deployment: bool
) -> Mapping[str, Sequence[MinuteCount]]:
    """Rows that state a time days or years before the replayed time although the log learned of them since its first
    deployment, and rows of days or years after it."""
    marked, until = min(one.marked for one in spans.values()), max(one.until for one in spans.values())
    before = Query(until=min(one.since for one in spans.values()), recorded_since=marked, by_deployment=by_deployment)
    later = Query(since=until + ANY_ZONE, until=until + ANY_CLOCK, recorded_since=OLDEST_LOG)
    after = replace(later, by_deployment=by_deployment)
    alone = next(iter(spans)) if len(spans) == 1 else None
    asked = [replace(query, environment=alone) for query in (before, after)]
    found: dict[str, list[MinuteCount]] = {name: [] for name in spans}
    for query, hours in zip(asked, log.counts_of_each(asked, []).hours, strict=True):
        told = _worth_asking(query, [hour for hour in hours if hour.environment in spans])
        for name, rows in log.minute_counts_of_each(list(spans), told) if told is not None else ():
            found[name] += rows
    return found


def _worth_asking(query: Query, hours: Sequence[HourCount]) -> Query | None:
    """What to ask by the minute within these hours; ``None`` where they hold nothing."""
    if sum(map(bool, chain.from_iterable(hour.counts for hour in hours))) <= MOST_FAR:
        return replace(query, environment=None) if hours else None
    return replace(query, until=NEVER_SET, environment=None) if query.since is None else None


def strayed_from(log: EventLog, deployment: Deployment, promise: Promise, population: Population) -> Strayed:
    """What a release wrote under other environments' names, as the log knew it at the window's end."""
    members, end = Members(deployment, population.tags), end_of(deployment, promise)
    minute = deployment.deployed_at.replace(second=0, microsecond=0)
    _, until = span_of([deployment], promise, population)
    since = judged_from(deployment).replace(second=0, microsecond=0)
    here = Query(environment=deployment.environment, since=since, until=until, recorded_until=end)
    anywhere = Query(since=hour_begun(minute), until=hour_begun(until) + HOUR, recorded_until=end)
    told = log.counts_of_each([anywhere], [here])
    others = others_in(within(told.hours[0], minute, until), members, list(told.minutes[0]))
    return strayed_of(log, members, others, end, end)


def single_rows_of(
    log: EventLog, deployment: Deployment, promise: Promise, population: Population, spelling: Spelling
) -> SingleRows:
    """The single rows of a release's window, including those with unusual spellings."""
    members, end = Members(deployment, population.tags), end_of(deployment, promise)
    live = judged_from(deployment)
    around = Query(environment=deployment.environment, since=live - A_DAY_BEHIND, until=end + ANY_ZONE)
    if log.capabilities.has("recorded_at"):
        around = replace(around, since=None, recorded_since=live)
    ahead = replace(around, since=end + ANY_ZONE, until=end + ANY_CLOCK)
    written = [row for some in log.counts_of_each([], [around, ahead]).minutes for row in some]
    written = [row for row in written if row.recorded_minute is None or row.recorded_minute < end]
    found = misread(written, spelling, members, lived_before=False)
    return SingleRows(
        log=log,
        members=members,
        is_elsewhere=elsewhere_than(deployment, population),
        end=end,
        until=end,
        known_at=end,
        written=as_written(written, found, spelling, lived_before=False),
        counted=[row for row in written if row.occurred_minute >= live],
    )
