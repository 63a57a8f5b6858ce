"""One call of ``rotate``: what it is asked, what the history says, what is therefore done."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from releaseguard.cards.spec import Card
from releaseguard.destinations.interface import ItemKind, Observed
from releaseguard.errors import (
    ConfigError,
    ExitCode,
    NotFound,
    Refused,
    ReleaseguardError,
    ServiceError,
    Unreachable,
    UsageError,
)
from releaseguard.model import Event, new_id, to_text
from releaseguard.rotation.drift.revocation import QUIET, held_against, old_successes, revoked_by
from releaseguard.rotation.exposure.installed_apps import sentence, shares_in
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.planning.new_destinations import refuse_new
from releaseguard.rotation.planning.plan import (
    PlanningFacts,
    SecretGroup,
    check_claims,
    claims_in_doubt,
    items_for,
    make_plan,
    new_in,
    refuse_values,
    refuse_without_both_accesses,
    unit_of,
)
from releaseguard.rotation.session import RotationSession, Tell, earlier_versions
from releaseguard.rotation.values import (
    EXIT_CODES,
    Binding,
    Claim,
    Direction,
    Leak,
    Plan,
    RotateAction,
    RotateRequest,
    RotationContext,
    RotationResult,
    RotationState,
    ValueSource,
    WrittenName,
)
from releaseguard.rotation.workers import Workers
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion

T = TypeVar("T")


def rotate(request: RotateRequest, context: RotationContext, tell: Tell) -> RotationResult:
    """Do what ``request`` asks, as far as it goes, and say where the rotation stands.

    ``tell`` receives progress for people. Raises ``UsageError``, ``ConfigError``, ``Refused`` (``LeaseHeld``) and
    ``ServiceError`` where nothing was begun; once something was begun, what stopped it is in the result.
    """
    unit = unit_of(context.card, request.secret)
    journal = Journal(context.log, context.chain_key, context.holder, context.rules.lease, context.clocks)
    context.guard.arm(journal.ensure_held)
    journal.load()
    if not request.dry_run:
        journal.refuse_if_broken()
    if journal.view.foreign:
        tell(f"{len(journal.view.foreign)} foreign rows claim to be of {context.chain_key}: releaseguard audit show.")
    if request.action in _WRITING:
        refuse_without_both_accesses(context.card, context.own_accesses, request.action)
        if context.asks_for_new:
            refuse_new([place.destination.uri for place in context.places], journal.view, request.new_destinations)
        check_claims(_with_every_spelling(context), context.chain_key)
        for access in context.own_accesses:
            access.try_new()
            tell(f"{access.new_variable} is accepted.")
    with Workers(context.rules.side_by_side) as workers:
        return _STORIES[request.action](RotateCall(request, context, tell, unit, journal, workers))


class RotateCall:
    """What every story needs at hand."""

    def __init__(
        self,
        request: RotateRequest,
        context: RotationContext,
        tell: Tell,
        unit: SecretGroup,
        journal: Journal,
        workers: Workers,
    ) -> None:
        self.request = request
        self.context = context
        self.tell = tell
        self.unit = unit
        self.journal = journal
        self.workers = workers

    @property
    def view(self) -> ChainView:
        return self.journal.view

    @property
    def unfinished(self) -> RotationView | None:
        current = self.view.current
        return current if current and not current.finished else None

    def rotation(self, unit: SecretGroup | None = None) -> RotationSession:
        return RotationSession(self.context, self.journal, self.workers, self.request, unit or self.unit, self.tell)

    def expired(self) -> bool:
        """Whether a predecessor went away without giving its lease back."""
        lease = self.view.lease
        return lease is not None and not lease.released


# --- the stories


def _rotate(call: RotateCall) -> RotationResult:
    if not call.request.dry_run:
        call.journal.refuse_if_held()
    unfinished = call.unfinished
    if unfinished and unfinished.unit != call.unit.name and not call.request.dry_run:
        raise _other_unit(call, unfinished)
    refuse_values(call.unit, call.request)
    taken_back = _ended(call) if call.request.push_again else None
    if taken_back:
        return taken_back
    survey = _survey(call)
    if unfinished and unfinished.unit == call.unit.name and _same_versions(unfinished, call, survey):
        return _continue_plain(call, unfinished, survey)
    plan = _plan(call, survey)
    _refuse_revoked(call, plan)
    done = None if plan.leak or call.request.push_again else _nothing_to_do(call, plan)
    if done:
        return _result(call, done, remarks=("Nothing to do: this version is out everywhere.",))
    if call.request.dry_run:
        return _planned_only(call, plan)
    return _start(call, plan, survey, unfinished)


def _resume(call: RotateCall) -> RotationResult:
    call.journal.wait_until_free(call.tell)
    unfinished = call.unfinished
    if unfinished is None:
        call.tell("No rotation is unfinished.")
        return _ended(call) or _rotate(call)
    unit = _unit_named(call.context.card, unfinished.unit)
    if call.request.secret and unit.name != call.unit.name:
        raise _other_unit(call, unfinished)
    call.unit = unit
    if call.request.leak and unfinished.leak is None:
        raise UsageError(
            f"rotation {unfinished.id} was begun without --leak",
            next_step="Run the same without --resume: that continues it as the rotation of a leaked value.",
        )
    call.tell(f"Continuing rotation {unfinished.id} ({unfinished.state}).")
    return _continue(call, unfinished)


def _ended(call: RotateCall) -> RotationResult | None:
    """The last rotation, where it was taken back or given up and the vault has nothing newer. Begun again, by
    ``--resume`` or because its places have drifted from the vault, it would bring out what was withdrawn."""
    last = call.view.last_of(call.unit.name)
    if last is None or call.request.origin is not ValueSource.INFISICAL or not _newest_is_of(call, last):
        return None
    if last.rolling_back:
        return _result(call, last.id, remarks=("Nothing newer is in the vault.",))
    if last.state is RotationState.ABORTED and not call.request.push_again:
        raise Refused(
            f"rotation {last.id} was given up, and the vault has nothing newer",
            where=str(call.context.chain_key),
            next_step=f"Begin another: {_command(call)}",
        )
    return None


def _newest_is_of(call: RotateCall, rotation: RotationView) -> bool:
    """Whether the vault's newest versions are the ones that ``rotation`` carried."""
    newest = {name: found for name in call.unit.names if (found := _newest(call, name))}
    return bool(rotation.pins) and all(
        pin.name in newest and (newest[pin.name].version, newest[pin.name].secret_id) == (pin.to_version, pin.secret_id)
        for pin in rotation.pins
    )


