"""Rows of a release that say they are of long before it, though the log learned of them since. Pure.

A clock runs behind: local time west of Greenwich was taken for UTC, a machine slept, a date was set by hand. Only what
carries the release can be told: any other old row may as well be late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount
from releaseguard.stats.series import LOOKBACK
from releaseguard.verification.whose.members import Members, Owner

FAR_BEHIND: Final = timedelta(minutes=15)
"""By how much a clock may run behind and its rows be taken at their word: they count for the release's first minute."""
A_DAY_BEHIND: Final = timedelta(hours=26)
"""By how much a clock may run behind and its rows be looked for: local time of anywhere, taken for UTC."""


def is_behind(row: MinuteCount, live: datetime) -> bool:
    """Whether a row says that it is of long before its release was ``live``, of which the log learned afterwards."""
    if row.recorded_minute is None or row.recorded_minute < live.replace(second=0, microsecond=0):
        return False
    return live - row.occurred_minute > FAR_BEHIND


def at_their_recording(
    rows: Iterable[MinuteCount], behind: Iterable[MinuteCount], members: Members, *, lived_before: bool
) -> Iterator[MinuteCount]:
    """The rows around a deployment, and of those of hours before that the log learned of since (``behind``) the ones
    which carry the release: where it never served here before, a clock runs behind by more than is looked back for a
    late row. What else is old is history, and counted as such."""
    deployed = members.deployment.deployed_at
    first = deployed - timedelta(minutes=LOOKBACK)

    def is_late(row: MinuteCount) -> bool:
        of_release = members.of_tag(row.release) is Owner.OURS
        return not lived_before and row.occurred_minute < first and of_release and is_behind(row, deployed)

    for row in rows:
        yield replace(row, occurred_minute=row.recorded_minute) if row.recorded_minute and is_late(row) else row
    for row in behind:
        if row.recorded_minute and is_late(row):
            yield replace(row, occurred_minute=row.recorded_minute)


def has_lived_before(
    past: Iterable[HourCount],
    near: Iterable[MinuteCount],
    behind: Iterable[MinuteCount],
    members: Members,
    lead: timedelta,
) -> bool:
    """Whether the release had rows in the time before that are not of a clock which is behind: it was deployed here
    before, and what is old may be of then. ``lead``: how long before its mark it may have served."""

    def ours(release: str | None) -> bool:
        return members.of_tag(release) is Owner.OURS

    if members.deployment.back_since is not None:
        return True
    earliest = members.deployment.deployed_at - lead
    if any(row.recorded_minute and row.recorded_minute < earliest and ours(row.release) for row in near):
        return True
    known = sum(sum(hour.counts) for hour in past if ours(hour.release))
    return known > sum(row.count for row in behind if ours(row.release))
