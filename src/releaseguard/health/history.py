"""How a provider did over a day, a week and a month, and what was done to the app meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from releaseguard.health.values import Mark, Strip
from releaseguard.health.window import Window
from releaseguard.model import OURSELVES, Event
from releaseguard.rotation.history.account import RotationAccount

SPANS = ((24, 24), (7 * 24, 28), (30 * 24, 30))
"""The hours that a strip covers, and the number of its parts."""
DEPLOYED = "release_deployed"


def strips_of(window: Window, provider: str) -> Sequence[Strip]:
    """The provider's last day, week and month up to the window's end, as far as the log was read."""
    return [Strip(hours, list(_parts(window, provider, hours, parts))) for hours, parts in SPANS]


def _parts(window: Window, provider: str, hours: int, parts: int) -> Iterator[tuple[int, int] | None]:
    size = hours * 60 // parts
    for i in range(parts):
        end = window.end - size * (parts - 1 - i)
        yield window.past(provider, end - size, end)


def marks_of(deployed: Iterable[Event], account: RotationAccount, since: datetime, until: datetime) -> Sequence[Mark]:
    """The deployments and proven rotations of ``[since, until)``, in order of time."""
    releases = [
        Mark(row.occurred_at, "release", row.release or "")
        for row in deployed
        if row.provider == OURSELVES and row.event == DEPLOYED
    ]
    rotations = [
        Mark(rotation.proven_at, "rotation", chain_key.provider)
        for chain_key, rotation in account.rotations
        if rotation.proven_at is not None
    ]
    return sorted((one for one in [*releases, *rotations] if since <= one.at < until), key=lambda one: one.at)
