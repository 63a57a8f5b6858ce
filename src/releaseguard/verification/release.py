"""Which release is judged: the ``release_deployed`` events of an environment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest

from releaseguard.errors import UsageError
from releaseguard.model import Event
from releaseguard.tomlfile import did_you_mean
from releaseguard.verification.interface import Deployment

DEPLOYED = "release_deployed"


def deployments_of(events: Iterable[Event]) -> Sequence[Deployment]:
    """Every deployment in order of time, each knowing the one that followed it.

    Two events of the same release at the same moment are one deployment.
    """
    found = {
        (event.occurred_at, release): Deployment(
            release=release, environment=event.environment, deployed_at=event.occurred_at
        )
        for event in events
        if event.event == DEPLOYED and (release := _release_of(event))
    }
    ordered = [found[key] for key in sorted(found)]
    followers = [one.deployed_at for one in ordered[1:]]
    return [replace(one, followed_at=after) for one, after in zip_longest(ordered, followers, fillvalue=None) if one]


def _release_of(event: Event) -> str | None:
    named = event.release or event.detail.get("release")
    return str(named) if named else None


def pick(
    deployments: Sequence[Deployment],
    *,
    environment: str,
    release: str | None = None,
    deployed_at: datetime | None = None,
) -> Deployment:
    """The newest deployment, the newest of ``release``, or one that the caller vouches for with ``deployed_at``.

    Raises ``UsageError`` where the log holds no such deployment.
    """
    if deployed_at is not None:
        return _vouched_for(deployments, environment, release, deployed_at)
    mine = [one for one in deployments if release in (None, one.release)]
    if mine:
        return mine[-1]
    step = "Write it: releaseguard events deployed --release SHA, or give --release and --deployed-at."
    if release is None:
        raise UsageError(f"no deployment of {environment} is in the event log", next_step=step)
    known = [one.release for one in deployments[-20:]]
    hint = f"{did_you_mean(release, known)} " if known else ""
    raise UsageError(f"the event log holds no deployment of {release} to {environment}", next_step=hint + step)


def _vouched_for(
    deployments: Sequence[Deployment], environment: str, release: str | None, deployed_at: datetime
) -> Deployment:
    at_that_time = [one for one in deployments if one.deployed_at == deployed_at and release in (None, one.release)]
    if at_that_time:
        return at_that_time[-1]
    if release is None:
        raise UsageError("--deployed-at names a moment at which nothing was deployed", next_step="Give --release too.")
    after = [one.deployed_at for one in deployments if one.deployed_at > deployed_at and one.release != release]
    return Deployment(
        release=release, environment=environment, deployed_at=deployed_at, followed_at=min(after, default=None)
    )
