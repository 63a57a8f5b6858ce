"""Stage: find or make the new versions in the vault, pin them, and wait for approvals."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import UNSET

from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import NotFound, Refused, Undecided, UsageError
from releaseguard.rotation.groups import NOTHING, items_for
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import PinnedSecret, StagedPlace
from releaseguard.rotation.history.views import RotationView, Written
from releaseguard.rotation.identity.flaws import flaws_in, refuse_flawed
from releaseguard.rotation.identity.labelling import fingerprint_of, identified, label_for, pin_of
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.planning.gather import earlier_versions, labels_seen
from releaseguard.rotation.planning.leaked import refuse_leaked_values
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Direction, Pin, RotateAction, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import ApprovalPending, SecretVersion
from releaseguard.vault.source import ValueSource


def stage(session: RotationSession) -> bool:
    """Pin the new versions; returns ``False`` where the vault waits for an approval.

    Raises ``Refused`` where the value is one that leaked, ``Undecided`` where no new one was made.
    """
    rotation = session.rotation
    if rotation.state not in (RotationState.PLANNED, RotationState.WAITING_APPROVAL):
        return True
    if session.group.manual:
        session.append(said.Staged(rotation_id=rotation.id))
        return True
    found = _new_versions(session)
    _refuse_of_others(session, found.versions)
    if found.pending:
        session.append(_waiting(rotation.id, found.pending))
        session.tell(f"Waiting for an approval in the vault: {', '.join(found.pending)}.")
        return False
    _check_values(session, found.versions)
    _check_leak(session, found.versions)
    session.append(staged(session, rotation.id, _pins(session, found.versions)))
    return True


def at_the_console(session: RotationSession) -> bool:
    """Whether a person has nothing left to do at the provider; running ``--resume`` confirms it."""
    rotation, resumed = session.rotation, session.request.action is RotateAction.RESUME
    begun = rotation.progress(Direction.FORWARD).destinations
    if rotation.console_confirmed or not session.group.waits_for_console or begun:
        return True
    waiting = rotation.state is RotationState.WAITING_CONSOLE
    if waiting and resumed:
        session.append(said.ConsoleConfirmed(rotation_id=rotation.id))
        return True
    if not waiting:
        session.append(said.WaitingConsole(rotation_id=rotation.id, steps=session.group.steps()))
    return False


def staged(session: RotationSession, rotation_id: str, pins: Sequence[Pin]) -> said.Staged:
    """The step with the pinned versions and all names that will be written."""
    placeholder = {pin.name: NOTHING for pin in pins}
    return said.Staged(
        rotation_id=rotation_id,
        secrets=tuple(map(PinnedSecret.of, pins)),
        destinations=tuple(
            StagedPlace(
                key=binding.key,
                uri=binding.destination.uri,
                names=tuple(item.name for item in items_for(session.group, binding, placeholder)),
            )
            for binding in session.context.bindings
        ),
    )


@dataclass(frozen=True, slots=True)
class _NewVersions:
    versions: Mapping[str, SecretVersion]
    pending: Mapping[str, str | None]
    """Fingerprints of the values that await approval, by name; ``None``: the run that proposed it kept it."""


def _new_versions(session: RotationSession) -> _NewVersions:
    """The new version of every secret, made where necessary."""
    group, origin = session.group, ValueSource(session.rotation.origin)
    versions, pending, untouched = {}, {}, []
    for name in group.names:
        try:
            versions[name], new = _new_version(session, name, origin)
            untouched += [] if new else [name]
        except ApprovalPending as waits:
            pending[name] = waits.proposed
    if untouched and not pending:  # the old value of one member beside the new one of another fits nothing
        raise Undecided(
            f"no new version of {', '.join(untouched)} has been made yet",
            where=session.vault.label,
            next_step=f"Run `{session.command} --from {origin.value}` again, or --abort.",
        )
    return _NewVersions(versions, pending)


def _new_version(session: RotationSession, name: str, origin: ValueSource) -> tuple[SecretVersion, bool]:
    """The version to use, and whether it is new. A version that a killed run made is not made again."""
    rotation, vault = session.rotation, session.vault
    newest = _newest(session, name)
    given = session.request.values.get(name) if origin is ValueSource.STDIN else None
    if newest is not None and given is not None and newest.value.same_as(given):
        return newest, True
    if newest is not None and given is None and (_has_moved(rotation, newest) or origin is ValueSource.VAULT):
        return newest, True
    if rotation.awaits_approval:
        raise ApprovalPending(f"{name}: the vault still waits for an approval", where=vault.place_of(name))
    if given is not None:
        return _stored(session, name, given), True
    if origin is ValueSource.GENERATE:
        return _stored(session, name, _generated(session, name)), True
    if origin is ValueSource.VAULT_ROTATION:
        return vault.trigger_rotation(name), True
    if newest is None:
        raise NotFound(f"the vault has no secret {name}", where=vault.place_of(name))
    return newest, False


def _stored(session: RotationSession, name: str, value: Secret) -> SecretVersion:
    try:
        return session.vault.write(name, value)
    except ApprovalPending as pending:
        spec = next(spec for spec in session.group.secrets if spec.name == name)
        pending.proposed = fingerprint_of(spec, value, session.context.rules.salt)
        raise


def _waiting(rotation_id: str, pending: Mapping[str, str | None]) -> said.WaitingApproval:
    proposed = {name: one for name, one in pending.items() if one}
    return said.WaitingApproval(rotation_id=rotation_id, secrets=tuple(pending), fingerprints=proposed or UNSET)


def _refuse_of_others(session: RotationSession, versions: Mapping[str, SecretVersion]) -> None:
    """Raise ``Refused`` where the newest value is not the one that was proposed."""
    specs, salt = {spec.name: spec for spec in session.group.secrets}, session.context.rules.salt
    for name, proposed in session.rotation.proposed.items():
        there = versions.get(name)
        if there is not None and fingerprint_of(specs[name], there.value, salt) != proposed:
            raise Refused(
                f"{name}: version {there.version} is not the value that waits for an approval: somebody else stored it",
                where=session.vault.place_of(name),
                next_step=f"Have the one that waits approved, then: {session.command} --resume. Where the newest is to "
                f"be brought out: {session.command} --abort, then: {session.command}",
            )


def _has_moved(rotation: RotationView, newest: SecretVersion) -> bool:
    """Whether the vault's newest version differs from the one at planning."""
    seen = rotation.seen.get(newest.name)
    return seen is None or (newest.version, newest.secret_id) != (seen.version, seen.secret_id)


