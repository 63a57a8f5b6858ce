"""Which of the changes explains the trouble best. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from releaseguard.incident.changes.told import SAME
from releaseguard.incident.values import CREDENTIALS, JUST_BEFORE, UNSURE, ChangeKind, ChangeRecord


def without_echoes(changes: Sequence[ChangeRecord]) -> Sequence[ChangeRecord]:
    """In order of time, without what a rotation or a release accounts for already."""

    def echoes(change: ChangeRecord) -> bool:
        causes = _ECHOES.get(change.kind, ())
        return any(one.kind in causes and abs(one.at - change.at) <= SAME for one in changes)

    return sorted((change for change in changes if not echoes(change)), key=lambda change: change.at)


_ECHOES = {
    ChangeKind.SECRET: (ChangeKind.ROTATION,),
    ChangeKind.DEPLOYMENT: (ChangeKind.RELEASE, ChangeKind.ROTATION),
}
"""Kinds that follow from another, which says more."""


def cause_of(
    changes: Sequence[ChangeRecord],
    began: datetime,
    *,
    refused: bool,
    provider: str | None = None,
    first: datetime | None = None,
    some_usual: bool = False,
) -> ChangeRecord | None:
    """The change that explains a beginning best: the nearest; where credentials are ``refused``, the last
    change of credentials.

    ``first`` is when the first failure is known to have happened: what came after it caused nothing, where a release
    comes with its first row and not with its mark. With ``some_usual`` failures it may be one of those, so that it only
    decides among several. Credentials of another provider than ``provider`` are no likely cause.
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
"""How long after it serves a release may be marked, where its rows do not tell since when it does."""


def marked_after(changes: Sequence[ChangeRecord], began: datetime) -> ChangeRecord | None:
    """The first release that was marked soon after the beginning: rows without a tag leave its mark alone to date it,
    and a pipeline marks what serves already."""
    releases = (one for one in changes if one.kind is ChangeKind.RELEASE and one.live_since is None)
    soon = (one for one in releases if began < one.at <= began + LATE_MARK)
    return min(soon, key=lambda one: one.at, default=None)


def _distance(at: datetime, began: datetime) -> timedelta:
    """From the minute in which it is estimated to have begun; a change after it must be nearer to be preferred."""
    return began - at if at <= began else 2 * (at - began)