def _abort(call: RotateCall) -> RotationResult:
    call.journal.refuse_if_held()
    unfinished = call.unfinished
    if unfinished is None:
        raise Refused("no rotation is unfinished, so there is nothing to abort", next_step=_see_audit(call))
    call.journal.append(*_aborted(unfinished, "given up by a person"))
    call.journal.release()
    return _result(call, unfinished.id, remarks=_left_behind(call, unfinished))


def _rollback(call: RotateCall) -> RotationResult:
    call.journal.refuse_if_held()
    view = call.view.last_of(call.unit.name)
    if (
        view is None
        or view.state in (RotationState.ABORTED, RotationState.ROLLED_BACK)
        or not view.progress(Direction.FORWARD).places
    ):
        raise Refused(
            f"nothing of {call.unit.name} has been pushed that could be rolled back", next_step=_see_audit(call)
        )
    if view is not call.view.current:
        raise Refused(f"rotation {view.id} is not the newest one", next_step=_see_audit(call))
    rotation = call.rotation()
    rotation.adopt(view.id)
    forbidden = rotation.why_not_back()
    if forbidden:
        raise Refused(f"not rolled back: {forbidden}", next_step="Go forward: make a new key and rotate to it.")
    return _run(call, view.id, _take(view), lambda run: run.roll_back("a person asked for it"), rotation)


def _confirm_revoked(call: RotateCall) -> RotationResult:
    call.journal.refuse_if_held()
    view = revoked_by(call.view, call.unit.name)
    if view is None:
        raise Refused(
            f"no rotation of {call.unit.name} is known, so no old value either",
            next_step=f"Rotate first: {_command(call)}",
        )
    now = call.context.log.now()
    since = held_against(view.confirmations, now) or now
    try:
        alive: Sequence[Event] = old_successes(call.context.log, call.view, view, call.unit.companions, since)
    except ServiceError:
        _record_confirmation(call, view, now, None)  # the person has said so, whether or not anybody could look
        raise
    _record_confirmation(call, view, now, len(alive))
    result = _result(call, view.id, remarks=_installed_apps(call, view.id))
    return _still_alive(call, result, alive, since) if alive else result