def _generated(session: RotationSession, name: str) -> Secret:
    spec = next(spec for spec in session.group.secrets if spec.name == name)
    if spec.from_ != "generated":
        raise UsageError(
            f"{name} is issued by the provider: a value made up here would not work",
            next_step="Make it in the provider's console and store it as a new version.",
        )
    return Secret(secrets.token_urlsafe(48))


def _newest(session: RotationSession, name: str) -> SecretVersion | None:
    try:
        return session.vault.read(name)
    except NotFound:
        return None


def _check_values(session: RotationSession, versions: Mapping[str, SecretVersion]) -> None:
    """Check that the values made or approved since the plan can be keys."""
    values = {name: version.value for name, version in versions.items()}
    try:
        refuse_flawed(() if session.rotation.accepted else flaws_in(session.group.secrets, values))
    except Refused as refusal:
        session.append(said.AbortedByRefusal(rotation_id=session.rotation_id, reason=str(refusal)))
        raise


def _check_leak(session: RotationSession, versions: Mapping[str, SecretVersion]) -> None:
    leak = session.rotation.leak
    if leak is None or session.later is not None:  # the vault has nothing to compare with: see refuse_what_is_out
        return
    vault = session.vault
    earlier = {name: earlier_versions(vault, version, session.workers) for name, version in versions.items()}
    facts = PlanningFacts(newest=versions, earlier=earlier)
    try:
        refuse_leaked_values(session.group, session.request, facts, leak, session.chain)
    except Refused as refusal:
        session.append(said.AbortedByRefusal(rotation_id=session.rotation_id, reason=str(refusal)))
        raise


def _pins(session: RotationSession, versions: Mapping[str, SecretVersion]) -> Sequence[Pin]:
    seen = labels_seen(session, versions.values())
    specs = {spec.name: spec for spec in session.group.secrets}
    return [
        pin_of(pin.name, _before(session, pin), _after(session, specs[pin.name], versions[pin.name], seen))
        for pin in session.rotation.pins
    ]


def _before(session: RotationSession, pin: Pin) -> Written | None:
    out, seen = session.chain.out.get(pin.name), session.rotation.seen.get(pin.name)
    if out is not None or pin.from_version is None:
        return out
    return Written(pin.from_version, seen.secret_id if seen else None)


def _after(session: RotationSession, spec: SecretSpec, version: SecretVersion, seen: frozenset[str]) -> Written:
    after = identified(spec, version, session.context.rules.salt)
    return replace(after, label=label_for(spec.name, after, session.chain, seen, session.group.names))
