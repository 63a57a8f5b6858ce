"""What the events of a chain add up to: the state of every rotation, the lease, and what is where. Pure.

There is no second store: whatever a run needs after a crash, on any machine, is derived from here. Only the steps that
:func:`releaseguard.audit.histories.read_chain` believes are folded, as typed values
(:mod:`releaseguard.rotation.history.events`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from releaseguard.audit.chain import head_of
from releaseguard.audit.histories import Chain
from releaseguard.model import Event, from_text
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.leaks import changed_entry, noted, settled
from releaseguard.rotation.history.parts import PlannedSecret
from releaseguard.rotation.history.rows import parse
from releaseguard.rotation.history.views import (
    ChainView,
    Confirmation,
    DestinationProgress,
    DirectionProgress,
    LeaseView,
    LeftOut,
    Redeployment,
    RotationView,
    Written,
    store_time,
)
from releaseguard.rotation.history.whereabouts import whereabouts
from releaseguard.rotation.values import Direction, Pin, ProofSummary, RotationState, RuntimeSummary


def view_of(chain: Chain) -> ChainView:
    """The state of a chain, from the steps that are believed."""
    view = extend(ChainView(chain.chain_key), chain.steps)
    return replace(view, foreign=chain.foreign, breach=chain.breach(view.disowned))


def extend(view: ChainView, steps: Sequence[Event]) -> ChainView:
    """The state after ``steps``, which are believed and follow those from which ``view`` was made."""
    for event in steps:
        view = _after(view, Told(parse(event), store_time(event), event.occurred_at))
    return replace(view, head=head_of(steps) or view.head)


@dataclass(frozen=True, slots=True)
class Told:
    """A believed step and its times."""

    step: said.ChainStep
    at: datetime
    """The store's time."""
    said_at: datetime
    """The writer's time."""


def _after(view: ChainView, told: Told) -> ChainView:
    step = told.step
    if isinstance(step, said.ChainNote):
        return noted(view, step, told.at)
    view = replace(view, lease=_lease_after(view.lease, told))
    if isinstance(step, said.Planned):
        return replace(view, rotations=(*view.rotations, _planned(step, told.at)))
    if isinstance(step, said.RowsDisowned):
        return replace(view, disowned=view.disowned | {*step.ids})
    change = _CHANGES.get(type(step))
    if change is None or not isinstance(step, said.RotationEvent):
        return view
    view = changed_entry(view, step.rotation_id, lambda one: replace(change(one, step, told.at), changed_at=told.at))
    changed = view.entry(step.rotation_id)
    if changed is None:
        return view
    return settled(whereabouts(view, changed, step), changed, step, told.at)


def _lease_after(lease: LeaseView | None, told: Told) -> LeaseView:
    holder, released = told.step.holder, isinstance(told.step, said.LeaseReleased)
    if lease is None or lease.holder != holder or (lease.released and not released):
        return LeaseView(holder, told.at, told.at, released, told.said_at)
    return replace(lease, renewed_at=told.at, released=released, said_at=told.said_at)


def _planned(step: said.Planned, at: datetime) -> RotationView:
    return RotationView(
        id=step.rotation_id,
        unit=step.unit,
        state=RotationState.PLANNED,
        began_at=at,
        changed_at=at,
        pins=tuple(Pin(one.name, one.from_version, None) for one in step.secrets),
        seen={one.name: _seen(one) for one in step.secrets},
        origin=step.origin.value,
        reason=step.reason,
        leak=step.leak.to_leak() if step.leak else None,
        accepted=step.accepted or (),
        holder=step.holder,
    )


def _seen(secret: PlannedSecret) -> Written | None:
    return None if secret.seen_version is None else Written(secret.seen_version, secret.seen_secret_id)


def _waiting_approval(view: RotationView, step: said.WaitingApproval, _at: datetime) -> RotationView:
    proposed = {**view.proposed, **(step.fingerprints or {})}
    return replace(view, state=RotationState.WAITING_APPROVAL, awaits_approval=True, proposed=proposed)


def _staged(view: RotationView, step: said.Staged, _at: datetime) -> RotationView:
    pins = [secret.to_pin() for secret in step.secrets]
    names = {place.key: place.names for place in step.destinations}
    return replace(view, state=RotationState.STAGED, pins=tuple(pins), awaits_approval=False, names=names)


def _stored(view: RotationView, step: said.StoredInVault, _at: datetime) -> RotationView:
    state = RotationState.PUSHED if view.state is RotationState.WAITING_CONSOLE else view.state
    return replace(view, state=state, pins=tuple(secret.to_pin() for secret in step.secrets), stored_later=True)


def _skipped(view: RotationView, step: said.DestinationsSkipped, _at: datetime) -> RotationView:
    left = {one.destination: LeftOut(one.uri, one.reason or "", one.by_person) for one in step.destinations}
    return replace(view, skipped=left)


