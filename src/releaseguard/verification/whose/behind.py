"""Rows of a release that claim to be from long before it, though the log learned of them since. Pure.

Their clock is behind: local time west of Greenwich was taken for UTC, a machine slept, a date was set by hand. Only
rows that name the release can be recognised; any other old row may simply be late.
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
"""How far a clock may be behind for its rows to be taken at their stated time; they count for the release's first
minute."""
A_DAY_BEHIND: Final = timedelta(hours=26)
"""How far a clock may be behind for its rows to be read at once: any local time, taken for UTC. Rows from days or years
before are read where there are any."""
NEVER_SET: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Rows that claim to be from before this have a clock that nobody set: 1970, 1980, 2000 or 2010, as devices begin."""


@dataclass(frozen=True, slots=True)
class CountedTraffic:
    """The counted rows by which one deployment is judged."""

    past: Sequence[HourCount]
    """Rows that are only ever a baseline."""
    rows: Sequence[MinuteCount]
    behind: Sequence[MinuteCount] = ()
    """Rows that the log learned of in the window and that claim to be hours, days or years older; also in ``past``
    where that reaches so far back."""
    day_before: Sequence[MinuteCount] = ()
    """The same hours of the day before, by the minute; also in ``past``."""
    settled: Sequence[SettledHour] = ()
    """From the minutes of ``rows``, what is certainly from before the release was live: none of its own rows, and
    nothing that came late."""
    day_before_settled: Sequence[SettledHour] = ()
    """The same of ``day_before``."""
    anywhere: Sequence[HourCount] = ()
    """The rows since the deployment in any environment."""
    lately: Sequence[HourCount] = ()
    """The rows of the newest days since the window ended."""


def is_behind(row: MinuteCount, live: datetime) -> bool:
    """Whether a row that the log learned of after its release was ``live`` claims to be from long before that."""
    if row.recorded_minute is None or live - row.occurred_minute <= FAR_BEHIND:
        return False
    return row.recorded_minute >= live.replace(second=0, microsecond=0)


def at_their_recording(counted: CountedTraffic, members: Members, *, lived_before: bool) -> Iterator[MinuteCount]:
    """The rows around a deployment, and those rows from hours before, learned of since, that name the release. Where
    the release never served here before, these have a clock that is behind by more than the look back for late rows.
    Other old rows are history, and count as such."""
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
    """Whether the release had earlier rows that are not from a clock behind: it was deployed here before, and old rows
    may be from then. ``lead`` is how long before its mark it may have served."""

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
    """Rows of many deployments that are long older than their recording and count for their own time."""

    by_recording: dict[datetime, list[MinuteCount]] = field(default_factory=dict)

    def note(self, row: MinuteCount) -> None:
        """Keep a row that stays at its stated time, where that is long before its recording."""
        learned = row.recorded_minute
        if learned is not None and not row.synthetic and learned - row.occurred_minute > timedelta(minutes=LOOKBACK):
            self.by_recording.setdefault(learned, []).append(row)

    def of(self, deployment: Deployment, promised: timedelta) -> Sequence[MinuteCount]:
        """Those that the log learned of while the release was judged, which takes ``promised``."""
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
    """The rows of many deployments, as :func:`at_their_recording` has them for one: those of a clock far behind at
    their recording, and none that stays before ``since``. ``promised`` is how long a release is judged; ``old`` records
    rows that stay at their stated time though they came long after.

    Rows are streamed, except the few that may have such a clock, which come last.
    """
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
    """The members of the first deployment with that tag; ``None`` without one."""
    return next((members for members in every if members.of_tag(release) is Owner.OURS), None)
