"""What a call means in view of what was done before."""

from __future__ import annotations

from releaseguard.errors import Refused
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.planning.gather import newest_versions
from releaseguard.rotation.planning.unfinished import carries
from releaseguard.rotation.result import RotationResult, result_of
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.vault_later import same_values
from releaseguard.rotation.values import Cause, RotationState
from releaseguard.vault.source import ValueSource


def is_the_same_value(session: RotationSession, unfinished: RotationView) -> bool:
    """Whether a call means the value in use that no vault holds yet: it is given again, or the vault has it by now."""
    request, salt = session.request, session.context.rules.salt
    if request.dry_run or unfinished.unit != session.group.name:
        return False
    if request.origin is ValueSource.VAULT:
        newest = {name: one.value for name, one in newest_versions(session).items()}
        return all(pin.fingerprint for pin in unfinished.pins) and same_values(unfinished, newest, salt)
    return request.vault_later and same_values(unfinished, request.values, salt)


def replaced_for_this(session: RotationSession) -> RotationResult | None:
    """One of several rotations after the same breach: the rotation, begun before, that has replaced this value for that
    reason.

    The value that it rolled out did not leak, so the same call can be repeated until everything is replaced.
    """
    request, last = session.request, session.chain.last_of(session.group.name)
    over = (RotationState.PROVEN, RotationState.RETIRED)
    if not (request.beside and request.leak) or last is None or last.state not in over or last.leak is None:
        return None
    if last.leak.reason != request.reason or last.rolling_back or not carries(last, newest_versions(session)):
        return None
    return result_of(session, last.id, remarks=("Nothing to do: it was replaced for this reason before.",))


def left_behind_of(session: RotationSession) -> RotationView | None:
    """The rotation to the vault's newest versions that is proven or retired and left out a configured destination."""
    last = session.chain.last_of(session.group.name)
    over = (RotationState.PROVEN, RotationState.RETIRED)
    if last is None or last.state not in over or last.rolling_back:
        return None
    left = {*last.left_out} & {one.key for one in session.context.bindings}
    return last if left and carries(last, newest_versions(session)) else None


def is_replaced(session: RotationSession, unfinished: RotationView) -> bool:
    """Whether the vault has something newer than the value that cannot work; repeating the same would never end."""
    settled = unfinished.origin == session.request.origin == ValueSource.VAULT and not session.group.manual
    if (
        not settled
        or unfinished.state is not RotationState.FAILED
        or unfinished.cause not in (Cause.REFUSED, Cause.GONE)
    ):
        return False
    return not carries(unfinished, newest_versions(session))


def ended(session: RotationSession) -> RotationResult | None:
    """The last rotation, where it was rolled back or given up and the vault has nothing newer. Starting it again, by
    ``--resume`` or because places have drifted, would roll out what was withdrawn."""
    last = session.chain.last_of(session.group.name)
    if last is None or session.request.origin is not ValueSource.VAULT:
        return None
    newest = newest_versions(session)
    if not (last.pins and carries(last, newest)):
        return None
    if last.rolling_back:
        return result_of(session, last.id, remarks=("Nothing newer is in the vault.",))
    if last.state is RotationState.ABORTED and not session.request.push_again:
        raise Refused(
            f"rotation {last.id} was given up, and the vault has nothing newer",
            where=str(session.context.chain_key),
            next_step=f"Begin another: {session.command}",
        )
    return None
