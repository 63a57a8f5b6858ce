"""Deploy: redeploy once whatever runs on the old value, and wait until the new deployment is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import structs

from releaseguard.deployments.interface import Deployer, HostingDeployment, Phase
from releaseguard.errors import LeaseHeld, ReleaseguardError, ServiceError, Undecided, Unreachable, UsageError
from releaseguard.rotation.drift.served import CLOCKS_APART, served_instead
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
"""Seconds within which production must switch to a deployment that is ready."""
META = "releaseguardRotation"


class ServedElsewhere(Undecided):
    """The deployment is ready, but production serves another one that is not newer."""

    def __init__(self, place: str, deployment: str, serves: str, next_step: str) -> None:
        super().__init__(
            f"production serves {serves} and not {deployment}, which has the new value: its domains are "
            "pinned, as after an instant rollback",
            where=place,
            next_step=next_step,
        )
        self.place = place
        self.serves = serves


M = TypeVar("M", bound=said.DeploymentMade)


def deploy(session: RotationSession, direction: Direction) -> str | None:
    """Redeploy; returns why that failed, or ``None``. Raises ``ServiceError`` and ``Undecided``
    (``ServedElsewhere``)."""
    if session.rotation.progress(direction).deployed_at:
        return None
    wanted = _ours(session)
    if wanted and not session.request.deploy:
        session.tell("Not deployed, as asked: deploy, then continue with --resume.")
        return None
    _request(session, direction, wanted)
    failures = _await(session, direction, wanted)
    if failures:
        return "; ".join(failures)
    _ensure_served(session, direction, wanted)
    if not (places_left(session, session.rotation) or deployments_left(session, session.rotation)):
        session.append(said.Deployed(rotation_id=session.rotation_id, direction=direction))
    return None


def _ours(session: RotationSession) -> Sequence[DeploymentTarget]:
    """The targets that are deployed now and by a program; a place that a person writes must be written first."""
    unwritten = {one.destination.address.base for one in places_left(session, session.rotation)}
    wanted = deployments_for(binding.destination for binding in session.bindings)
    return [one for one in wanted if not (one.base in unwritten or is_deployed_by_hand(session.context, one.base))]


def deployer_of(session: RotationSession, base: str) -> Deployer:
    """What redeploys ``base``. Raises ``UsageError`` where nothing can."""
    deployer = session.context.deployers.get(base)
    if deployer is None:
        raise UsageError(f"nothing can redeploy {base}", next_step="Run with --no-deploy and deploy it yourself.")
    return deployer


@dataclass(frozen=True, slots=True)
class _Order:
    """How one place is deployed: by a deployment that exists, or by one to be requested."""

    wanted: DeploymentTarget
    made: HostingDeployment | None = None
    source: HostingDeployment | None = None
    """The deployment to be repeated, where none exists yet."""
    meta: Mapping[str, str] = field(default_factory=dict)
    step: said.DeploymentRequested | None = None
    """The step to be recorded before the request; ``None`` where it was recorded before."""


def _request(session: RotationSession, direction: Direction, wanted: Sequence[DeploymentTarget]) -> None:
    """Request every deployment once, in parallel. All of them are recorded before the first request.

    Raises the first failure after the other results are recorded.
    """
    orders = _orders(session, direction, wanted)
    steps = [one.step for one in orders if one.step]
    if steps:
        session.append(*steps)
    for one in orders:
        session.tell(_told(one))
    answers = session.workers.each(lambda one: _answer(session, direction, one), orders)
    made = [_created(session, direction, one, answer) for one, answer in zip(orders, answers, strict=True)]
    if any(made):
        session.append(*filter(None, made))
    for answer in answers:
        if isinstance(answer, ReleaseguardError):
            raise answer


def _orders(session: RotationSession, direction: Direction, wanted: Sequence[DeploymentTarget]) -> Sequence[_Order]:
    """The orders for what is not deployed yet."""
    known = session.rotation.progress(direction).deployments
    left = [one for one in wanted if one.key not in known or known[one.key].phase not in ("created", "ready")]
    return session.workers.each(lambda one: _order(session, direction, one, known.get(one.key)), left)


def _created(
    session: RotationSession, direction: Direction, order: _Order, answer: HostingDeployment | ReleaseguardError | None
) -> said.DeploymentCreated | None:
    if not isinstance(answer, HostingDeployment):
        return None
    return _made(said.DeploymentCreated, session, direction, order.wanted._replace(target=answer.target), answer)


def _order(
    session: RotationSession, direction: Direction, wanted: DeploymentTarget, known: Redeployment | None
) -> _Order:
    """A deployment whose answer was lost, one that somebody has made since, or a new one; neither where nothing exists
    that could be deployed again. Only reads."""
    deployer, asked = deployer_of(session, wanted.base), known if known and known.phase == "requested" else None
    found = deployer.find(wanted.target, asked.meta) if asked else None
    source = None if found else deployer.current(wanted.target)
    if source is None:
        return _Order(wanted, made=found)
    if _made_since(session, direction, source):
        return _Order(wanted, made=source, source=source)
    if asked:
        return _Order(wanted, source=source, meta=asked.meta)
    step = _requested(session, direction, wanted.base, source, known.attempt + 1 if known else 1)
    step = structs.replace(step, meta={**step.meta, **deployer.seen_before()})
    return _Order(wanted, source=source, meta=step.meta, step=step)


def _told(order: _Order) -> str:
    base, target = order.wanted.base, order.wanted.target
    if order.made and order.source:
        return f"{order.made.id} ({base}, {target}) was deployed after the push: that one counts."
    if order.made:
        return f"{order.made.id} ({base}, {target}) was asked for before: that one counts."
    if order.source:
        return f"Redeploying {order.source.id} ({base}, {target})."
    return f"{base}: nothing is deployed at {target}; there is nothing to redeploy."


def _answer(
    session: RotationSession, direction: Direction, order: _Order
) -> HostingDeployment | ReleaseguardError | None:
    """The result of an order. A failure is returned, so that the others are recorded. Raises ``LeaseHeld``."""
    if order.made or order.source is None:
        return order.made
    try:
        return _redeploy_once(session, deployer_of(session, order.wanted.base), order)
    except LeaseHeld:
        raise
    except ReleaseguardError as error:
        if not (_is_refusal(error) and _never_left(session, direction, order.wanted, order.source)):
            return error
        session.tell(f"{order.source.id} has served all along, with the value that is back.")
        return order.source


def _made_since(session: RotationSession, direction: Direction, serving: HostingDeployment) -> bool:
    """Whether somebody else has deployed since everything was written: every new deployment takes the variables.

    A deployment newer by less than the possible difference of clocks does not count: it could hold the old value.
    """
    pushed_at = session.rotation.progress(direction).pushed_at
    return serving.phase is Phase.READY and pushed_at is not None and serving.created_at > pushed_at + CLOCKS_APART


def _never_left(
    session: RotationSession, direction: Direction, wanted: DeploymentTarget, serving: HostingDeployment
) -> bool:
    """Whether the roll-back is to a deployment that was never replaced, and so holds the previous value."""
    forward = session.rotation.progress(Direction.FORWARD).deployments.get(wanted.key)
    return direction is Direction.BACK and forward is not None and forward.before_id == serving.id


_REFUSALS = frozenset({400, 402, 409, 410, 422})


def _is_refusal(error: ReleaseguardError) -> bool:
    """Whether the service refuses to make this deployment: it is prebuilt, or no longer exists."""
    return isinstance(error, ServiceError) and error.status in _REFUSALS


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


def _redeploy_once(session: RotationSession, deployer: Deployer, order: _Order) -> HostingDeployment | None:
    """Request it once. Where the answer is lost the deployment is searched for; this run never requests it again."""
    if order.source is None:
        return None
    try:
        return deployer.redeploy(order.source, order.meta)
    except ServiceError as error:
        unknown = isinstance(error, Unreachable) or (error.status or 0) >= 500
        found = deployer.find(order.wanted.target, order.meta) if unknown else None
        if found:
            return found
        if _is_refusal(error):
            error.next_step = deploy_by_hand(session)
        raise


def _await(session: RotationSession, direction: Direction, wanted: Sequence[DeploymentTarget]) -> Sequence[str]:
    """Wait, in parallel, until every deployment has ended; returns why any of them failed.

    Raises ``Undecided`` where one is still running when the time is over.
    """
    clock, wait = session.context.clocks.elapsed, FIRST_POLL
    until = clock() + session.context.rules.deploy_within.total_seconds()
    waiting, failures = Waiting(session, at_once=False), []
    running = [one for one in _deployments(session, direction, wanted) if one.phase != "ready"]
    while running:
        looks = session.workers.each(lambda one: deployer_of(session, one.place).get(str(one.id)), running)
        seen = list(zip(running, looks, strict=True))
        failures += [
            why
            for one, made in seen
            if made.phase is not Phase.RUNNING and (why := _ended(session, direction, one, made))
        ]
        running = [one for one, made in seen if made.phase is Phase.RUNNING]
        states = [f"{made.id} ({one.place}) is {made.state}" for one, made in seen if made.phase is Phase.RUNNING]
        if running and clock() >= until:
            raise _still_running(session, states, [made.url for _, made in seen if made.phase is Phase.RUNNING])
        if running:
            waiting.look("; ".join(states), until - clock())
            session.journal.pause(wait)
            wait = min(wait * GROWTH, LAST_POLL)
    return failures


def _deployments(
    session: RotationSession, direction: Direction, wanted: Sequence[DeploymentTarget]
) -> Sequence[Redeployment]:
    """Those of ``wanted`` that were made and whose id is known."""
    known = session.rotation.progress(direction).deployments
    return [known[one.key] for one in wanted if one.key in known and known[one.key].id is not None]


def _still_running(session: RotationSession, states: Sequence[str], pages: Sequence[str | None]) -> Undecided:
    there = ", ".join(filter(None, pages)) or "there"
    return Undecided(
        f"still being deployed: {'; '.join(states)}",
        next_step=f"See whether somebody has to approve it: {there}. Then: {session.command} --resume",
    )


def _ended(session: RotationSession, direction: Direction, known: Redeployment, made: HostingDeployment) -> str | None:
    """Record how a deployment ended; returns why it failed, or ``None``."""
    wanted = DeploymentTarget(known.place, known.target)
    if made.phase is Phase.FAILED:
        serving = deployer_of(session, wanted.base).current(wanted.target)
        if serving and _never_left(session, direction, wanted, serving):
            session.tell(f"{made.id} ended as {made.state}; {serving.id} has served all along, with what is back.")
            made = serving
        elif serving and serving.id != made.id and _made_since(session, direction, serving):
            session.tell(f"{made.id} ended as {made.state}; {serving.id} was deployed after the push: that one counts.")
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
    """The step for the state that a deployment has reached."""
    return kind(
        rotation_id=session.rotation_id,
        direction=direction,
        place=wanted.base,
        target=wanted.target,
        deployment_id=made.id,
        release=made.release or None,
    )


def _ensure_served(session: RotationSession, direction: Direction, wanted: Sequence[DeploymentTarget]) -> None:
    """Wait until production has switched to every deployment. Raises ``ServedElsewhere`` where its domains do not."""
    clock, wait = session.context.clocks.elapsed, FIRST_POLL
    until = clock() + ALIAS_WITHIN
    behind = [one for one in _deployments(session, direction, wanted) if one.target == "production"]
    while behind:
        looks = session.workers.each(lambda one: _served_in_place_of(session, one), behind)
        elsewhere = [(one, serves) for one, serves in zip(behind, looks, strict=True) if serves]
        if elsewhere and clock() >= until:
            one, serves = elsewhere[0]
            raise ServedElsewhere(one.place, str(one.id), serves, promote(session, str(one.id)))
        behind = [one for one, _ in elsewhere]
        if behind:
            session.journal.pause(wait)
            wait = min(wait * GROWTH, LAST_POLL)


def _served_in_place_of(session: RotationSession, known: Redeployment) -> str | None:
    return served_instead(deployer_of(session, known.place), known.target, str(known.id))
