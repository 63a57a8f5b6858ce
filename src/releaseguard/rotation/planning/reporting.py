"""A leak for which no newer value exists yet: nothing can be rotated, and the leak is recorded all the same."""

from __future__ import annotations

from releaseguard.model import new_id
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import LeakReport, PlannedSecret
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.planning.leaked import NoNewerValue
from releaseguard.rotation.planning.making import make_plan
from releaseguard.rotation.planning.plan import Plan
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Leak


def plan_or_report(session: RotationSession, facts: PlanningFacts) -> Plan:
    """The plan. A leak that is refused because nothing newer exists is appended to the history, except in a dry run.
    Raises what :func:`make_plan` and the log raise."""
    request, context = session.request, session.context
    try:
        return make_plan(request, context.card, session.bindings, facts, session.chain, context.rules)
    except NoNewerValue as refusal:
        if refusal.leak and not request.dry_run:
            _report(session, facts, refusal.leak, str(refusal))
            # What is on record as leaked is not taken back by naming another version.
            refusal.next_step = (
                "Make a new key in the provider's console, store it as a new version, then rotate again."
            )
        raise


def _report(session: RotationSession, facts: PlanningFacts, leak: Leak, why: str) -> None:
    """Record the leak once; from then on it is open.

    Where a rotation of the unit is unfinished, it stays the newest, so that ``--resume`` and ``--abort`` mean it.
    """
    unit = session.group.name
    known = any(one.unit == unit and one.leak.versions == leak.versions for one in session.chain.open_leaks)
    if known or session.unfinished_here:
        return
    planned = _planned(session, facts, leak)
    session.begin(planned.rotation_id, [planned, said.AbortedByRefusal(rotation_id=planned.rotation_id, reason=why)])
    session.journal.release()
    session.context.leak_recorded()
    session.tell(
        "The leak is on record, and open until a new value is out and the revocation of the old one is confirmed: "
        f"releaseguard status, {session.command} --confirm-revoked"
    )


def _planned(session: RotationSession, facts: PlanningFacts, leak: Leak) -> said.Planned:
    request = session.request
    return said.Planned(
        rotation_id=str(new_id()),
        unit=session.group.name,
        origin=request.origin,
        reason=request.reason,
        leak=LeakReport.of(leak),
        secrets=_leaked(facts, leak),
    )


def _leaked(facts: PlanningFacts, leak: Leak) -> tuple[PlannedSecret, ...]:
    seen = {name: (one.version, one.secret_id) for name, one in facts.newest.items()}
    found = ((name, version, *seen.get(name, (None, None))) for name, version in leak.versions.items())
    return tuple(
        PlannedSecret(name=name, from_version=version, seen_version=number, seen_secret_id=secret_id)
        for name, version, number, secret_id in found
    )
