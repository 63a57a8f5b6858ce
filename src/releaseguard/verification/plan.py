"""What the checks of one look need of the window's single rows, as one plan. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import chain

from releaseguard.cards.spec import (
    Card,
    Check,
    InvariantCheck,
    LatencyCheck,
    NonBlockingCheck,
    PrivacyCheck,
    ReleaseTagCheck,
)
from releaseguard.eventlog.hours import MINUTE
from releaseguard.eventlog.interface import Query
from releaseguard.model import Outcome, Verdict
from releaseguard.verification.checks.latency import LEAST_BEFORE
from releaseguard.verification.checks.row_checks import tagged_since
from releaseguard.verification.checks.timed import CountedTimes, Timed, of_rows, uses
from releaseguard.verification.rows.earlier import NEWEST_LOOKS, earlier_query
from releaseguard.verification.rows.reader import NEWEST
from releaseguard.verification.rows.single_rows import EveryRow, Name, SingleRows, Span
from releaseguard.verification.telling.whom import is_failure_of_share
from releaseguard.verification.values import Deployment, Finding, Rule, judged_from
from releaseguard.verification.whose.heard import Heard

BEFORE, A_DAY = timedelta(hours=4), timedelta(days=1)
"""What latencies are compared with: the hours before, and those of the day before."""
DAYS = timedelta(days=7)
"""The same where those hours hold too few."""


def questions(
    checks: Iterable[tuple[Card, Check]], deployment: Deployment, rows: SingleRows, known: Heard, times: CountedTimes
) -> Iterator[tuple[Name, Query]]:
    """What checks that are no statistics ask, beside :func:`every_row`."""
    live = judged_from(deployment)
    many = cache(partial(_counts_near, live, known))
    for _, check in checks:
        if isinstance(check, LatencyCheck):
            is_counted = times.are_there(check.events)
            uncounted = [] if is_counted else [*near(live), (live, rows.until)]
            before = uses(times.inside(check.events, near(live)))
            seen = before if is_counted else sum(many()[event] for event in dict.fromkeys(check.events))
            spans = [*uncounted, *([(live - DAYS, live)] if seen < LEAST_BEFORE else [])]
            yield from rows.timings(check.id, check.events, spans, providers_of(check, known)).items()
        elif isinstance(check, ReleaseTagCheck):
            yield from rows.first_untagged(check.events, tagged_since(check, deployment)).items()
        elif isinstance(check, InvariantCheck):
            yield ("earlier", check.id), earlier_query(check.id, deployment, NEWEST_LOOKS)


def providers_of(check: LatencyCheck, known: Heard) -> Sequence[str]:
    """Whose rows a check's events are, as far as the counts know."""
    return sorted({provider for event in check.events for provider in known.providers.get(event, ())})


def newest_of(check: LatencyCheck, known: Heard) -> Query:
    """The newest of a check's events, as far back as the counts know of one."""
    hours = (one.hour for one in known.past if one.event in check.events)
    settled = (one.last for one in known.settled if one.event in check.events)
    minutes = (one.occurred_minute for one in known.rows if one.event in check.events)
    return Query(
        events=check.events,
        outcome=Outcome.SUCCESS,
        since=max(chain(hours, settled, minutes), default=None),
        newest_first=True,
        limit=NEWEST,
        traffic=True,
    )


def _counts_near(live: datetime, known: Heard) -> Counter[str]:
    """How many successes of each event the counts know of, in the hours with which latencies are compared."""
    found: Counter[str] = Counter()
    spans, first = near(live), live - A_DAY - BEFORE
    for hour in chain(known.past, known.settled):
        if hour.hour >= first and hour.outcome is Outcome.SUCCESS:
            inside = ((hour.hour + number * MINUTE, many) for number, many in enumerate(hour.counts) if many)
            found[hour.event] += sum(many for at, many in inside if _is_in(at, spans))
    for row in known.rows:
        if row.outcome is Outcome.SUCCESS and _is_in(row.occurred_minute, spans):
            found[row.event] += row.count
    return found


def _is_in(at: datetime, spans: Sequence[Span]) -> bool:
    return any(since - MINUTE < at < until for since, until in spans)


def questions_after(
    checks: Iterable[tuple[Card, Check]], deployment: Deployment, rows: SingleRows, times: CountedTimes
) -> Iterator[tuple[Name, Query]]:
    """What is asked once more where the hours before a release hold too few successes that tell how long they took."""
    live = judged_from(deployment)
    for _, check in checks:
        if isinstance(check, LatencyCheck) and uses(_near(check, live, rows, times)) < LEAST_BEFORE:
            yield from rows.timings(check.id, check.events, [(live - DAYS, live)]).items()


def timed_before(check: LatencyCheck, live: datetime, rows: SingleRows, times: CountedTimes) -> Sequence[Timed]:
    """What was usual: those hours, or where they hold too few to tell, the days before at any hour."""
    found = _near(check, live, rows, times)
    return found if uses(found) >= LEAST_BEFORE else of_rows(rows.timed(check.id, check.events, [(live - DAYS, live)]))


def _near(check: LatencyCheck, live: datetime, rows: SingleRows, times: CountedTimes) -> Sequence[Timed]:
    if times.are_there(check.events):
        return times.inside(check.events, near(live))
    return of_rows(rows.timed(check.id, check.events, near(live)))


def timed_since(check: LatencyCheck, live: datetime, rows: SingleRows, times: CountedTimes) -> Sequence[Timed]:
    """The release's own."""
    if times.are_there(check.events):
        return times.own(check.events, rows.until)
    return of_rows(row for row in rows.timed(check.id, check.events, [(live, rows.until)]) if rows.members.has(row))


def questions_of_statistics(found: Mapping[Rule, Finding], rows: SingleRows) -> Iterator[tuple[Name, Query]]:
    """What findings of statistics are told with: rows that they rest on, and whom a failure hits."""
    for rule, finding in found.items():
        yield from rows.first(rule, errors=speaks_against(finding, rule)).items()
        if is_failure_of_share(finding):
            yield from rows.most_recent(rule).items()
        if finding.verdict is Verdict.PASS:
            yield from rows.of_sources(rule.provider).items()


def speaks_against(finding: Finding, rule: Rule) -> bool:
    """Whether the rows that are shown are errors; else they are what the finding counted."""
    return finding.verdict is not Verdict.PASS and rule.kind == "signal"


def every_row(checks: Iterable[tuple[Card, Check]], deployment: Deployment) -> EveryRow:
    """The events of which some check looks at every row: where that is for what they say, at those alike as at one."""
    listed = list(checks)
    alone = dict.fromkeys(event for _, check in listed for event in _one_by_one(check))
    alike = dict.fromkeys(event for card, check in listed for event in _by_what_they_say(card, check))
    graces = (tagged_since(check, deployment) for _, check in listed if isinstance(check, ReleaseTagCheck))
    moments = sorted({deployment.deployed_at, *graces})
    return EveryRow(list(alone), [event for event in alike if event not in alone], moments)


def _one_by_one(check: Check) -> Sequence[str]:
    return (*check.error, *check.user_actions) if isinstance(check, NonBlockingCheck) else ()


def _by_what_they_say(card: Card, check: Check) -> Sequence[str]:
    if isinstance(check, ReleaseTagCheck):
        return check.events
    return (check.events or (*card.events.success, *card.events.error)) if isinstance(check, PrivacyCheck) else ()


def near(live: datetime) -> Sequence[Span]:
    """The hours with which latencies are compared."""
    return [(live - BEFORE, live), (live - A_DAY - BEFORE / 2, live - A_DAY + BEFORE / 2)]
