"""Takes a rotation forward as far as it goes, or back where that is allowed.

Every step is written to the history before and after, does nothing that the history says is done, and can be
picked up by another process on another machine at any point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import structs

from releaseguard.errors import NotFound
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import ProvenRuntime
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.proof.values import Proof, RuntimeProof
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.deploy import deploy
from releaseguard.rotation.steps.prove import prove
from releaseguard.rotation.steps.push import push
from releaseguard.rotation.steps.stage import at_the_console, stage
from releaseguard.rotation.values import Direction, RotateAction

P = TypeVar("P", bound=said.ProofStep)


def go_on(session: RotationSession) -> None:
    """Take it as far as it goes now; the state says how far that was.

    Raises ``ServiceError``, ``Refused``, ``Undecided`` or ``Failed`` where a step could not be done.
    """
    with session.journal.kept_alive(session.context.rules.heartbeat):
        if session.rotation.rolling_back:
            _go_back(session)
        else:
            _go_forward(session)


def _go_forward(session: RotationSession) -> None:
    if not (stage(session) and at_the_console(session)):
        return
    push(session, Direction.FORWARD)
    failure = deploy(session, Direction.FORWARD)
    if failure:
        roll_back(session, failure)
    elif _may_be_proven(session):
        _finish(session, prove(session, Direction.FORWARD))


def _may_be_proven(session: RotationSession) -> bool:
    """Whether it is deployed, or whoever resumes says that somebody else has done so."""
    deployed = session.rotation.progress(Direction.FORWARD).deployed_at
    return deployed is not None or session.request.action is RotateAction.RESUME


def _finish(session: RotationSession, proof: Proof) -> None:
    if proof.proven and not session.group.client:
        session.tell(f"PROVEN, grade {proof.grade}.")
        session.append(_recorded(said.Proven, session, proof))
    elif proof.refused or (proof.refused_at_least_once and not proof.proven):
        roll_back(session, "the provider refuses the new version: authentication errors since it is out")
    else:
        session.append(_recorded(said.Unproven, session, proof, _installed_apps(session)))


def _go_back(session: RotationSession) -> None:
    try:
        push(session, Direction.BACK)
    except NotFound as error:
        _fail(session, f"cannot be rolled back: {error}")
        return
    failure = deploy(session, Direction.BACK)
    if failure:
        _fail(session, f"{session.rotation.rolling_back}; rolling back failed too: {failure}")
        return
    step = _recorded(said.RolledBack, session, prove(session, Direction.BACK))
    session.append(structs.replace(step, reason=session.rotation.rolling_back))


def roll_back(session: RotationSession, reason: str) -> None:
    """Put the previous version back everywhere, redeploy, prove; where that is forbidden, say so and fail."""
    forbidden = why_not_back(session)
    if forbidden:
        _fail(session, f"{reason}; not rolled back: {forbidden}")
        return
    session.tell(f"Rolling back: {reason}")
    session.append(said.RollingBack(rotation_id=session.rotation_id, reason=reason))
    _go_back(session)


def why_not_back(session: RotationSession) -> str | None:
    """Why the previous version must not be put back; ``None`` where it may."""
    rotation, chain = session.rotation, session.chain
    for pin in rotation.pins:
        if pin.from_version is None:
            return f"no previous version of {pin.name} is known"
        if pin.from_version in chain.leaked(pin.name):
            return f"version {pin.from_version} of {pin.name} leaked"
    if any(one.retired_at and one.unit == rotation.unit for one in _since_pushed(chain.rotations, rotation)):
        return "a person has confirmed that the previous version is revoked"
    if all(pin.from_version == pin.to_version for pin in rotation.pins):
        return "there is no other version to go back to"
    return None


def _since_pushed(rotations: Sequence[RotationView], rotation: RotationView) -> Sequence[RotationView]:
    """This rotation and every one after the one that brought its previous version out."""
    index = next(i for i, one in enumerate(rotations) if one.id == rotation.id)
    return rotations[index:]


def _fail(session: RotationSession, reason: str) -> None:
    session.append(said.RotationFailed(rotation_id=session.rotation_id, reason=reason))


def _installed_apps(session: RotationSession) -> Sequence[str]:
    if not session.group.client:
        return ()
    return (
        f"{session.group.name} lives in installed apps: no redeploy replaces it there. Revoke the old value only "
        "when few events still come from releases that hold it.",
    )


def _recorded(kind: type[P], session: RotationSession, proof: Proof, more: Sequence[str] = ()) -> P:
    """A proof as it is written into the history: counts and row ids, nothing else."""
    return kind(
        rotation_id=session.rotation_id,
        grade=proof.grade,
        events=tuple(proof.events),
        missing=(*more, *proof.missing),
        runtimes=tuple(map(_runtime, proof.runtimes)),
    )


def _runtime(proof: RuntimeProof) -> ProvenRuntime:
    return ProvenRuntime(
        uri=proof.uri,
        grade=proof.grade,
        successes=proof.successes,
        needed=proof.needed,
        synthetic=proof.synthetic,
    )
