"""Deploy: redeploy whatever serves the old value, once, and wait until it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from msgspec import structs

from releaseguard.deployments.interface import Deployer, HostingDeployment, Phase
from releaseguard.errors import ServiceError, Undecided, Unreachable, UsageError
from releaseguard.rotation.groups import DeploymentTarget, deployments_for
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.views import Redeployment
from releaseguard.rotation.next_steps import deploy_by_hand, promote
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.hands import deployments_left, is_deployed_by_hand, places_left
from releaseguard.rotation.steps.waiting import Waiting
from releaseguard.rotation.values import Direction

FIRST_POLL, LAST_POLL = 2.0, 10.0
"""Seconds between two looks at a deployment: from the first to at most the last."""
GROWTH = 1.5
ALIAS_WITHIN = 30.0
"""Seconds that production may take to go over to a deployment that is ready."""
CLOCKS_APART = timedelta(seconds=10)
"""By which the clock of a hosting service may be ahead of the event log's."""
META = "releaseguardRotation"


class ServedElsewhere(Undecided):
    """What was deployed is ready, and production serves something else that is no younger."""

    def __init__(self, place: str, deployment: str, serves: str, next_step: str) -> None:
        super().__init__(
            f"{place}: production serves {serves} and not {deployment}, which has the new value: its domains are "
            "pinned, as after an instant rollback",
            where=place,
            next_step=next_step,
        )
        self.place = place
        self.serves = serves


M = TypeVar("M", bound=said.DeploymentMade)


def deploy(session: RotationSession, direction: Direction) -> str | None:
    """Redeploy; returns why that failed, where it did. Raises ``ServiceError`` and ``Undecided``,
    of it ``ServedElsewhere``."""
    if session.rotation.progress(direction).deployed_at:
        return None
    wanted = _ours(session)
    if wanted and not session.request.deploy:
        session.tell("Not deployed, as asked: deploy, then continue with --resume.")
        return None
    for one in wanted:
        _request(session, direction, one)
    failures = [failure for one in wanted if (failure := _await(session, direction, one))]
    if failures:
        return "; ".join(failures)
    for one in wanted:
        ensure_served(session, direction, one)
    if not (places_left(session, session.rotation) or deployments_left(session, session.rotation)):
        session.append(said.Deployed(rotation_id=session.rotation_id, direction=direction))
    return None


def _ours(session: RotationSession) -> Sequence[DeploymentTarget]:
    """What is deployed without anybody's hands, and now: a place that a person writes is written first."""
    unwritten = {one.destination.address.base for one in places_left(session, session.rotation)}
    wanted = deployments_for(binding.destination for binding in session.bindings)
    return [one for one in wanted if not (one.base in unwritten or is_deployed_by_hand(session.context, one.base))]


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
    if _made_since(session, direction, source):
        session.tell(f"{source.id} ({wanted.base}, {wanted.target}) was deployed after the push: that one counts.")
        return source
    if known and asked:
        meta = known.meta
    else:
        step = _requested(session, direction, wanted.base, source, known.attempt + 1 if known else 1)
        step = structs.replace(step, meta={**step.meta, **deployer.seen_before()})
        session.append(step)
        meta = step.meta
    try:
        return _redeploy_once(session, deployer, source, wanted.target, meta)
    except ServiceError as error:
        if _never_left(session, direction, wanted, source) and _is_refusal(error):
            session.tell(f"{source.id} has served all along, with the value that is back.")
            return source
        raise


def _made_since(session: RotationSession, direction: Direction, serving: HostingDeployment) -> bool:
    """Whether somebody else has deployed since everything was written: variables reach every new deployment.

    One that is younger by less than clocks may differ is not taken for it: it could hold the old value.
    """
    pushed_at = session.rotation.progress(direction).pushed_at
    return serving.phase is Phase.READY and pushed_at is not None and serving.created_at > pushed_at + CLOCKS_APART


def _never_left(
    session: RotationSession, direction: Direction, wanted: DeploymentTarget, serving: HostingDeployment
) -> bool:
    """Whether the way back is to a deployment that has never been replaced, so that it holds the previous value."""
    forward = session.rotation.progress(Direction.FORWARD).deployments.get(wanted.key)
    return direction is Direction.BACK and forward is not None and forward.before_id == serving.id


_REFUSALS = frozenset({400, 402, 409, 410, 422})


def _is_refusal(error: ServiceError) -> bool:
    """Whether the service said that it will not make this deployment: a prebuilt one, one that is no more."""
    return error.status in _REFUSALS


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
        if _is_refusal(error):
            error.next_step = deploy_by_hand(session)
        raise


def _await(session: RotationSession, direction: Direction, wanted: DeploymentTarget) -> str | None:
    known = session.rotation.progress(direction).deployments.get(wanted.key)
    if known is None or known.phase == "ready" or known.id is None:
        return None
    deployer = deployer_of(session, wanted.base)
    made = _settled(session, deployer, known.id)
    if made.phase is Phase.FAILED:
        serving = deployer.current(wanted.target)
        if serving and _never_left(session, direction, wanted, serving):
            session.tell(f"{made.id} ended as {made.state}; {serving.id} has served all along, with what is back.")
            made = serving
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
    waiting = Waiting(session, at_once=False)
    while True:
        made = deployer.get(deployment_id)
        if made.phase is not Phase.RUNNING:
            return made
        if clock() >= until:
            raise Undecided(
                f"deployment {made.id} is still {made.state}",
                where=deployer.place,
                next_step=f"Look at it there; continue with `{session.command} --resume`.",
            )
        waiting.look(f"{made.id} ({deployer.place}) is {made.state}", until - clock())
        session.journal.pause(wait)
        wait = min(wait * GROWTH, LAST_POLL)


def ensure_served(session: RotationSession, direction: Direction, wanted: DeploymentTarget) -> None:
    """See that production has gone over to the deployment. Raises ``ServedElsewhere`` where its domains do not."""
    known = session.rotation.progress(direction).deployments.get(wanted.key)
    if known is None or known.id is None or wanted.target != "production":
        return
    deployer, clock, wait = deployer_of(session, wanted.base), session.context.clocks.elapsed, FIRST_POLL
    until = clock() + ALIAS_WITHIN
    while (elsewhere := served_instead(deployer, wanted.target, known.id)) and clock() < until:
        session.journal.pause(wait)
        wait = min(wait * GROWTH, LAST_POLL)
    if elsewhere:
        raise ServedElsewhere(wanted.base, known.id, elsewhere, promote(session, known.id))


def served_instead(deployer: Deployer, target: str, deployment_id: str) -> str | None:
    """What ``target`` serves in place of that deployment, where it is no younger one."""
    serving = deployer.serving_id(target)
    if serving is None or serving == deployment_id:
        return None
    younger = deployer.get(serving).created_at > deployer.get(deployment_id).created_at
    return None if younger else serving
