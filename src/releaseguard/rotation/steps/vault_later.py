"""A value that is rolled out while the vault is unreachable, until the vault holds the same value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from releaseguard.destinations.interface import Item, ItemKind, SyncStatus
from releaseguard.errors import NotFound, Refused, ReleaseguardError, ServiceError, UsageError
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import PinnedSecret
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Pin, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import ApprovalPending, SecretVersion
from releaseguard.vault.later import later


def refuse_what_is_out(session: RotationSession, facts: PlanningFacts) -> None:
    """Raise ``Refused`` where the given values are in use already, as far as fingerprints and destinations show; the
    vault cannot be asked."""
    values, salt = session.request.values, session.context.rules.salt
    out = {name: one.fingerprint for name, one in session.chain.out.items()}
    known = {name for name, value in values.items() if out.get(name) and out[name] == value.fingerprint(salt)}
    shown = [seen[name].sync for seen in facts.observed.values() for name in values if name in seen]
    told = [sync for sync in shown if sync is not SyncStatus.UNKNOWN]
    if (values and known == {*values}) or (told and all(sync is SyncStatus.YES for sync in told)):
        raise Refused(
            f"{' and '.join(values)}: the value that was given is the one that is out",
            next_step="Make a new key in the provider's console, then give that one.",
        )


def same_values(view: RotationView, values: Mapping[str, Secret], salt: str) -> bool:
    """Whether ``values`` are those that ``view`` rolls out, as far as their fingerprints tell."""
    pins = {pin.name: pin for pin in view.pins}
    return all(_may_be(pins[name], value, salt) for name, value in values.items() if name in pins)


def _may_be(pin: Pin, value: Secret, salt: str) -> bool:
    return pin.fingerprint is None or pin.fingerprint == value.fingerprint(salt)


def take_along(session: RotationSession, view: RotationView) -> None:
    """Prepare the values of a rotation that no vault holds yet. Raises ``UsageError`` where other values were piped
    in."""
    if not same_values(view, session.request.values, session.context.rules.salt):
        raise UsageError(
            f"what was piped in is not what rotation {view.id} rolled out",
            next_step=f"Pipe that in, or give it up first: {session.command} --abort",
        )
    identity = next((str(pin.secret_id) for pin in view.pins if pin.awaits_vault), "")
    session.later = replace(later(session.context.vault, identity, session.request.values), asks=True)


def store_if_possible(session: RotationSession) -> None:
    """Check whether the vault holds the value by now, or store it where this run has it.

    A vault that is still unreachable changes nothing.
    """
    view = session.rotation
    if not view.awaits_vault or session.request.vault_later:
        return
    try:
        found = {pin.name: _stored(session, pin) for pin in view.pins if pin.awaits_vault}
    except (ServiceError, ApprovalPending) as error:
        session.tell(f"The vault does not hold it yet: {error}")
        return
    versions = {name: version for name, version in found.items() if version is not None}
    if len(versions) < len(found):
        missing = ", ".join(name for name in found if name not in versions)
        session.tell(f"{session.context.vault.label}: the newest version of {missing} is not what was rolled out.")
        return
    pins = [_numbered(pin, versions.get(pin.name)) for pin in view.pins]
    session.append(said.StoredInVault(rotation_id=view.id, secrets=tuple(map(PinnedSecret.of, pins))))
    session.later = None
    session.remember(versions.values())


def _numbered(pin: Pin, version: SecretVersion | None) -> Pin:
    """The pin with the version number that its value got in the vault; the app keeps reporting the earlier label."""
    return replace(pin, to_version=version.version, secret_id=version.secret_id) if version else pin


def _stored(session: RotationSession, pin: Pin) -> SecretVersion | None:
    """The vault's version with the value of ``pin``, stored now where this run has the value."""
    vault, given = session.context.vault, session.request.values.get(pin.name)
    try:
        newest: SecretVersion | None = vault.read(pin.name)
    except NotFound:
        newest = None
    if newest is not None and _is_it(session, pin, newest, given):
        return newest
    return vault.write(pin.name, given) if given is not None else None


def _is_it(session: RotationSession, pin: Pin, newest: SecretVersion, given: Secret | None) -> bool:
    """Whether that version has the value, by what was piped in, by its fingerprint, or by a destination that shows
    it."""
    if given is not None:
        return newest.value.same_as(given)
    if pin.fingerprint is not None:
        return newest.value.fingerprint(session.context.rules.salt) == pin.fingerprint
    return any(_shows(session, pin, newest, index) for index in range(len(session.bindings)))


def _shows(session: RotationSession, pin: Pin, newest: SecretVersion, index: int) -> bool:
    binding = session.bindings[index]
    items = [Item(name, newest.value, ItemKind.SECRET, newest.version) for name in binding.names_of(pin.name)]
    try:
        seen = binding.destination.observe(items)
    except ReleaseguardError:
        return False
    return any(one.sync is SyncStatus.YES for one in seen.values())


def waits_for_vault(session: RotationSession) -> bool:
    """Whether the vault does not hold the value in use yet; asks a person to store it."""
    view = session.rotation
    if not view.awaits_vault:
        return False
    if view.state is not RotationState.WAITING_CONSOLE:
        session.append(said.WaitingConsole(rotation_id=view.id, steps=to_be_stored(view)))
    return True


def to_be_stored(view: RotationView) -> str:
    """What a person is asked to do while the vault does not hold the value in use."""
    names = " and ".join(pin.name for pin in view.pins if pin.awaits_vault)
    return f"Store the same value of {names} in the vault as a new version, as soon as it can be reached."