def _record_confirmation(call: RotateCall, view: RotationView, now: datetime, alive: int | None) -> None:
    at = to_text(view.revoked_at or now)
    call.journal.append(said.Retired(rotation_id=view.id, revoked_at=at, old_successes=alive))
    call.journal.release()


def _still_alive(call: RotateCall, result: RotationResult, alive: Sequence[Event], since: datetime) -> RotationResult:
    newest = max(alive, key=lambda event: event.occurred_at)
    remark = (
        f"The old version still works: {len(alive)} successes occurred after it was confirmed to be revoked "
        f"({to_text(since)}), the last at {to_text(newest.occurred_at)} from {newest.source or 'an unnamed source'}."
    )
    step = (
        f"Revoke it at the provider. {call.unit.steps() or ''}".strip()
        + f" Then confirm it once more: {_command(call)} --confirm-revoked; from "
        f"{QUIET.total_seconds() / 60:.0f} minutes later on only successes after that confirmation count."
    )
    return replace(result, exit_code=ExitCode.BAD, remarks=(*result.remarks, remark), next_step=step)


_STORIES: Mapping[RotateAction, Callable[[RotateCall], RotationResult]] = {
    RotateAction.ROTATE: _rotate,
    RotateAction.RESUME: _resume,
    RotateAction.ABORT: _abort,
    RotateAction.ROLLBACK: _rollback,
    RotateAction.CONFIRM_REVOKED: _confirm_revoked,
}


_WRITING = frozenset({RotateAction.ROTATE, RotateAction.RESUME, RotateAction.ROLLBACK})
"""What may write to destinations."""


def _with_every_spelling(context: RotationContext) -> Sequence[Claim]:
    """The claims. A service is asked only where a place of ours may be another's that is spelled differently."""
    in_doubt = claims_in_doubt(context.claims, context.chain_key)
    places = [place.destination for place in context.places if place.destination.uri in in_doubt]
    also = {place.uri: place.also_called() for place in places}
    return [
        replace(claim, also=also.get(claim.uri, ())) if claim.owner == context.chain_key else claim
        for claim in context.claims
    ]


# --- planning


def _survey(call: RotateCall) -> PlanningFacts:
    """What has to be known before planning, by reading only."""
    context, unit, request = call.context, call.unit, call.request
    if unit.manual:
        return PlanningFacts(newest={})
    newest = {name: version for name in unit.names if (version := _newest(call, name))}
    settled = request.origin is ValueSource.INFISICAL
    previous = {
        name: before
        for name, version in newest.items()
        if settled and name not in call.view.out and (before := _before(context, version))
    }
    placeholder = {
        name: (newest[name].value, newest[name].version) if name in newest else (Secret(""), 0) for name in unit.names
    }
    # A place that cannot hold what was given is to refuse it now, before the vault or another place has it.
    given = {name: (value, placeholder[name][1]) for name, value in request.values.items() if name in placeholder}
    leak = request.leak and settled
    return PlanningFacts(
        newest=newest,
        previous=previous,
        earlier={name: earlier_versions(context, version) for name, version in newest.items()} if leak else {},
        leaked={} if request.leak else {name: _leaked_earlier(call, version) for name, version in newest.items()},
        estimates=_at_each_place(
            call, lambda place: place.destination.estimate(items_for(unit, place, placeholder | given))
        ),
        observed=_observed(call, placeholder) if leak else {},
    )


def _leaked_earlier(call: RotateCall, newest: SecretVersion) -> Sequence[SecretVersion]:
    """The versions before ``newest`` that leaked, where the vault still gives them and means the same secret by it."""
    out = call.view.out.get(newest.name)
    if out is not None and out.secret_id != newest.secret_id:
        return ()
    numbers = sorted(number for number in call.view.leaked(newest.name) if number < newest.version)
    return [found for number in numbers if (found := _version(call.context, newest.name, number))]


