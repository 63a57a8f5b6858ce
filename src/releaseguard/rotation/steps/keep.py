"""What is out, kept in memory before it is overwritten where the vault has it no more: the only way back."""

from __future__ import annotations

from releaseguard.errors import ServiceError
from releaseguard.rotation.context import Binding
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Pin
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion


def keep_what_is_out(session: RotationSession) -> None:
    """Of each secret that was deleted and created anew: the value before, from a place that shows what we wrote there.

    It lives as long as this process; whoever resumes goes forward. A place that does not answer gives none.
    """
    for pin in session.rotation.pins:
        known = pin.from_version is None or session.remembered(pin.name, pin.from_version, pin.from_secret_id)
        if not known and pin.from_secret_id not in (None, pin.secret_id):
            _keep(session, pin)


def _keep(session: RotationSession, pin: Pin) -> None:
    for binding in session.context.bindings:
        value = _shown(session, binding, pin)
        if value is not None and pin.from_version is not None:
            session.remember([SecretVersion(pin.name, pin.from_version, value, str(pin.from_secret_id))])
            return


def _shown(session: RotationSession, binding: Binding, pin: Pin) -> Secret | None:
    written = session.chain.written.get(binding.key, {}).get(pin.name)
    if written is None or (written.version, written.secret_id) != (pin.from_version, pin.from_secret_id):
        return None
    names = binding.names_of(pin.name)
    try:
        return binding.destination.shown(names).get(names[0]) if names else None
    except ServiceError:
        return None