def _with_leg(
    view: RotationView, step: said.Directed, change: Callable[[DirectionProgress], DirectionProgress]
) -> RotationView:
    return replace(view, directions={**view.directions, step.direction: change(view.progress(step.direction))})


def _push_started(view: RotationView, step: said.PushStarted, at: datetime) -> RotationView:
    def started(progress: DirectionProgress) -> DirectionProgress:
        destinations = {
            one.destination: _carried(progress, one.destination, "started", at) for one in step.destinations
        }
        return _outdated(
            replace(progress, destinations={**progress.destinations, **destinations}),
            [one.uri for one in step.destinations],
        )

    return _with_leg(view, step, started)


def _push_finished(view: RotationView, step: said.PushFinished, at: datetime) -> RotationView:
    def pushed(progress: DirectionProgress) -> DirectionProgress:
        destinations = {
            one.destination: _carried(progress, one.destination, "pushed", at, one.writes, one.markers)
            for one in step.destinations
        }
        return replace(progress, destinations={**progress.destinations, **destinations})

    return _with_leg(view, step, pushed)


def _push_failed(view: RotationView, step: said.PushFailed, at: datetime) -> RotationView:
    def failed(progress: DirectionProgress) -> DirectionProgress:
        carried = replace(_carried(progress, step.destination, "failed", at, step.writes), problem=step.problem)
        return replace(progress, destinations={**progress.destinations, step.destination: carried})

    return _with_leg(view, step, failed)


def _carried(
    progress: DirectionProgress,
    key: str,
    status: str,
    at: datetime,
    writes: Mapping[str, int] | None = None,
    markers: Mapping[str, str] | None = None,
) -> DestinationProgress:
    before = progress.destinations.get(key, DestinationProgress())
    counts = dict(before.writes)
    for name, count in (writes or {}).items():
        counts[name] = counts.get(name, 0) + count
    return DestinationProgress(status, counts, {**before.markers, **(markers or {})}, None, at)


def _outdated(progress: DirectionProgress, uris: Sequence[str]) -> DirectionProgress:
    """Mark deployments as outdated after their destinations were written again: they may hold another value."""
    deployments = {
        key: replace(made, phase="outdated") if any(f"{uri}/".startswith(f"{made.place}/") for uri in uris) else made
        for key, made in progress.deployments.items()
    }
    return replace(progress, deployments=deployments, pushed_at=None, deployed_at=None)


def _pushed(view: RotationView, step: said.Pushed, at: datetime) -> RotationView:
    view = _with_leg(view, step, lambda progress: replace(progress, pushed_at=at))
    return view if view.rolling_back else replace(view, state=RotationState.PUSHED)


def _deployed(view: RotationView, step: said.Deployed, at: datetime) -> RotationView:
    view = _with_leg(view, step, lambda progress: replace(progress, deployed_at=at))
    return view if view.rolling_back else replace(view, state=RotationState.DEPLOYED)


def _deployment(
    view: RotationView, step: said.DeploymentEvent, change: Callable[[Redeployment | None], Redeployment]
) -> RotationView:
    key = f"{step.place}/{step.target}"
    return _with_leg(
        view,
        step,
        lambda progress: replace(
            progress, deployments={**progress.deployments, key: change(progress.deployments.get(key))}
        ),
    )


def _waiting_console(view: RotationView, step: said.WaitingConsole, at: datetime) -> RotationView:
    """A person is asked; a place that a person has to write may hold the value from now on."""

    def asked(progress: DirectionProgress) -> DirectionProgress:
        places = {
            one.destination: _carried(progress, one.destination, "started", at) for one in step.destinations or ()
        }
        made = [Redeployment(one.place, one.target, 1, "requested", {}) for one in step.deployments or ()]
        return replace(
            progress,
            destinations={**progress.destinations, **places},
            deployments={**progress.deployments, **{one.key: one for one in made}},
        )

    directions = {**view.directions, step.way: asked(view.progress(step.way))}
    return replace(view, state=RotationState.WAITING_CONSOLE, directions=directions)


def _console_confirmed(view: RotationView, step: said.ConsoleConfirmed, _at: datetime) -> RotationView:
    """Before any push this confirms the provider's console; after it, places and deployments."""
    if view.progress(step.way).pushed_at is not None:
        return replace(view, state=RotationState.PUSHED)
    return replace(view, state=RotationState.STAGED, console_confirmed=True)


def _deployment_requested(view: RotationView, step: said.DeploymentRequested, _at: datetime) -> RotationView:
    made = Redeployment(
        step.place, step.target, step.attempt, "requested", step.meta, step.before_id, step.before_release
    )
    return _deployment(view, step, lambda _: made)