def _version(context: RotationContext, name: str, number: int) -> SecretVersion | None:
    try:
        return context.vault.read(name, number)
    except NotFound:
        return None


def _newest(call: RotateCall, name: str) -> SecretVersion | None:
    """Its newest version; a secret that is about to be made may be absent."""
    try:
        return call.context.vault.read(name)
    except NotFound:
        if call.request.origin is ValueSource.INFISICAL:
            raise
        return None


def _before(context: RotationContext, newest: SecretVersion) -> SecretVersion | None:
    return _version(context, newest.name, newest.version - 1) if newest.version > 1 else None


def _observed(call: RotateCall, versions: Mapping[str, tuple[Secret, int]]) -> Mapping[str, Mapping[str, Observed]]:
    """What the destinations hold now, by secret: only asked where the history does not say what is out."""
    if all(name in call.view.out for name in call.unit.names):
        return {}

    def look(place: Binding) -> Mapping[str, Observed]:
        items = [item for item in items_for(call.unit, place, versions) if item.kind is ItemKind.SECRET]
        there = place.destination.observe(items)
        return {name: there[place.name_of(name)] for name in call.unit.names if place.name_of(name) in there}

    return _at_each_place(call, look)


def _at_each_place(call: RotateCall, look: Callable[[Binding], T]) -> Mapping[str, T]:
    places = call.context.places
    return {place.key: seen for place, seen in zip(places, call.workers.each(look, places), strict=True)}


def _plan(call: RotateCall, survey: PlanningFacts) -> Plan:
    context = call.context
    if not context.places and not call.unit.manual:
        raise ConfigError(
            f"no destination is configured for {context.card.id}",
            where=f"[providers.{context.card.id}]",
            next_step='Add destinations = ["vercel:PROJECT/production", ...] to releaseguard.toml.',
        )
    return make_plan(call.request, context.card, context.places, survey, call.view, context.rules)


def _same_versions(unfinished: RotationView, call: RotateCall, survey: PlanningFacts) -> bool:
    """Whether the unfinished rotation still carries what the vault has as newest, and that is wanted."""
    if call.unit.manual:
        return True
    if _carries_the_leak(unfinished, call) or _is_another_leak(unfinished, call.request):
        return False
    if unfinished.state in (RotationState.PLANNED, RotationState.WAITING_APPROVAL):
        return call.request.origin.value == unfinished.origin
    given = call.request.values
    for pin in unfinished.pins:
        newest = survey.newest.get(pin.name)
        if newest is None or (newest.version, newest.secret_id) != (pin.to_version, pin.secret_id):
            return False
        if pin.name in given and not newest.value.same_as(given[pin.name]):
            return False
    return True


def _carries_the_leak(unfinished: RotationView, call: RotateCall) -> bool:
    """Whether a value to be made or given now replaces the one that the unfinished rotation has brought out.

    What the vault has as newest is compared with the leaked version; a new value is not there yet to be compared.
    """
    asked = call.request
    if not asked.leak or asked.origin is ValueSource.INFISICAL:
        return False
    if asked.leaked_version is not None:
        return any(pin.to_version == asked.leaked_version for pin in unfinished.pins)
    return unfinished.leak is None and bool(unfinished.progress(Direction.FORWARD).places)


def _is_another_leak(unfinished: RotationView, asked: RotateRequest) -> bool:
    """Whether a version is reported as leaked beside the one that the unfinished rotation replaces.

    A rotation holds one report: the second gets its own, which checks the newest value and keeps both open.
    """
    if unfinished.leak is None or asked.leaked_version is None:
        return False
    return asked.leaked_version not in unfinished.leak.versions.values()


def _nothing_to_do(call: RotateCall, plan: Plan) -> str | None:
    """The id of the last rotation, where it brought these very versions to every destination that is configured."""
    last = call.view.last_of(call.unit.name)
    if (
        last is None
        or last.state not in (RotationState.PROVEN, RotationState.RETIRED)
        or plan.origin is not ValueSource.INFISICAL
    ):
        return None
    if last.rolling_back:
        return None
    carried = {pin.name: (pin.to_version, pin.secret_id) for pin in last.pins}
    if carried != {pin.name: (pin.to_version, pin.secret_id) for pin in plan.pins}:
        return None
    progress = last.progress(Direction.FORWARD)
    # A person may confirm a revocation at any time: that ends a rotation wherever it stands.
    written = {key for key, place in progress.places.items() if place.status == "pushed"}
    running = progress.deployed_at is not None or last.proven_at is not None or not plan.deployments
    return last.id if running and all(place.key in written for place in plan.places) else None


