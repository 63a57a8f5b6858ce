"""Which installed apps would break if the old value were revoked."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.errors import ServiceError
from releaseguard.rotation.exposure.installed_apps import sentence, shares_in
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import RotationState

_OUT = frozenset(
    {
        RotationState.PUSHED,
        RotationState.DEPLOYED,
        RotationState.PROVEN,
        RotationState.UNPROVEN,
        RotationState.RETIRED,
    }
)
"""The states in which the old value may be revoked."""


def broken_apps(session: RotationSession, rotation_id: str) -> Sequence[str]:
    """Sentences about phones that revoking the old value would break, once the new value is in use."""
    view = session.rotation_named(rotation_id)
    names = [spec.name for spec in session.group.secrets if spec.reach == "client"]
    if not names or view.state not in _OUT:
        return ()
    key = session.context.chain_key
    try:
        shares = shares_in(
            session.context.log, names, environment=key.environment, provider=key.provider, out_at=view.began_at
        )
    except ServiceError as error:
        return (f"Which installed apps hold the old value could not be read: {error}",)
    return [f"{sentence(one.secret, one.share, one.releases)}." for one in shares]
