"""The provider's traffic around a rotation, which its post-mortem draws. Pure, except for reading the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from releaseguard.audit.chain import ChainKey
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import OURSELVES, Event, Outcome, to_text
from releaseguard.report.postmortem.document import TrafficRow
from releaseguard.report.rows import BeforeAfterRow, CourseRow, MarkRow, stretch
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.values import Direction

MINUTE = timedelta(minutes=1)
PARTS = 40
LEAST, MOST = timedelta(hours=1), timedelta(days=1)
"""How long before it was reported and after its last step is looked at: half of what lies between, within these."""
LONGEST = timedelta(days=7)
"""How long after the report traffic is shown at most; a key may be revoked months later."""


def traffic_around(log: EventLog, chain_key: ChainKey, rotation: RotationView) -> TrafficRow | None:
    """The traffic around one rotation. Raises ``ServiceError`` where the log does not answer."""
    since, until = span_of(rotation)
    asked = Query(environment=chain_key.environment, since=since, until=until)
    counts = log.minute_counts(replace(asked, providers=(chain_key.provider,), synthetic=False))
    deployed = log.select(replace(asked, providers=(OURSELVES,), events=("release_deployed",)))
    return traffic_of(list(counts), deployed, rotation)


def span_of(rotation: RotationView) -> tuple[datetime, datetime]:
    """The time that is shown, in whole minutes."""
    last = max(at for _, at in _steps(rotation))
    lead = min(max((last - rotation.began_at) / 2, LEAST), MOST)
    until = min(last + lead, rotation.began_at + LONGEST)
    return _minute(rotation.began_at - lead), _minute(until) + MINUTE


def traffic_of(counts: Sequence[MinuteCount], deployed: Iterable[Event], rotation: RotationView) -> TrafficRow | None:
    """The traffic up to the last thing that the log knows: what has not happened yet is not a silence."""
    since, until = span_of(rotation)
    marks = _marks(rotation, deployed)
    if not counts:
        return None
    newest = max(row.occurred_minute for row in counts)
    known = max(newest, *(_minute(datetime.fromisoformat(one["at"])) for one in marks)) + MINUTE
    until = min(until, known)
    return {
        "window": [to_text(since), to_text(until)],
        "course": list(_course(counts, since, until)),
        "marks": [one for one in marks if to_text(since) <= one["at"] < to_text(until)],
        "compared": _compared(counts, rotation, since, until),
    }


def _steps(rotation: RotationView) -> Iterator[tuple[str, datetime]]:
    forward = rotation.progress(Direction.FORWARD)
    moments = {
        "reported": rotation.began_at,
        "pushed": forward.pushed_at,
        "deployed": forward.deployed_at,
        "proven": rotation.proven_at,
        "revoked": rotation.revoked_at,
    }
    yield from ((kind, at) for kind, at in moments.items() if at is not None)


def _marks(rotation: RotationView, deployed: Iterable[Event]) -> Sequence[MarkRow]:
    steps = [MarkRow(at=to_text(at), kind=kind, what="") for kind, at in _steps(rotation)]
    releases = [MarkRow(at=to_text(row.occurred_at), kind="release", what=row.release or "") for row in deployed]
    return sorted([*steps, *releases], key=lambda one: one["at"])


def _course(counts: Sequence[MinuteCount], since: datetime, until: datetime) -> Iterator[CourseRow]:
    good, bad = [0] * PARTS, [0] * PARTS
    for row in counts:
        part = (row.occurred_minute - since) * PARTS // (until - since)
        if 0 <= part < PARTS:
            (bad if row.outcome is Outcome.ERROR else good)[part] += row.count
    for successes, errors in zip(good, bad, strict=True):
        yield {"successes": successes, "errors": errors}


def _sums(counts: Sequence[MinuteCount], since: datetime, until: datetime) -> tuple[int, int]:
    inside = [row for row in counts if since <= row.occurred_minute < until]
    bad = sum(row.count for row in inside if row.outcome is Outcome.ERROR)
    return sum(row.count for row in inside) - bad, bad


def _compared(
    counts: Sequence[MinuteCount], rotation: RotationView, since: datetime, until: datetime
) -> BeforeAfterRow | None:
    """Before and after; the minutes of the report and of the deployment belong to neither."""
    deployed = rotation.progress(Direction.FORWARD).deployed_at
    began, then = _minute(rotation.began_at), deployed and _minute(deployed) + MINUTE
    if then is None or then >= until:
        return None
    before, after = _sums(counts, since, began), _sums(counts, then, until)
    return {"before": stretch(since, began, *before), "after": stretch(then, until, *after)}


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
