"""Takes a rotation as far forward as it goes, or back where that is allowed.

Every step is recorded before and after, skips what the history says is done, and can be continued at any point by
another process on another machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

from msgspec import UNSET, structs

from releaseguard.errors import NotFound, ReleaseguardError, ServiceError
from releaseguard.rotation.certificate.asking import certified
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import ProvenRuntime
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.planning.gather import newest_versions
from releaseguard.rotation.proof.values import Proof, RuntimeProof
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.deploy import ServedElsewhere, deploy
from releaseguard.rotation.steps.hands import keep_what_is_confirmed, take_confirmation, waits_for_hands
from releaseguard.rotation.steps.prove import prove, waited_for
from releaseguard.rotation.steps.push import push
from releaseguard.rotation.steps.stage import at_the_console, stage
from releaseguard.rotation.steps.vault_later import store_if_possible, waits_for_vault
from releaseguard.rotation.values import Cause, Direction, Pin, RotateAction
from releaseguard.vault.later import NOT_YET

P = TypeVar("P", bound=said.ProofStep)


def go_on(session: RotationSession) -> None:
    """Take the rotation as far as it goes now; its state says how far that was.

    Raises ``ServiceError``, ``Refused``, ``Undecided`` or ``Failed`` where a step could not be done.
    """
    with session.journal.kept_alive(session.context.rules.heartbeat):
        if session.rotation.rolling_back:
            _go_back(session)
        else:
            _go_forward(session)


def _go_forward(session: RotationSession) -> None:
    store_if_possible(session)
    if not (stage(session) and at_the_console(session)):
        return
    take_confirmation(session)
    push(session, Direction.FORWARD)
    keep_what_is_confirmed(session)
    try:
        failure = deploy(session, Direction.FORWARD)
    except ServedElsewhere as pinned:
        session.append(_unproven_at(session, pinned))
        return
    if failure:
        roll_back(session, failure, Cause.DEPLOYMENT)
    elif not waits_for_hands(session) and _may_be_proven(session):
        _finish(session, prove(session, Direction.FORWARD))


def _unproven_at(session: RotationSession, pinned: ServedElsewhere) -> said.Unproven:
    """The step for a rotation that no event can prove, since production serves a deployment with the old value."""
    runtime = ProvenRuntime(uri=pinned.place, serves=pinned.serves)
    return said.Unproven(rotation_id=session.rotation_id, missing=(str(pinned),), runtimes=(runtime,))


def _may_be_proven(session: RotationSession) -> bool:
    """Whether it is deployed, or the caller of ``--resume`` says that it is."""
    deployed = session.rotation.progress(Direction.FORWARD).deployed_at
    return deployed is not None or session.request.action is RotateAction.RESUME


def _finish(session: RotationSession, proof: Proof) -> None:
    left = [one for one in session.context.bindings if one.destination.runtime and one.key in session.left_out]
    is_refused = proof.refused or (proof.refused_at_least_once and not proof.proven)
    if not is_refused and waits_for_vault(session):
        session.tell(f"{waited_for(proof)}; the vault does not hold the value yet.")
        return
    if proof.proven and not session.group.client and not left:
        session.append(_certified(session, _recorded(said.Proven, session, proof)))
        by = f", by the {proof.basis.value} that the app reports" if proof.basis else ""
        session.tell(f"PROVEN, grade {proof.grade}{by}.")  # what is not recorded is not proven
        _tell_what_is_newer(session)
    elif is_refused:
        refused = "the provider refuses the new version: authentication errors since it went live"
        roll_back(session, refused, Cause.REFUSED)
    else:
        behind = [f"{one.destination.uri} was left out: it runs on the old value" for one in left]
        step = _recorded(said.Unproven, session, proof, [*_installed_apps(session), *behind])
        session.append(_certified(session, step))


def _tell_what_is_newer(session: RotationSession) -> None:
    """Report a version that somebody stored meanwhile: it was not proven, and revoking "all but the newest" would
    revoke the one in use."""
    with suppress(ReleaseguardError):  # nobody can say, and nothing rests on it
        newest = newest_versions(session)
        for pin in session.rotation.pins:
            there = newest.get(pin.name)
            if there and there.secret_id == pin.secret_id and there.version > (pin.to_version or 0):
                session.tell(
                    f"The vault has version {there.version} of {pin.name} by now, and the app runs on version "
                    f"{pin.to_version}: do not revoke that one. Rotate once more: {session.command}"
                )


def _certified(session: RotationSession, step: P) -> P:
    """The step with the certificate of revocation; without it where the log does not answer."""
    try:
        return structs.replace(step, certificate=certified(session, Direction.FORWARD))
    except ServiceError as error:
        session.tell(f"There is no certificate of revocation: {error}")
        return step


def _go_back(session: RotationSession) -> None:
    take_confirmation(session)
    try:
        push(session, Direction.BACK)
    except NotFound as error:
        _fail(session, f"{session.rotation.rolling_back}; cannot be rolled back: {error}", Cause.GONE)
        return
    failure = deploy(session, Direction.BACK)
    if failure:
        reason = f"{session.rotation.rolling_back}; rolling back failed too: {failure}"
        _fail(session, reason, Cause.DEPLOYMENT)
        return
    if waits_for_hands(session):
        return
    step = _recorded(said.RolledBack, session, prove(session, Direction.BACK))
    rotation = session.rotation
    session.append(structs.replace(step, reason=rotation.rolling_back, cause=rotation.cause or UNSET))


def roll_back(session: RotationSession, reason: str, cause: Cause) -> None:
    """Put the previous version back everywhere, redeploy and prove it; where that is forbidden, say so and fail."""
    forbidden = why_not_back(session)
    if forbidden:
        _fail(session, f"{reason}; not rolled back: {forbidden}", cause)
        return
    session.tell(f"Rolling back: {reason}")
    session.append(said.RollingBack(rotation_id=session.rotation_id, reason=reason, cause=cause))
    _go_back(session)


def why_not_back(session: RotationSession) -> str | None:
    """Why the previous version must not be put back; ``None`` where it may."""
    rotation, chain = session.rotation, session.chain
    for pin in rotation.pins:
        if pin.from_version is None:
            return f"no previous version of {pin.name} is known"
        if pin.from_version == NOT_YET:
            return f"the previous value of {pin.name} is in no vault"
        if chain.has_leaked(pin.name, pin.from_version, pin.from_secret_id):
            return f"version {pin.from_version} of {pin.name} leaked"
        if any(_was_refused(one, pin) for one in chain.rotations):
            return f"version {pin.from_version} of {pin.name} was refused by the provider"
    if any(one.retired_at and one.unit == rotation.unit for one in _since_pushed(chain.rotations, rotation)):
        return "a person has confirmed that the previous version is revoked"
    if all(pin.goes_nowhere for pin in rotation.pins):
        return "there is no other version to go back to"
    return None


def _was_refused(earlier: RotationView, pin: Pin) -> bool:
    """Whether the version to go back to was rolled out by ``earlier`` and not accepted by the provider to the end."""
    brought = [(one.name, one.to_version, one.secret_id) for one in earlier.pins]
    refused = earlier.cause is Cause.REFUSED and earlier.proven_at is None
    return refused and (pin.name, pin.from_version, pin.from_secret_id) in brought


def _since_pushed(rotations: Sequence[RotationView], rotation: RotationView) -> Sequence[RotationView]:
    """This rotation and all after the one that rolled out its previous version."""
    index = next(i for i, one in enumerate(rotations) if one.id == rotation.id)
    return rotations[index:]


def _fail(session: RotationSession, reason: str, cause: Cause) -> None:
    session.append(said.RotationFailed(rotation_id=session.rotation_id, reason=reason, cause=cause))


def _installed_apps(session: RotationSession) -> Sequence[str]:
    if not session.group.client:
        return ()
    return (
        f"{session.group.name} lives in installed apps: no redeploy replaces it there. Revoke the old value only "
        "when few events still come from releases that hold it.",
    )


def _recorded(kind: type[P], session: RotationSession, proof: Proof, more: Sequence[str] = ()) -> P:
    """A proof as it is stored in the history: counts and row ids only."""
    return kind(
        rotation_id=session.rotation_id,
        grade=proof.grade,
        basis=proof.basis or UNSET,
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
        old=proof.old or UNSET,
        unlabelled=proof.unlabelled or UNSET,
        serves=proof.serves or UNSET,
        rewritten=tuple(proof.rewritten) or UNSET,
    )
