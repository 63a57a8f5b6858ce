"""What a person does and confirms: places that no program writes, deployments that no program makes.

They are requested once everything else is done, so that production waits for nobody. ``--resume`` confirms them, and
the history records them like a push or a deployment of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from releaseguard.destinations.hands import is_hands
from releaseguard.rotation.context import Binding, RotationContext
from releaseguard.rotation.groups import COMPANION_SUFFIX, DeploymentTarget, deployments_for
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import HandDeployment, PushedTarget, Target
from releaseguard.rotation.history.views import DestinationProgress, RotationView
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Direction, RotateAction, RotationState


def is_deployed_by_hand(context: RotationContext, base: str) -> bool:
    """Whether a person deploys that place."""
    return is_hands(context.rules.deployed_by.get(base, ""))


def places_left(session: RotationSession, view: RotationView) -> Sequence[Binding]:
    """The places that a person still has to write and confirm; in a roll-back, those that somebody was asked to write
    before."""
    progress, asked = view.progress(view.direction).destinations, view.progress(Direction.FORWARD).destinations
    return [
        one
        for one in _included(session, view)
        if one.destination.by_hand
        and progress.get(one.key, DestinationProgress()).status != "pushed"
        and (view.direction is Direction.FORWARD or one.key in asked)
    ]


def deployments_left(session: RotationSession, view: RotationView) -> Sequence[DeploymentTarget]:
    """What a person still has to deploy and confirm; in a roll-back, what somebody was asked to deploy before."""
    made, asked = view.progress(view.direction).deployments, view.progress(Direction.FORWARD).deployments
    return [
        one
        for one in deployments_for(binding.destination for binding in _included(session, view))
        if is_deployed_by_hand(session.context, one.base)
        and (one.key not in made or made[one.key].phase != "ready")
        and (view.direction is Direction.FORWARD or one.key in asked)
    ]


def _included(session: RotationSession, view: RotationView) -> Sequence[Binding]:
    left = session.left_of(view)
    return [one for one in session.context.bindings if one.key not in left]


def take_confirmation(session: RotationSession) -> None:
    """Record, on ``--resume``, that what was requested is done."""
    rotation = session.rotation
    direction = rotation.direction
    waiting = rotation.state is RotationState.WAITING_CONSOLE and rotation.progress(direction).pushed_at is not None
    if not (waiting and session.request.action is RotateAction.RESUME):
        return
    asked = rotation.progress(direction)
    if not (asked.destinations or asked.deployments) or not any(_left_now(session, rotation)):
        return
    steps: list[said.ChainStep] = [said.ConsoleConfirmed(rotation_id=rotation.id, direction=_told(rotation))]
    places = [one for one in places_left(session, rotation) if one.key in asked.destinations]
    if places:
        written = tuple(PushedTarget(destination=one.key, uri=one.destination.uri) for one in places)
        steps.append(said.PushFinished(rotation_id=rotation.id, direction=direction, destinations=written))
    steps += [
        said.DeploymentReady(rotation_id=rotation.id, direction=direction, place=one.base, target=one.target)
        for one in deployments_left(session, rotation)
        if one.key in asked.deployments
    ]
    session.append(*steps)


def keep_what_is_confirmed(session: RotationSession) -> None:
    """For a version that is rolled out again: nobody is asked to write a place again that holds it according to a
    person."""
    held = [one for one in places_left(session, session.rotation) if _holds_it(session, one)]
    if held:
        written = tuple(PushedTarget(destination=one.key, uri=one.destination.uri) for one in held)
        session.append(said.PushFinished(rotation_id=session.rotation_id, destinations=written))


def _holds_it(session: RotationSession, binding: Binding) -> bool:
    """Whether the newest earlier rotation that concerned the place brought these versions there."""
    mine = session.rotation
    before = [one for one in session.chain.rotations if one.id != mine.id and one.unit == mine.unit]
    last = next((one for one in reversed(before) if _is_about(one, binding.key)), None)
    if last is None or last.rolling_back:
        return False
    status = last.progress(Direction.FORWARD).destinations[binding.key].status
    return status == "pushed" and _carried(last) == _carried(mine)


def _is_about(view: RotationView, key: str) -> bool:
    return key in view.progress(Direction.FORWARD).destinations


def _carried(view: RotationView) -> Sequence[tuple[str, int | None, str | None]]:
    return [(pin.name, pin.to_version, pin.secret_id) for pin in view.pins]


def waits_for_hands(session: RotationSession) -> bool:
    """Whether a person has something left to do; requests it."""
    view = session.rotation
    places, deployments = _left_now(session, view)
    if not (places or deployments):
        return False
    if view.state is not RotationState.WAITING_CONSOLE:
        targets = tuple(Target(destination=one.key, uri=one.destination.uri) for one in places)
        made = tuple(HandDeployment(place=one.base, target=one.target) for one in deployments)
        session.append(
            said.WaitingConsole(
                rotation_id=session.rotation_id,
                direction=_told(view),
                steps=asked_now(session, view),
                destinations=targets or UNSET,
                deployments=made or UNSET,
            )
        )
    return True


def _told(view: RotationView) -> Direction | UnsetType:
    """The direction as stored in steps about a person: unset for the way forward."""
    return Direction.BACK if view.direction is Direction.BACK else UNSET


def _left_now(session: RotationSession, view: RotationView) -> tuple[Sequence[Binding], Sequence[DeploymentTarget]]:
    """What a person can do now: a place is written before it is deployed."""
    places = places_left(session, view)
    unwritten = {one.destination.address.base for one in places}
    return places, [one for one in deployments_left(session, view) if one.base not in unwritten]


def asked_now(session: RotationSession, view: RotationView) -> str:
    """What a person is asked to do, place by place; version numbers, never values."""
    by = session.context.rules.deployed_by
    places, deployments = _left_now(session, view)
    words = [f"{one.destination.uri}: {_written(session, view, one)}." for one in places]
    words += [f"{one.base}: deploy it ({by.get(one.base, one.target)})." for one in deployments]
    return " ".join(words)


def _written(session: RotationSession, view: RotationView, binding: Binding) -> str:
    """``write SENDGRID_API_KEY (version 3 in the vault), and 3 as SENDGRID_API_KEY_VERSION``."""
    pins = {pin.name: pin for pin in view.pins}
    parts = []
    for spec in session.group.secrets:
        for name in binding.names_of(spec.name) if spec.name in pins else ():
            number, label = pins[spec.name].version(view.direction), pins[spec.name].label_of(view.direction)
            also = f", and {label} as {name}{COMPANION_SUFFIX}" if spec.has_companion else ""
            of = "" if spec.name == name else f" of {spec.name}"
            known = f"version {number}{of} in the vault" if number else "the new value"
            parts.append(f"write {name} ({known}){also}")
    return "; ".join(parts)
