"""Deploy: redeploy whatever serves the old value, once, and wait until it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import structs

from releaseguard.deployments.interface import Deployer, HostingDeployment, Phase
from releaseguard.errors import ServiceError, Undecided, Unreachable, UsageError
from releaseguard.rotation.groups import DeploymentTarget, deployments_for
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.views import Redeployment
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Direction

FIRST_POLL, LAST_POLL = 2.0, 10.0
"""Seconds between two looks at a deployment: from the first to at most the last."""
GROWTH = 1.5
META = "releaseguardRotation"

M = TypeVar("M", bound=said.DeploymentMade)


def deploy(session: RotationSession, direction: Direction) -> str | None:
    """Redeploy; returns why that failed, where it did. Raises ``ServiceError`` and ``Undecided``."""
    if session.rotation.progress(direction).deployed_at:
        return None
    wanted = deployments_for(binding.destination for binding in session.context.bindings)
    if wanted and not session.request.deploy:
        session.tell("Not deployed, as asked: deploy, then continue with --resume.")
        return None
    for one in wanted:
        _request(session, direction, one)
    failures = [failure for one in wanted if (failure := _await(session, direction, one))]
    if failures:
        return "; ".join(failures)
    session.append(said.Deployed(rotation_id=session.rotation_id, direction=direction))
    return None


def deployer_of(session: RotationSession, base: str) -> Deployer:
    """What redeploys ``base``. Raises ``UsageError`` where nothing can."""
    deployer = session.context.deployers.get(base)
    if deployer is None:
        raise UsageError(f"nothing can redeploy {base}", next_step="Run with --no-deploy and deploy it yourself.")
    return deployer


def _request(session: RotationSession, direction: Direction, wanted: DeploymentTarget) -> None:
    known = session.rotation.progress(direction).deployments.get(wanted.key)
    if known and known.phase in ("created", "ready"):
        return
    made = _made_of(session, direction, wanted, known)
    if made is None:
        session.tell(f"{wanted.base}: nothing is deployed at {wanted.target}; there is nothing to redeploy.")
        return
    session.append(_made(said.DeploymentCreated, session, direction, wanted._replace(target=made.target), made))


def _made_of(
    session: RotationSession, direction: Direction, wanted: DeploymentTarget, known: Redeployment | None
) -> HostingDeployment | None:
    """The deployment: the one that was asked for and whose answer was lost, or a new one; ``None``: nothing is there
    to be deployed again."""
    deployer, asked = deployer_of(session, wanted.base), known is not None and known.phase == "requested"
    if known and asked:
        found = deployer.find(wanted.target, known.meta)
        if found:
            return found
    source = deployer.current(wanted.target)
    if source is None:
        return None
    if known and asked:
        return _redeploy_once(session, deployer, source, wanted.target, known.meta)
    step = _requested(session, direction, wanted.base, source, known.attempt + 1 if known else 1)
    session.append(step)
    return _redeploy_once(session, deployer, source, wanted.target, step.meta)


def _requested(
    session: RotationSession, direction: Direction, base: str, source: HostingDeployment, attempt: int
) -> said.DeploymentRequested:
    return said.DeploymentRequested(
        rotation_id=session.rotation_id,
        direction=direction,
        place=base,
        target=source.target,
        attempt=attempt,
        meta={META: session.rotation_id, "releaseguardAttempt": f"{direction.value}-{attempt}"},
        before_id=source.id,
        before_release=source.release or None,
    )


def _redeploy_once(
    session: RotationSession, deployer: Deployer, source: HostingDeployment, target: str, meta: Mapping[str, str]
) -> HostingDeployment:
    """Ask once. Where the answer is lost the deployment is looked for, and never asked for again by this run."""
    session.tell(f"Redeploying {source.id} ({deployer.place}, {target}).")
    try:
        return deployer.redeploy(source, meta)
    except ServiceError as error:
        unknown = isinstance(error, Unreachable) or (error.status or 0) >= 500
        found = deployer.find(target, meta) if unknown else None
        if found:
            return found
        raise


def _await(session: RotationSession, direction: Direction, wanted: DeploymentTarget) -> str | None:
    known = session.rotation.progress(direction).deployments.get(wanted.key)
    if known is None or known.phase == "ready" or known.id is None:
        return None
    made = _settled(session, deployer_of(session, wanted.base), known.id)
    if made.phase is Phase.READY:
        session.append(_made(said.DeploymentReady, session, direction, wanted, made))
        return None
    because = f": {made.reason}" if made.reason else ""
    reason = f"deployment {made.id} of {wanted.base} ended as {made.state}{because}"
    failed = _made(said.DeploymentFailed, session, direction, wanted, made)
    session.append(structs.replace(failed, reason=reason))
    return reason


def _made(
    kind: type[M], session: RotationSession, direction: Direction, wanted: DeploymentTarget, made: HostingDeployment
) -> M:
    """The step that a deployment has got so far."""
    return kind(
        rotation_id=session.rotation_id,
        direction=direction,
        place=wanted.base,
        target=wanted.target,
        deployment_id=made.id,
        release=made.release or None,
    )


def _settled(session: RotationSession, deployer: Deployer, deployment_id: str) -> HostingDeployment:
    clock, wait = session.context.clocks.elapsed, FIRST_POLL
    until = clock() + session.context.rules.deploy_within.total_seconds()
    while True:
        made = deployer.get(deployment_id)
        if made.phase is not Phase.RUNNING:
            return made
        if clock() >= until:
            raise Undecided(
                f"deployment {made.id} is still {made.state}",
                where=deployer.place,
                next_step=f"Look at it there; continue with `{session.context.command} --resume`.",
            )
        session.journal.pause(wait)
        wait = min(wait * GROWTH, LAST_POLL)