def _deployment_made(phase: str) -> Callable[[RotationView, said.DeploymentMade, datetime], RotationView]:
    def change(view: RotationView, step: said.DeploymentMade, at: datetime) -> RotationView:
        """``view`` with the deployment in ``phase``; fields that this step does not set keep their earlier values."""

        def made(before: Redeployment | None) -> Redeployment:
            before = before or Redeployment(step.place, step.target, 1, phase, {})
            return replace(
                before,
                phase=phase,
                id=step.deployment_id or before.id,
                release=step.release or before.release,
                created_at=before.created_at or at,
                ready_at=at if phase == "ready" else None,
                reason=step.reason if isinstance(step, said.DeploymentFailed) else None,
            )

        return _deployment(view, step, made)

    return change


def _proof(step: said.ProofStep) -> ProofSummary:
    runtimes = tuple(
        RuntimeSummary(
            uri=one.uri,
            grade=one.grade.value if one.grade else None,
            successes=one.successes,
            needed=one.needed,
            old=one.old or 0,
            unlabelled=one.unlabelled or 0,
            serves=one.serves or None,
            rewritten=one.rewritten or (),
        )
        for one in step.runtimes
    )
    grade = step.grade.value if step.grade else None
    return ProofSummary(grade, step.events, step.missing, runtimes, step.basis or None)


def _proven(view: RotationView, step: said.Proven, at: datetime) -> RotationView:
    return replace(
        _certified(view, step), state=RotationState.PROVEN, proof=_proof(step), proven_at=view.proven_at or at
    )


def _certified(view: RotationView, step: said.ProofStep | said.Retired) -> RotationView:
    return replace(view, certificate=step.certificate or view.certificate)


def _retired(view: RotationView, step: said.Retired, at: datetime) -> RotationView:
    moment = from_text(step.revoked_at) if step.revoked_at else at
    confirmed = Confirmation(at if view.confirmations else moment, step.old_successes)
    return replace(
        _certified(view, step),
        state=RotationState.RETIRED,
        retired_at=at,
        revoked_at=view.revoked_at or moment,
        confirmations=(*view.confirmations, confirmed),
    )


def _continued(view: RotationView, step: said.Continued, _at: datetime) -> RotationView:
    """A failed rotation is continued; a running one may be given the report of a leak."""
    leak = step.leak.to_leak() if step.leak else view.leak
    if view.state is not RotationState.FAILED:
        return replace(view, leak=leak)
    if step.direction is Direction.BACK:
        return replace(view, leak=leak, state=RotationState.PUSHED, ended_because=None)
    forward = view.progress(Direction.FORWARD)
    state = RotationState.PUSHED if forward.pushed_at else RotationState.STAGED
    directions = {Direction.FORWARD: forward}
    return replace(
        view, leak=leak, state=state, rolling_back=None, ended_because=None, cause=None, directions=directions
    )


def _rolling_back(view: RotationView, step: said.RollingBack, _at: datetime) -> RotationView:
    """Nothing is asked of a person any more for the way forward, and the proof so far no longer counts."""
    state = RotationState.PUSHED if view.state in (RotationState.WAITING_CONSOLE, RotationState.PROVEN) else view.state
    return replace(view, state=state, rolling_back=str(step.reason), cause=step.cause or None)


_Change = Callable[[RotationView, Any, datetime], RotationView]

_CHANGES: Mapping[type[said.ChainStep], _Change] = {
    said.Staged: _staged,
    said.StoredInVault: _stored,
    said.DestinationsSkipped: _skipped,
    said.WaitingApproval: _waiting_approval,
    said.WaitingConsole: _waiting_console,
    said.ConsoleConfirmed: _console_confirmed,
    said.PushStarted: _push_started,
    said.PushFinished: _push_finished,
    said.PushFailed: _push_failed,
    said.Pushed: _pushed,
    said.DeploymentRequested: _deployment_requested,
    said.DeploymentCreated: _deployment_made("created"),
    said.DeploymentReady: _deployment_made("ready"),
    said.DeploymentFailed: _deployment_made("failed"),
    said.Deployed: _deployed,
    said.Proven: _proven,
    said.Unproven: lambda view, step, _: replace(
        _certified(view, step), state=RotationState.UNPROVEN, proof=_proof(step)
    ),
    said.Retired: _retired,
    said.RollingBack: _rolling_back,
    said.RolledBack: lambda view, step, _: replace(
        view,
        state=RotationState.ROLLED_BACK,
        ended_because=step.reason,
        proof=_proof(step),
        cause=step.cause or view.cause,
    ),
    said.RotationFailed: lambda view, step, _: replace(
        view, state=RotationState.FAILED, ended_because=step.reason, cause=step.cause or None
    ),
    said.Aborted: lambda view, step, _: replace(view, state=RotationState.ABORTED, ended_because=step.reason),
    said.Continued: _continued,
}