def _refuse_revoked(call: RotateCall, plan: Plan) -> None:
    """A version that was taken back and then confirmed as revoked works nowhere any more."""
    planned = [(pin.name, pin.to_version, pin.secret_id) for pin in plan.pins if pin.to_version is not None]
    for rotation in call.view.rotations:
        if rotation.rolling_back and rotation.retired_at and rotation.unit == plan.unit:
            carried = [(pin.name, pin.to_version, pin.secret_id) for pin in rotation.pins]
            if planned and planned == carried:
                raise Refused(
                    f"version {planned[0][1]} of {planned[0][0]} was taken back and is confirmed as revoked",
                    where=str(call.context.chain_key),
                    next_step="Store the value to be used as a new version, then rotate again.",
                )


def _planned_only(call: RotateCall, plan: Plan) -> RotationResult:
    lease = call.journal.held_by_another()
    remarks = (f"Held by {lease.holder} now: a run would be refused.",) if lease else ()
    return RotationResult(
        rotation_id=None,
        provider=call.context.chain_key.provider,
        environment=call.context.chain_key.environment,
        state=None,
        secrets=plan.pins,
        destinations=tuple(WrittenName(place.uri, name, "pending", 0) for place in plan.places for name in place.names),
        remarks=(*plan.remarks, *remarks),
        next_step=_as_asked(call),
        head=call.view.head,
        plan=plan,
    )


# --- running


def _start(call: RotateCall, plan: Plan, survey: PlanningFacts, superseded: RotationView | None) -> RotationResult:
    rotation_id = str(new_id())
    rotation = call.rotation()
    steps: list[said.ChainStep] = [*(_aborted(superseded, "superseded by a newer version") if superseded else ())]
    steps.append(_planned(call, rotation_id, plan))
    if plan.origin is ValueSource.INFISICAL and not plan.manual:
        steps.append(rotation.staged(rotation_id, plan.pins))
        rotation.remember(survey.newest.values())
    for remark in (*new_in(plan), *plan.remarks):
        call.tell(remark)
    return _run(call, rotation_id, steps, RotationSession.go_on, rotation, plan.remarks)


def _planned(call: RotateCall, rotation_id: str, plan: Plan) -> said.Planned:
    seen = {pin.name: plan.seen.get(pin.name) or (None, None) for pin in plan.pins}
    return said.Planned(
        rotation_id=rotation_id,
        unit=plan.unit,
        origin=plan.origin,
        reason=call.request.reason,
        leak=said.LeakReport.of(plan.leak),
        secrets=tuple(
            said.PlannedSecret(
                name=pin.name,
                from_version=pin.from_version,
                seen_version=seen[pin.name][0],
                seen_secret_id=seen[pin.name][1],
            )
            for pin in plan.pins
        ),
    )


def _continue_plain(call: RotateCall, unfinished: RotationView, survey: PlanningFacts) -> RotationResult:
    """A plain call finds a rotation to the same versions unfinished: that one is meant."""
    leak = None
    if call.request.leak and unfinished.leak is None:
        leak = make_plan(
            call.request,
            call.context.card,
            call.context.places,
            survey,
            call.view,
            call.context.rules,
        ).leak
    call.tell(f"Rotation {unfinished.id} to the same versions is unfinished ({unfinished.state}): continuing it.")
    if call.request.dry_run:
        return _result(call, unfinished.id)
    return _continue(call, unfinished, leak)


def _continue(call: RotateCall, unfinished: RotationView, leak: Leak | None = None) -> RotationResult:
    rotation = call.rotation()
    return _run(call, unfinished.id, _take(unfinished, leak), RotationSession.go_on, rotation)


def _take(view: RotationView, leak: Leak | None = None) -> Sequence[said.ChainStep]:
    """The event with which this run takes a rotation up."""
    if view.state is RotationState.FAILED or leak:
        return [said.Continued(rotation_id=view.id, leak=said.LeakReport.of(leak))]
    return [said.LeaseTaken(rotation_id=view.id)]


