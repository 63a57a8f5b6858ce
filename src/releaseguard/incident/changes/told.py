"""Turns what each source reports into changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from releaseguard.audit.chain import ChainKey
from releaseguard.ci.interface import WorkflowRun
from releaseguard.deployments.interface import HostingDeployment
from releaseguard.functions.interface import EdgeFunction
from releaseguard.incident.values import ChangeKind, ChangeRecord
from releaseguard.messages.message import message
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.values import Direction
from releaseguard.verification.values import Deployment

T = TypeVar("T")


SAME = timedelta(minutes=2)
"""The longest time between two reports of the same change by different sources."""


def releases(deployments: Iterable[tuple[Deployment, datetime | None]], environment: str) -> Iterator[ChangeRecord]:
    """The releases that were marked as deployed, each with the beginning of its own rows where that was not at its
    mark."""
    for one, live_since in deployments:
        told_at = one.marked_at if one.told_after else None
        key = "change.release" if one.environment == environment else "change.release_elsewhere"
        key = "change.release_told_later" if told_at is not None and one.environment == environment else key
        what = message(key, release=one.release, environment=one.environment, told=told_at or one.deployed_at)
        yield ChangeRecord(
            at=one.deployed_at, kind=ChangeKind.RELEASE, what=what, live_since=live_since, told_at=told_at
        )


def rotations(rotated: Iterable[tuple[ChainKey, RotationView]]) -> Iterator[ChangeRecord]:
    """What rotations wrote and deployed. A redeployment affects every provider, so all rotations count."""
    for chain_key, rotation in rotated:
        facts = {"provider": chain_key.provider, "unit": rotation.unit, "state": rotation.state.value}
        for direction in Direction:
            progress = rotation.progress(direction)
            back = direction is not Direction.FORWARD
            for key, at in (("pushed", progress.pushed_at), ("deployed", progress.deployed_at)):
                if at is not None:
                    what = message(f"change.rotation_{key}{'_back' if back else ''}", **facts)
                    yield ChangeRecord(at=at, kind=ChangeKind.ROTATION, what=what, provider=chain_key.provider)
        yield from _revocations(chain_key.provider, rotation)


def _revocations(provider: str, rotation: RotationView) -> Iterator[ChangeRecord]:
    """Every time a person confirmed that the old value of a rotation is revoked."""
    for one in rotation.confirmations:
        what = message("change.revoked", provider=provider, unit=rotation.unit)
        yield ChangeRecord(at=one.at, kind=ChangeKind.REVOCATION, what=what, provider=provider)


def migrations(runs: Iterable[WorkflowRun]) -> Iterator[ChangeRecord]:
    """Workflow runs, dated by their end: their changes are in effect by then."""
    for run in runs:
        key = "change.workflow_ran" if run.conclusion else "change.workflow_runs"
        yield ChangeRecord(
            at=run.changed_at if run.conclusion else run.started_at,
            kind=ChangeKind.MIGRATION,
            what=message(
                key,
                workflow=run.workflow,
                number=run.number,
                conclusion=run.conclusion or run.status,
                commit=run.commit[:7],
            ),
            where=run.place,
            url=run.url or None,
            went_wrong=run.went_wrong,
        )


def functions(place: str, deployed: Iterable[EdgeFunction]) -> Iterator[ChangeRecord]:
    """The newest deployment of each function; functions deployed together are one change."""
    dated = [(one.changed_at, one.name) for one in deployed if one.changed_at is not None]
    for at, names in _together(dated):
        what = message("change.function", functions=sorted(names), count=len(names))
        yield ChangeRecord(at=at, kind=ChangeKind.FUNCTION, what=what, where=place)


def served(service: str, place: str, deployment: HostingDeployment) -> ChangeRecord:
    """What the hosting service serves, and since when."""
    what = message("change.served", service=service, release=deployment.release or deployment.id)
    return ChangeRecord(at=deployment.created_at, kind=ChangeKind.DEPLOYMENT, what=what, where=place)


def written(writes: Iterable[tuple[str, str, datetime]]) -> Iterator[ChangeRecord]:
    """The provider's secrets and variables written at its places, from (place, name, time) each. Those written together
    are one change."""
    for at, found in _together((at, (place, name)) for place, name, at in writes):
        places, names = (sorted({pair[part] for pair in found}) for part in (0, 1))
        what = message("change.written", names=names, count=len(names))
        yield ChangeRecord(at=at, kind=ChangeKind.SECRET, what=what, where=", ".join(places))


def _together(dated: Iterable[tuple[datetime, T]]) -> Iterator[tuple[datetime, Sequence[T]]]:
    """Groups of things with less than :data:`SAME` between one and the next, each dated by its last."""
    group: list[T] = []
    last: datetime | None = None
    for at, what in sorted(dated, key=lambda pair: pair[0]):
        if last is not None and at - last > SAME:
            yield last, group
            group = []
        group.append(what)
        last = at
    if last is not None:
        yield last, group
