"""One call of ``rotate``: from the request and the history to what has to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from msgspec import UNSET

from releaseguard import readable
from releaseguard.errors import (
    ConfigError,
    Refused,
    ReleaseguardError,
    ServiceError,
    Unreachable,
    UsageError,
)
from releaseguard.model import new_id
from releaseguard.rotation.certificate.asking import certified
from releaseguard.rotation.context import RotationContext
from releaseguard.rotation.drift.served import older_served
from releaseguard.rotation.groups import unit_of
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.parts import LeakReport, PlannedSecret, SkippedTarget
from releaseguard.rotation.history.views import LeftOut, RotationView
from releaseguard.rotation.identity.returning import nothing_new
from releaseguard.rotation.left_out.behind import interrupted, left_behind
from releaseguard.rotation.left_out.looking import leave_out_as_asked
from releaseguard.rotation.next_steps import see_audit
from releaseguard.rotation.planning.beforehand import WRITING, check_what_is_written
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.planning.gather import gather_facts
from releaseguard.rotation.planning.making import make_plan
from releaseguard.rotation.planning.plan import Plan
from releaseguard.rotation.planning.refusals import refuse_values
from releaseguard.rotation.planning.reporting import keep_leak, register_of
from releaseguard.rotation.planning.telling import new_in
from releaseguard.rotation.planning.unfinished import (
    already_out,
    is_meant,
    refuse_carrying_leaked,
    refuse_revoked,
    refuse_unconfirmed,
)
from releaseguard.rotation.result import RotationResult, nothing_to_do, only_planned, result_of
from releaseguard.rotation.revocation.apps import broken_apps
from releaseguard.rotation.revocation.confirm import confirm_revoked
from releaseguard.rotation.revocation.withdrawal import withdraw_leak
from releaseguard.rotation.session import RotationSession, Tell, group_of, unless_held_up
from releaseguard.rotation.steps.found import ended, is_replaced, is_the_same_value, left_behind_of, replaced_for_this
from releaseguard.rotation.steps.held import overwritten
from releaseguard.rotation.steps.stage import staged
from releaseguard.rotation.steps.vault_later import refuse_what_is_out, take_along
from releaseguard.rotation.steps.walk import go_on, roll_back, why_not_back
from releaseguard.rotation.values import Cause, Direction, Leak, RotateAction, RotateRequest, RotationState
from releaseguard.rotation.workers import Workers
from releaseguard.vault.later import later
from releaseguard.vault.source import ValueSource


def rotate(request: RotateRequest, context: RotationContext, tell: Tell) -> RotationResult:
    """Carry out ``request`` as far as possible, and return where the rotation stands.

    ``tell`` receives progress messages. Raises ``UsageError``, ``ConfigError``, ``Refused`` (``LeaseHeld``) and
    ``ServiceError`` as long as nothing was begun; after that, whatever stopped the rotation is part of the result.
    """
    try:
        return _carried_out(request, context, tell)
    except BaseException as stopped:  # also where somebody interrupts: what leaked is known to strangers all the same
        keep_leak(request, register_of(context), stopped, tell)
        raise


def _carried_out(request: RotateRequest, context: RotationContext, tell: Tell) -> RotationResult:
    group = unit_of(context.card, request.secret)
    journal = _journal(request, context, tell)
    if request.action in WRITING:
        check_what_is_written(request, context, journal, tell)
    with Workers(context.rules.side_by_side) as workers:
        session = RotationSession(
            request=request, context=context, tell=tell, group=group, journal=journal, workers=workers
        )
        return _COMMANDS[request.action](session)


WITHOUT_A_LOG = "Only the event log knows where a rotation stands: nothing is begun without it. If it cannot wait"


def _journal(request: RotateRequest, context: RotationContext, tell: Tell) -> Journal:
    """The history, loaded. From now on its lease decides whether a request may be sent."""
    journal = Journal(context.log, context.chain_key, context.holder, context.rules.lease, context.clocks)
    context.guard.arm(journal.ensure_held)
    try:
        journal.load()
    except ServiceError as error:
        error.next_step = f"{error.next_step or ''} {WITHOUT_A_LOG}: {context.command} --by-hand".strip()
        raise
    if not request.dry_run:
        journal.refuse_if_broken()
    if journal.view.foreign:
        rows = readable.agree(len(journal.view.foreign), "foreign row claims", "foreign rows claim")
        tell(f"{rows} to be of {context.chain_key}: releaseguard audit show.")
    return journal


def _rotate(session: RotationSession) -> RotationResult:
    request = session.request
    if not request.dry_run:
        session.journal.refuse_if_held()
    unless_held_up(session)
    unfinished = session.unfinished_here
    refuse_values(session.group, request)
    replaced = replaced_for_this(session)
    if replaced:
        return replaced
    taken_back = ended(session) if request.push_again else None
    if taken_back:
        return taken_back
    if unfinished and unfinished.awaits_vault and is_the_same_value(session, unfinished):
        return _continue(session, unfinished)
    if request.vault_later:
        session.later = later(session.context.vault, f"later-{new_id()}", {})
    facts = gather_facts(session)
    if unfinished and is_meant(unfinished, session.group, request, facts.newest):
        return _continue_plain(session, unfinished, facts)
    return _rotate_anew(session, facts)


def _rotate_anew(session: RotationSession, facts: PlanningFacts) -> RotationResult:
    request, plan = session.request, _plan(session, facts)
    refuse_revoked(session.chain, plan)
    if request.vault_later:
        refuse_what_is_out(session, facts)
    settled = plan.leak or request.dry_run or request.skip or request.vault_later
    behind = None if settled else left_behind_of(session)
    if behind:
        return _write_the_rest(session, behind)
    done = None if plan.leak or request.push_again else already_out(session.chain, plan)
    if done and _is_undone(session, done, facts):
        session.request = request = replace(request, push_again=True)
        done = None
    if done and request.dry_run:
        return only_planned(session, replace(plan, unchanged=True, destinations=(), deployments=(), costs=()))
    if done:
        return _as_it_stands_now(session, done)
    same = None if plan.leak or request.push_again else nothing_new(session.group, request, facts, session.chain)
    if same:
        return nothing_to_do(session, same)
    return only_planned(session, plan) if request.dry_run else _start(session, plan, facts)


def _as_it_stands_now(session: RotationSession, rotation_id: str) -> RotationResult:
    """Report without doing anything, with a fresh look at who uses the new and the old value."""
    session.rotation_id = rotation_id
    fresh = None
    with suppress(ServiceError):  # what was seen then is what can be said
        fresh = certified(session, session.rotation.direction)
    remarks = ("Nothing to do: this version is in use everywhere.",)
    return result_of(session, rotation_id, remarks=remarks, certificate=fresh)


def _is_undone(session: RotationSession, rotation_id: str, facts: PlanningFacts) -> bool:
    """Whether a destination no longer holds the value that was rolled out, or production no longer serves it: then it
    is rolled out again."""
    changed = overwritten(session, rotation_id, facts.newest)
    for uri, names in changed.items():
        session.tell(f"{uri}: {', '.join(names)} was written by somebody else since: it must be written again.")
    older = list(older_served(session.rotation_named(rotation_id), session.context.deployers))
    for one in older:
        session.tell(f"{one.base}: {one.sentence()}: it must be deployed again.")
    return bool(changed or older)


def _resume(session: RotationSession) -> RotationResult:
    session.journal.wait_until_free(session.tell)
    unfinished = session.unfinished_here if session.request.secret else session.unfinished
    if unfinished is None:
        behind = left_behind_of(session)
        if behind:
            return _write_the_rest(session, behind)
        session.tell(f"No rotation of {session.group.name} is unfinished.")
        return ended(session) or _rotate(session)
    session.group = group_of(session, unfinished)
    if session.request.leak and unfinished.leak is None:
        raise UsageError(
            f"rotation {unfinished.id} was begun without --leak",
            next_step="Run the same without --resume: that continues it as the rotation of a leaked value.",
        )
    if is_replaced(session, unfinished):
        session.tell("What the provider refused has a newer version in the vault: rotating to that.")
        leak = unfinished.leak
        again = replace(session.request, action=RotateAction.ROTATE, secret=session.group.names[0])
        session.request = replace(again, leak=True, reason=leak.reason) if leak else again
        return _rotate(session)
    session.tell(f"Continuing rotation {unfinished.id} ({unfinished.state}).")
    return _continue(session, unfinished)


def _write_the_rest(session: RotationSession, view: RotationView) -> RotationResult:
    session.tell(f"Writing what rotation {view.id} left out.")
    return _continue(session, view)


def _abort(session: RotationSession) -> RotationResult:
    session.journal.refuse_if_held()
    unfinished = session.unfinished
    if unfinished is None or (session.request.secret and session.unfinished_here is None):
        raise Refused("no rotation is unfinished, so there is nothing to abort", next_step=see_audit(session))
    session.group = group_of(session, unfinished)
    session.append(said.Aborted(rotation_id=unfinished.id, reason="given up by a person"))
    session.journal.release()
    return result_of(session, unfinished.id, remarks=left_behind(session, unfinished))


def _rollback(session: RotationSession) -> RotationResult:
    session.journal.refuse_if_held()
    view = session.chain.last_of(session.group.name)
    written = view is not None and view.progress(Direction.FORWARD).destinations
    if view is not None and written and view.state in (RotationState.ABORTED, RotationState.ROLLED_BACK):
        raise Refused(
            f"the last rotation of {session.group.name} is over ({view.state}): it is not rolled back any more",
            next_step=f"Store what is to run as the newest version, then: {session.command}",
        )
    if view is None or not written:
        raise Refused(
            f"nothing of {session.group.name} has been pushed that could be rolled back", next_step=see_audit(session)
        )
    session.rotation_id = view.id
    forbidden = why_not_back(session)
    if forbidden:
        raise Refused(f"not rolled back: {forbidden}", next_step="Go forward: make a new key and rotate to it.")
    return _run(session, view.id, _taken_up(view), lambda run: roll_back(run, "a person asked for it", Cause.ASKED))


_COMMANDS: Mapping[RotateAction, Callable[[RotationSession], RotationResult]] = {
    RotateAction.ROTATE: _rotate,
    RotateAction.RESUME: _resume,
    RotateAction.ABORT: _abort,
    RotateAction.ROLLBACK: _rollback,
    RotateAction.CONFIRM_REVOKED: confirm_revoked,
    RotateAction.WITHDRAW_LEAK: withdraw_leak,
}


def _plan(session: RotationSession, facts: PlanningFacts) -> Plan:
    context, request = session.context, session.request
    if not context.bindings and not session.group.manual:
        raise ConfigError(
            f"no destination is configured for {context.card.id}",
            where=f"[providers.{context.card.id}]",
            next_step=f'Add destinations = ["{context.rules.example}", ...] to releaseguard.toml.',
        )
    plan = make_plan(request, context.card, session.bindings, facts, session.chain, context.rules)
    # A plan is for reading and may take its time; where values wait to be brought out, the checkout has to do.
    elsewhere = context.writers_elsewhere() if request.dry_run else ()
    remarks = (*plan.remarks, *context.other_writers, *elsewhere)
    return replace(plan, left_out=tuple(session.left_out.values()), remarks=remarks)


def _start(session: RotationSession, plan: Plan, facts: PlanningFacts) -> RotationResult:
    refuse_unconfirmed(session.request)
    rotation_id, superseded = str(new_id()), session.unfinished_here
    steps: list[said.ChainStep] = []
    if superseded:
        steps.append(said.Aborted(rotation_id=superseded.id, reason="superseded by a newer version"))
    steps.append(_planned(session, rotation_id, plan))
    if session.left:
        steps.append(_skipping(rotation_id, session.left))
    if plan.origin is ValueSource.VAULT and not plan.manual:
        steps.append(staged(session, rotation_id, plan.pins))
        session.remember(facts.newest.values())
    if session.request.vault_later:
        session.tell(f"Store the same value of {plan.unit} in the vault as soon as it can be reached.")
    for remark in (*new_in(plan), *plan.remarks):
        session.tell(remark)
    return _run(session, rotation_id, steps, go_on, plan.remarks)


def _skipping(rotation_id: str, left: Mapping[str, LeftOut]) -> said.DestinationsSkipped:
    return said.DestinationsSkipped(
        rotation_id=rotation_id,
        destinations=tuple(
            SkippedTarget(destination=key, uri=one.uri, reason=one.reason, by_person=one.by_person)
            for key, one in left.items()
        ),
    )


def _planned(session: RotationSession, rotation_id: str, plan: Plan) -> said.Planned:
    return said.Planned(
        rotation_id=rotation_id,
        unit=plan.unit,
        origin=plan.origin,
        reason=session.request.reason,
        leak=LeakReport.of(plan.leak),
        accepted=tuple(plan.accepted) or UNSET,
        secrets=tuple(
            PlannedSecret(
                name=pin.name,
                from_version=pin.from_version,
                seen_version=seen.version if seen else None,
                seen_secret_id=seen.secret_id if seen else None,
            )
            for pin, seen in ((pin, plan.seen.get(pin.name)) for pin in plan.pins)
        ),
    )


def _continue_plain(session: RotationSession, unfinished: RotationView, facts: PlanningFacts) -> RotationResult:
    """A plain call that finds an unfinished rotation to the same versions continues that one."""
    leak = None
    if session.request.leak and unfinished.leak is None:
        context = session.context
        leak = make_plan(session.request, context.card, context.bindings, facts, session.chain, context.rules).leak
    session.tell(f"Rotation {unfinished.id} to the same versions is unfinished ({unfinished.state}): continuing it.")
    if session.request.dry_run:
        return result_of(session, unfinished.id)
    return _continue(session, unfinished, leak)


def _continue(session: RotationSession, unfinished: RotationView, leak: Leak | None = None) -> RotationResult:
    refuse_carrying_leaked(session.chain, unfinished, session.command)
    if unfinished.awaits_vault:
        take_along(session, unfinished)
    return _run(session, unfinished.id, [*_taken_up(unfinished, leak), *_left_now(session, unfinished)], go_on)


_AT_REST = frozenset({RotationState.PROVEN, RotationState.UNPROVEN, RotationState.FAILED, RotationState.RETIRED})


def _left_now(session: RotationSession, view: RotationView) -> Sequence[said.ChainStep]:
    """The destinations left out from here on: those of the unfinished rotation, and those named now."""
    kept = {} if view.state in _AT_REST else view.skipped
    leave_out_as_asked(session)
    left = {**kept, **session.left}
    return [] if left == view.skipped else [_skipping(view.id, left)]


def _taken_up(view: RotationView, leak: Leak | None = None) -> Sequence[said.ChainStep]:
    """The event with which this run continues a rotation."""
    if view.state is RotationState.FAILED or leak:
        back = view.rolling_back and view.cause is Cause.DEPLOYMENT
        direction = Direction.BACK if back else UNSET
        return [said.Continued(rotation_id=view.id, leak=LeakReport.of(leak), direction=direction)]
    return [said.LeaseTaken(rotation_id=view.id)]


def _run(
    session: RotationSession,
    rotation_id: str,
    steps: Sequence[said.ChainStep],
    story: Callable[[RotationSession], None],
    remarks: Sequence[str] = (),
) -> RotationResult:
    problem: ReleaseguardError | None = None
    _begin(session, rotation_id, steps)
    if session.request.leak:
        session.context.leak_recorded()
    try:
        story(session)
    except ReleaseguardError as error:
        problem = error
    except KeyboardInterrupt:
        for line in interrupted(session):
            session.tell(line)
        raise
    if isinstance(problem, ServiceError) and "--resume" not in (problem.next_step or ""):
        # The same words again would find the lease held, or no value on standard input.
        problem.next_step = f"{problem.next_step or ''} Continue with `{session.command} --resume`.".strip()
    if not isinstance(problem, Unreachable):
        # After a request without an answer the lease is left to run out: the request may still be under way.
        session.journal.release()
    apps = () if problem else broken_apps(session, rotation_id)
    return result_of(session, rotation_id, remarks=(*remarks, *apps), problem=problem)


def _begin(session: RotationSession, rotation_id: str, steps: Sequence[said.ChainStep]) -> None:
    try:
        session.begin(rotation_id, steps)
    except ServiceError as error:
        again = error.next_step or "Run the command again."
        error.next_step = f"{again} {WITHOUT_A_LOG}: {session.context.command} --by-hand"
        raise