def _run(
    call: RotateCall,
    rotation_id: str,
    steps: Iterable[said.ChainStep],
    story: Callable[[RotationSession], None],
    rotation: RotationSession,
    remarks: Sequence[str] = (),
) -> RotationResult:
    problem: ReleaseguardError | None = None
    rotation.begin(rotation_id, *steps, taken_over=call.expired() or rotation_id in _known(call))
    try:
        story(rotation)
    except ReleaseguardError as error:
        problem = error
    if isinstance(problem, ServiceError) and "--resume" not in (problem.next_step or ""):
        # The same words again would find the lease held, or no value on standard input.
        problem.next_step = f"{problem.next_step or ''} Continue with `{_command(call)} --resume`.".strip()
    if not isinstance(problem, Unreachable):
        # After a request without an answer the lease is left to run out: the request may still be under way.
        call.journal.release()
    said = () if problem else _installed_apps(call, rotation_id)
    return _result(call, rotation_id, remarks=(*remarks, *said), problem=problem)


def _installed_apps(call: RotateCall, rotation_id: str) -> Sequence[str]:
    """What revoking the old value would break on phones, once the new one is out: before anybody does it."""
    view = next(rotation for rotation in call.view.rotations if rotation.id == rotation_id)
    secrets = [spec.name for spec in call.unit.secrets if spec.reach == "client"]
    if not secrets or view.state not in _OUT:
        return ()
    chain_key = call.context.chain_key
    try:
        shares = shares_in(
            call.context.log,
            secrets,
            environment=chain_key.environment,
            provider=chain_key.provider,
            out_at=view.began_at,
        )
    except ServiceError as error:
        return (f"Which installed apps hold the old value could not be read: {error}",)
    return [f"{sentence(one.secret, one.share, one.releases)}." for one in shares]


_OUT = frozenset(
    {RotationState.PUSHED, RotationState.DEPLOYED, RotationState.PROVEN, RotationState.UNPROVEN, RotationState.RETIRED}
)
"""The states in which the old value may be revoked."""


def _known(call: RotateCall) -> frozenset[str]:
    return frozenset(view.id for view in call.view.rotations)


def _aborted(view: RotationView, reason: str) -> Sequence[said.ChainStep]:
    return [said.Aborted(rotation_id=view.id, reason=reason)]


def _left_behind(call: RotateCall, view: RotationView) -> Sequence[str]:
    """What an aborted rotation leaves: said, because nothing puts it right by itself."""
    carried = view.progress(view.direction).places
    written = sorted(key for key, place in carried.items() if place.status != "pending")
    rest = sorted(place.key for place in call.context.places if place.key not in written)
    if not written:
        return ("Nothing had been written.",)
    return (f"Written: {', '.join(written)}.", *([f"Not written: {', '.join(rest)}."] if rest else []))


# --- the result


def _result(
    call: RotateCall,
    rotation_id: str,
    *,
    remarks: Sequence[str] = (),
    problem: ReleaseguardError | None = None,
) -> RotationResult:
    view = next(rotation for rotation in call.view.rotations if rotation.id == rotation_id)
    ended = (view.ended_because,) if view.ended_because else ()
    return RotationResult(
        rotation_id=view.id,
        provider=call.context.chain_key.provider,
        environment=call.context.chain_key.environment,
        state=view.state,
        secrets=view.pins,
        destinations=_written_names(call, view),
        proof=view.proof,
        lease_holder=call.view.lease.holder if call.view.lease and not call.view.lease.released else None,
        next_step=problem.next_step if problem and problem.next_step else _next_step(call, view),
        remarks=(*remarks, *ended),
        problem=problem,
        head=call.view.head,
        exit_code=problem.exit_code if problem else EXIT_CODES.get(view.state, ExitCode.UNDECIDED),
    )


def _written_names(call: RotateCall, view: RotationView) -> Sequence[WrittenName]:
    uris = {place.key: place.destination.uri for place in call.context.places}
    return tuple(
        WrittenName(uris.get(key, key), name, _status(view, key), _writes(view, key, name))
        for key, names in view.names.items()
        for name in names
    )


