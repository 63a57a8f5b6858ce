"""Decides which of the changes explains the trouble best. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from releaseguard.incident.changes.told import SAME
from releaseguard.incident.values import CREDENTIALS, JUST_BEFORE, UNSURE, ChangeKind, ChangeRecord


def without_echoes(changes: Sequence[ChangeRecord]) -> Sequence[ChangeRecord]:
    """The changes in order of time, without those that follow from a rotation or a release."""

    def echoes(change: ChangeRecord) -> bool:
        causes = _ECHOES.get(change.kind, ())
        return any(one.kind in causes and abs(one.at - change.at) <= SAME for one in changes)

    return sorted((change for change in changes if not echoes(change)), key=lambda change: change.at)


_ECHOES = {
    ChangeKind.SECRET: (ChangeKind.ROTATION,),
    ChangeKind.DEPLOYMENT: (ChangeKind.RELEASE, ChangeKind.ROTATION),
}
"""Kinds of change that follow from another one, which says more."""


def cause_of(
    changes: Sequence[ChangeRecord],
    began: datetime,
    *,
    refused: bool,
    provider: str | None = None,
    first: datetime | None = None,
    some_usual: bool = False,
) -> ChangeRecord | None:
    """The change that explains the beginning best: the nearest one or, where credentials are ``refused``, the last
    change of credentials; ``None`` without any.

    ``first`` is when the first failure is known to have happened: later changes cannot be the cause, and a release
    counts from its first row and not from its mark. Where ``some_usual`` failures occur anyway, the first may be one of
    those, so ``first`` only decides between several changes. Credentials of another provider than ``provider`` are an
    unlikely cause.
    """
    latest = began + UNSURE
    possible = [
        change
        for change in changes
        if began - JUST_BEFORE <= change.in_force(began) <= latest
        and change.provider in (None, provider or change.provider)
    ]
    near = [change for change in possible if first is None or change.in_force(began) <= first]
    if some_usual:
        near = near or possible
    fitting = [change for change in near if change.kind in CREDENTIALS] if refused else []
    return min(fitting or near, key=lambda change: _distance(change.in_force(began), began), default=None)


LATE_MARK = timedelta(minutes=30)
"""How long after it goes live a release may be marked, where its rows do not show since when it is live."""


def marked_after(changes: Sequence[ChangeRecord], began: datetime) -> ChangeRecord | None:
    """The first release marked soon after the beginning; ``None`` without one. Where rows have no tag, only the mark
    dates a release, and a pipeline marks what is live already."""
    releases = (one for one in changes if one.kind is ChangeKind.RELEASE and one.live_since is None)
    soon = (one for one in releases if began < one.at <= began + LATE_MARK)
    return min(soon, key=lambda one: one.at, default=None)


def _distance(at: datetime, began: datetime) -> timedelta:
    """The time between a change and the estimated minute of the beginning; a change after it must be nearer to be
    preferred."""
    return began - at if at <= began else 2 * (at - began)
