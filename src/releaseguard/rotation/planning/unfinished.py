"""What a call means in view of earlier rotations: the same rotation, none, or a refused one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from releaseguard.errors import Refused
from releaseguard.rotation.groups import COMPANION_SUFFIX, SecretGroup
from releaseguard.rotation.history.leaks import carries_leaked
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.planning.plan import Plan, PlannedDestination
from releaseguard.rotation.values import Direction, RotateAction, RotateRequest, RotationState
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.source import ValueSource


class NothingUnfinished(Exception):
    """``--resume`` was asked for, and all that could be done is to begin a rotation that nobody has confirmed."""


def refuse_unconfirmed(request: RotateRequest) -> None:
    """Raise :class:`NothingUnfinished` where ``--resume`` would begin a rotation: resuming was confirmed when the
    rotation began, a new one was not."""
    if request.action is RotateAction.RESUME and not request.may_begin:
        raise NothingUnfinished


def is_meant(
    unfinished: RotationView, group: SecretGroup, request: RotateRequest, newest: Mapping[str, SecretVersion]
) -> bool:
    """Whether the unfinished rotation still carries the vault's newest versions, and those are what is asked for."""
    if group.manual:
        return True
    if _carries_the_leak(unfinished, request) or _is_another_leak(unfinished, request):
        return False
    if unfinished.state is RotationState.WAITING_APPROVAL and request.origin is ValueSource.VAULT and not request.leak:
        return True  # what is to be written is still to come: what the vault has is what it replaces
    if unfinished.state in (RotationState.PLANNED, RotationState.WAITING_APPROVAL):
        return request.origin.value == unfinished.origin
    return carries(unfinished, newest) and all(
        newest[pin.name].value.same_as(request.values[pin.name])
        for pin in unfinished.pins
        if pin.name in request.values
    )


def carries(rotation: RotationView, newest: Mapping[str, SecretVersion]) -> bool:
    """Whether the vault's newest versions are the ones that ``rotation`` carries."""
    return all(
        pin.name in newest and (newest[pin.name].version, newest[pin.name].secret_id) == (pin.to_version, pin.secret_id)
        for pin in rotation.pins
    )


def _carries_the_leak(unfinished: RotationView, asked: RotateRequest) -> bool:
    """Whether a new value replaces the one that the unfinished rotation has rolled out.

    The vault's newest version is compared with the leaked one; a value still to be made or given cannot be compared.
    """
    if not asked.leak or asked.origin is ValueSource.VAULT:
        return False
    if asked.leaked_version is not None:
        return any(pin.to_version == asked.leaked_version for pin in unfinished.pins)
    return unfinished.leak is None and bool(unfinished.progress(Direction.FORWARD).destinations)


def _is_another_leak(unfinished: RotationView, asked: RotateRequest) -> bool:
    """Whether another version is reported as leaked than the one that the unfinished rotation replaces.

    A rotation holds one report: the second report gets its own rotation, which checks the newest value and keeps both
    leaks open.
    """
    if unfinished.leak is None or asked.leaked_version is None:
        return False
    return asked.leaked_version not in unfinished.leak.versions.values()


def refuse_carrying_leaked(chain: ChainView, rotation: RotationView, command: str) -> None:
    """Raise ``Refused`` where everything that ``rotation`` carries, in its direction, has been reported as leaked
    meanwhile."""
    leaked = carries_leaked(chain, rotation)
    if leaked is None:
        return
    before = [pin.from_version for pin in rotation.pins if pin.from_version] if not rotation.rolling_back else []
    step = f"Make a new key in the provider's console, store it as a new version, then: {command}"
    raise Refused(
        f"{leaked}, which rotation {rotation.id} carries, leaked",
        where=str(chain.chain_key),
        next_step=f"{step}. Or put version {before[0]} back: {command} --rollback" if before else step,
    )


def already_out(chain: ChainView, plan: Plan) -> str | None:
    """The id of the last rotation, where it brought these versions to every configured destination."""
    last = chain.last_of(plan.unit)
    ended = (RotationState.PROVEN, RotationState.RETIRED)
    if last is None or last.state not in ended or plan.origin is not ValueSource.VAULT or last.rolling_back:
        return None
    carried = {pin.name: (pin.to_version, pin.secret_id) for pin in last.pins}
    if carried != {pin.name: (pin.to_version, pin.secret_id) for pin in plan.pins}:
        return None
    progress = last.progress(Direction.FORWARD)
    # A person may confirm a revocation at any time: that ends a rotation wherever it stands.
    written = {key for key, one in progress.destinations.items() if one.status == "pushed"}
    running = progress.deployed_at is not None or last.proven_at is not None or not plan.deployments
    holds = all(one.key in written and _names_written(last, one) for one in plan.destinations)
    return last.id if running and holds else None


def _names_written(rotation: RotationView, planned: PlannedDestination) -> bool:
    """Whether every secret's name of the plan was written there: the configuration may have more names now.

    A new companion alone is no reason to write a value again.
    """
    written = {*rotation.names.get(planned.key, ())}
    return not written or all(name in written for name in planned.names if not name.endswith(COMPANION_SUFFIX))


def refuse_revoked(chain: ChainView, plan: Plan) -> None:
    """Raise ``Refused`` for a version that was rolled back and then confirmed as revoked: it works nowhere any more."""
    planned = [(pin.name, pin.to_version, pin.secret_id) for pin in plan.pins if pin.to_version is not None]
    for rotation in chain.rotations:
        if rotation.rolling_back and rotation.retired_at and rotation.unit == plan.unit:
            carried = [(pin.name, pin.to_version, pin.secret_id) for pin in rotation.pins]
            if planned and planned == carried:
                raise Refused(
                    f"version {planned[0][1]} of {planned[0][0]} was taken back and is confirmed as revoked",
                    where=str(chain.chain_key),
                    next_step="Store the value to be used as a new version, then rotate again.",
                )