def _status(view: RotationView, key: str) -> str:
    if view.rolling_back and view.progress(Direction.BACK).places.get(key):
        back = view.progress(Direction.BACK).places[key].status
        return "rolled_back" if back == "pushed" else back
    carried = view.progress(Direction.FORWARD).places.get(key)
    return carried.status if carried else "pending"


def _writes(view: RotationView, key: str, name: str) -> int:
    carried = (progress.places.get(key) for progress in view.directions.values())
    return sum(place.writes.get(name, 0) for place in carried if place)


def _next_step(call: RotateCall, view: RotationView) -> str | None:
    command = _command(call)
    console = next((spec.console for spec in call.unit.secrets if spec.console), None)
    at = f" at {console}" if console else " at the provider"
    steps: Mapping[RotationState, str] = {
        RotationState.PROVEN: _after_the_proof(call, view, at, command),
        RotationState.UNPROVEN: _without_a_proof(call, view, at, command),
        RotationState.WAITING_APPROVAL: f"Approve the change in Infisical, then: {command} --resume",
        RotationState.WAITING_CONSOLE: (
            f"{call.unit.steps() or f'Set the new value{at}.'} Then confirm it: {command} --resume"
        ),
        RotationState.FAILED: f"Put right what failed, then go forward: {command} --resume",
        RotationState.ROLLED_BACK: f"Make another value and rotate to it: {command}",
        RotationState.ABORTED: f"See what was written: releaseguard audit show {call.context.card.id}",
        RotationState.PUSHED: f"Deploy, then: {command} --resume",
    }
    return None if view.state is RotationState.RETIRED else steps.get(view.state, f"{command} --resume")


def _without_a_proof(call: RotateCall, view: RotationView, at: str, command: str) -> str:
    """What to do about a missing proof: where none can come, looking again would be waiting for nothing."""
    runs = any(place.destination.runtime for place in call.context.places)
    if runs and not call.unit.client:
        return f"Make the traffic that is missing, then look again: {command} --resume"
    seen = (
        "When few events still come from releases that hold the old value"
        if call.unit.client
        else "Once a later run has succeeded with the new value"
    )
    if all(pin.from_version is None for pin in view.pins) and not call.unit.manual:
        return "Nothing: no earlier version is known that could be revoked."
    return f"{seen}, revoke the old one{at} and confirm it: {command} --confirm-revoked"


def _after_the_proof(call: RotateCall, view: RotationView, at: str, command: str) -> str:
    if all(pin.from_version is None for pin in view.pins):
        # Nothing earlier is known: a reader told to revoke "the old value" would revoke the only one there is.
        return "Nothing: no earlier version is known that could be revoked."
    revoke = f"Revoke the old value{at}, then confirm it: {command} --confirm-revoked"
    ours = [
        f" Give {one.variable} the value of {one.new_variable} and unset that." for one in call.context.own_accesses
    ]
    return "".join([revoke, *ours])


def _other_unit(call: RotateCall, unfinished: RotationView) -> Refused:
    command = call.context.command
    return Refused(
        f"the rotation of {unfinished.unit} is unfinished ({unfinished.state})",
        where=str(call.context.chain_key),
        next_step=f"Finish it first: {command} --resume, or give it up: {command} --abort",
    )


def _command(call: RotateCall) -> str:
    """What means this call's unit: without its name a command means the card's first."""
    usual = unit_of(call.context.card, None).name == call.unit.name
    return call.context.command if usual else f"{call.context.command} --secret {call.unit.names[0]}"


def _as_asked(call: RotateCall) -> str:
    """The command that does what a dry run has shown."""
    asked = call.request
    words = ["--from", asked.origin.value] if asked.origin is not ValueSource.INFISICAL else []
    words += ["--leak", "--reason", asked.reason or ""] if asked.leak else []
    words += ["--leaked-version", str(asked.leaked_version)] if asked.leaked_version else []
    words += [] if asked.deploy else ["--no-deploy"]
    return f"{_command(call)} {shlex.join([*words, '--yes'])}"


def _see_audit(call: RotateCall) -> str:
    return f"See what was done: releaseguard audit show {call.context.card.id}"


def _unit_named(card: Card, name: str) -> SecretGroup:
    return SecretGroup(name, tuple(card.units().get(name, ())))
