"""Secrets inside installed apps: no redeployment replaces them, and revoking one breaks the phones that still hold
it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import EventLog, Query

RECENT = timedelta(days=1)
"""The number of recent events from phones of which the share is computed: roughly everybody who uses the app."""
LOOK_BACK = timedelta(days=30)
"""How far before the new value a release is searched for; one that is older and idle since then holds the old value."""


@dataclass(frozen=True, slots=True)
class InstalledAppShare:
    """The share of recent phone events that come from releases built with the old value."""

    secret: str
    events: int
    old_events: int
    releases: Sequence[str]
    """Those releases."""

    @property
    def share(self) -> float | None:
        """Between 0 and 1; ``None`` without any event of a phone."""
        return self.old_events / self.events if self.events else None


def client_share(rows: Iterable[MinuteCount], secret: str, *, out_at: datetime, since: datetime) -> InstalledAppShare:
    """Among the phones' events since ``since``, the share of releases that existed before ``out_at``.

    A release is built with the value of its day: one that was seen before the new value was in use keeps the old one.
    The same is assumed of a phone that does not name its release.
    """
    first: dict[str, datetime] = {}
    recent: dict[str | None, int] = defaultdict(int)
    for row in rows:
        if not row.client or row.synthetic:
            continue
        if row.release is not None:
            first[row.release] = min(row.occurred_minute, first.get(row.release, row.occurred_minute))
        if row.occurred_minute >= since:
            recent[row.release] += row.count
    old = {release: count for release, count in recent.items() if release is None or first[release] < out_at}
    names = sorted(release or "(untagged)" for release in old)
    return InstalledAppShare(secret, sum(recent.values()), sum(old.values()), names)


def shares_in(
    log: EventLog, secrets: Sequence[str], *, environment: str, provider: str, out_at: datetime
) -> Sequence[InstalledAppShare]:
    """The current share for each of ``secrets``. Raises ``ServiceError`` where the log does not answer."""
    now = log.now()
    since = now - RECENT
    query = Query(environment=environment, providers=(provider,), since=min(since, out_at) - LOOK_BACK, until=now)
    rows = list(log.minute_counts(query)) if secrets else []
    return [client_share(rows, secret, out_at=out_at, since=since) for secret in secrets]


def sentence(secret: str, share: float | None, releases: Sequence[str]) -> str:
    """What revoking the old value would break, as a sentence."""
    if share is None:
        return f"{secret} is inside installed apps: revoking it breaks an unknown share of their use, none was logged"
    holding = f" ({', '.join(releases[:5])}{', ...' if len(releases) > 5 else ''})" if releases else ""
    return (
        f"{secret} is inside installed apps: {share:.0%} of their events of the last day come from releases that hold "
        f"the old value{holding}; revoking it breaks these"
    )
