"""Which release is judged: the ``release_deployed`` events of an environment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from releaseguard.errors import UsageError
from releaseguard.model import OURSELVES, Event
from releaseguard.tomlfile import did_you_mean
from releaseguard.verification.values import Deployment

DEPLOYED = "release_deployed"


@dataclass(frozen=True, slots=True)
class _Mark:
    """One event that says that a release was deployed."""

    release: str
    environment: str
    at: datetime
    learned: datetime
    """When the log learned of it."""
    deployment_id: str | None
    again: bool

    @property
    def in_force(self) -> datetime:
        """From when on it ends another's window: what is written afterwards changes nothing that was seen before."""
        return max(self.at, self.learned)

    def sorted_by(self) -> tuple[datetime, datetime, str]:
        return self.at, self.learned, self.release


def deployments_of(events: Iterable[Event], window: timedelta) -> Sequence[Deployment]:
    """Every deployment in order of time, each knowing from when on another one ended its window.

    A release that is marked again within its ``window``, with no other in between and no other deployment id, is the
    same deployment, of the time of the mark that the log learned of first: a job that was run again. Not where the
    mark says that it is a new one.
    """
    made: list[_Mark] = []
    for mark in sorted((_mark(event) for event in events if _is_mark(event)), key=lambda one: (one.learned, one.at)):
        same = next((i for i, first in enumerate(made) if _is_same(first, mark, made, window)), None)
        if same is None:
            made.append(mark)
        else:
            made[same] = replace(made[same], deployment_id=made[same].deployment_id or mark.deployment_id)
    return [_deployment(mark, made) for mark in sorted(made, key=_Mark.sorted_by)]


def _is_mark(event: Event) -> bool:
    return event.provider == OURSELVES and event.event == DEPLOYED and _release_of(event) is not None


def _mark(event: Event) -> _Mark:
    named = event.detail.get("deployment_id")
    return _Mark(
        release=_release_of(event) or "",
        environment=event.environment,
        at=event.occurred_at,
        learned=event.recorded_at or event.occurred_at,
        deployment_id=str(named) if named else None,
        again=event.detail.get("again") is True,
    )


def _is_same(first: _Mark, mark: _Mark, made: Sequence[_Mark], window: timedelta) -> bool:
    if mark.again or mark.release != first.release or not first.at <= mark.at < first.at + window:
        return False
    if first.deployment_id and mark.deployment_id and first.deployment_id != mark.deployment_id:
        return False
    others = (one for one in made if one is not first and one.at > first.at)
    return not any(one.in_force <= mark.in_force for one in others)


def _deployment(mark: _Mark, made: Sequence[_Mark]) -> Deployment:
    return Deployment(
        release=mark.release,
        environment=mark.environment,
        deployed_at=mark.at,
        marked_at=mark.learned,
        followed_at=min((one.in_force for one in made if one.at > mark.at), default=None),
    )


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
    later = (one for one in deployments if one.deployed_at > deployed_at and one.release != release)
    after = [max(one.deployed_at, one.marked_at or one.deployed_at) for one in later]
    return Deployment(
        release=release, environment=environment, deployed_at=deployed_at, followed_at=min(after, default=None)
    )
