"""Rows of a release that say they are of long before it, though the log learned of them since. Pure.

A clock runs behind: local time west of Greenwich was taken for UTC, a machine slept, a date was set by hand. Only what
carries the release can be told: any other old row may as well be late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import chain
from typing import Final

from msgspec import structs

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount, SettledHour
from releaseguard.stats.series import LOOKBACK
from releaseguard.verification.values import Deployment
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.population import Population

FAR_BEHIND: Final = timedelta(minutes=15)
"""By how much a clock may run behind and its rows be taken at their word: they count for the release's first minute."""
A_DAY_BEHIND: Final = timedelta(hours=26)
"""By how much a clock may run behind and its rows be read at once: local time of anywhere, taken for UTC. What is of
days or years before is read where there is any."""
NEVER_SET: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""What says that it is of before this is of a clock that nobody set: of 1970, 1980, 2000 or 2010, as devices begin."""


@dataclass(frozen=True, slots=True)
class CountedTraffic:
    """The counted rows that one deployment is judged by."""

    past: Sequence[HourCount]
    """What is only ever a baseline."""
    rows: Sequence[MinuteCount]
    behind: Sequence[MinuteCount] = ()
    """What the log learned of in the window though it says that it is of hours, days or years before: also in ``past``
    where that reaches so far back."""
    day_before: Sequence[MinuteCount] = ()
    """The same hours of the day before, by the minute: also in ``past``."""
    settled: Sequence[SettledHour] = ()
    """Of the same minutes as ``rows`` what is of before the release was live, whatever is asked of it: none of its own,
    and nothing that came late."""
    day_before_settled: Sequence[SettledHour] = ()
    """The same of ``day_before``."""
    anywhere: Sequence[HourCount] = ()
    """What there is since the deployment in any environment."""
    lately: Sequence[HourCount] = ()
    """What there is since the window ended, of the newest days."""


def is_behind(row: MinuteCount, live: datetime) -> bool:
    """Whether a row says that it is of long before its release was ``live``, of which the log learned afterwards."""
    if row.recorded_minute is None or live - row.occurred_minute <= FAR_BEHIND:
        return False
    return row.recorded_minute >= live.replace(second=0, microsecond=0)


def at_their_recording(counted: CountedTraffic, members: Members, *, lived_before: bool) -> Iterator[MinuteCount]:
    """The rows around a deployment, and of those of hours before that the log learned of since the ones which carry
    the release: where it never served here before, a clock runs behind by more than is looked back for a late row.
    What else is old is history, and counted as such."""
    deployed = members.deployment.deployed_at
    first = deployed - timedelta(minutes=LOOKBACK)

    def is_late(row: MinuteCount) -> bool:
        if lived_before or row.occurred_minute >= first:
            return False
        return members.of_tag(row.release) is Owner.OURS and is_behind(row, deployed)

    late = (row for row in counted.behind if is_late(row))
    yield from (_moved(row) if is_late(row) else row for row in counted.rows)
    yield from map(_moved, late)


def _moved(row: MinuteCount) -> MinuteCount:
    return structs.replace(row, occurred_minute=row.recorded_minute) if row.recorded_minute else row


def has_lived_before(counted: CountedTraffic, members: Members, lead: timedelta) -> bool:
    """Whether the release had rows in the time before that are not of a clock which is behind: it was deployed here
    before, and what is old may be of then. ``lead``: how long before its mark it may have served."""

    def ours(row: MinuteCount | HourCount) -> bool:
        return members.of_tag(row.release) is Owner.OURS

    if members.deployment.back_since is not None:
        return True
    earliest = members.deployment.deployed_at - lead
    if any(row.recorded_minute and row.recorded_minute < earliest and ours(row) for row in counted.rows):
        return True
    known = sum(sum(hour.counts) for hour in counted.past if ours(hour))
    first = min((hour.hour for hour in counted.past), default=earliest)
    return known > sum(row.count for row in counted.behind if row.occurred_minute >= first and ours(row))


@dataclass(slots=True)
class OldRows:
    """Rows of many deployments that are of long before the log learned of them, and count as of then."""

    by_recording: dict[datetime, list[MinuteCount]] = field(default_factory=dict)

    def note(self, row: MinuteCount) -> None:
        """Hold a row that stays where it says it is, where that is long before its recording."""
        learned = row.recorded_minute
        if learned is not None and not row.synthetic and learned - row.occurred_minute > timedelta(minutes=LOOKBACK):
            self.by_recording.setdefault(learned, []).append(row)

    def of(self, deployment: Deployment, promised: timedelta) -> Sequence[MinuteCount]:
        """Those of which the log learned while the release was looked at, which is ``promised`` long."""
        deployed = deployment.deployed_at
        first, minute = deployed - timedelta(minutes=LOOKBACK), deployed.replace(second=0, microsecond=0)
        minutes = (minute + timedelta(minutes=after) for after in range(promised // timedelta(minutes=1) + 1))
        learned = chain.from_iterable(self.by_recording.get(at, ()) for at in minutes)
        return [row for row in learned if row.occurred_minute < first and is_behind(row, deployed)]


def each_at_its_recording(
    rows: Iterable[MinuteCount],
    deployments: Sequence[Deployment],
    promised: timedelta,
    population: Population,
    since: datetime,
    old: OldRows,
) -> Iterator[MinuteCount]:
    """The rows of many deployments, those of a clock which is far behind at their recording, as
    :func:`at_their_recording` has them for one, and none that stays before ``since``. ``promised``: how long a release
    is looked at; ``old`` notes what stays where it says it is though it came long after.

    Streams, but for the few that may be of such a clock: they come last."""
    every = [Members(one, population.tags) for one in deployments]
    first = cache(partial(_first_of, every))
    lead, lived, behind = timedelta(minutes=population.lead_minutes), set[str](), list[MinuteCount]()
    for row in rows:
        members = first(row.release) if row.release else None
        if members is None or row.release is None or row.recorded_minute is None:
            old.note(row)
            if row.occurred_minute >= since:
                yield row
            continue
        deployed = members.deployment.deployed_at
        if members.deployment.back_since is not None or row.recorded_minute < deployed - lead:
            lived.add(row.release)
        is_his = row.recorded_minute < deployed + promised
        if is_his and row.occurred_minute < deployed - timedelta(minutes=LOOKBACK) and is_behind(row, deployed):
            behind.append(row)
        elif row.occurred_minute >= since:
            old.note(row)
            yield row
    for row in behind:
        has_lived = row.release in lived or row.recorded_minute is None
        moved = row if has_lived else structs.replace(row, occurred_minute=row.recorded_minute)
        if has_lived:
            old.note(row)
        if moved.occurred_minute >= since:
            yield moved


def _first_of(every: Sequence[Members], release: str) -> Members | None:
    """Those of the first deployment whose tag it is."""
    return next((members for members in every if members.of_tag(release) is Owner.OURS), None)
