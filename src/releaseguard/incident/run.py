"""Investigates an incident: its state, its beginning, what changed, its symptoms, and the runbook's controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta

from releaseguard.cards.spec import Card, Control, VolumeCheck
from releaseguard.cards.spelling import bare
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.asking import RowAnswers, gathered
from releaseguard.functions.interface import LONGEST_LOOK
from releaseguard.health.judge import condition_of
from releaseguard.health.values import TROUBLED, HealthCondition, HealthState, ProviderHealth, Why
from releaseguard.incident.beginning import Past, reaches_back
from releaseguard.incident.changes.cause import cause_of
from releaseguard.incident.changes.looking import changes_around, of_ours
from releaseguard.incident.context import IncidentContext
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.controls.kinds import carry_out
from releaseguard.incident.evidence import IncidentEvidence, evidence_of, most_failing
from releaseguard.incident.recovery import recovery_of
from releaseguard.incident.sources.at_hand import IncidentSources
from releaseguard.incident.sources.problems import broke
from releaseguard.incident.symptoms import SymptomEvidence, matched
from releaseguard.incident.values import (
    BeforeAfter,
    ChangeRecord,
    CheckedControl,
    ControlResult,
    Incident,
    Match,
    SymptomMatch,
)
from releaseguard.model import Event
from releaseguard.stats.completeness import known_at
from releaseguard.traces import Traces

LEAD = timedelta(minutes=10)
"""How long before the beginning the logs of functions are read."""
SOME_USUAL = 0.01
"""The usual error share from which the first failure of an incident may be a usual one."""
REFUSED_SHARE = 0.5
"""The fraction of authentication errors from which credentials count as refused."""


def investigate(context: IncidentContext) -> Incident:
    """Look at everything once. Raises ``ServiceError`` where the event log does not answer, and ``Refused``."""
    context.progress("event log")
    now = context.health.now()
    past = Past(context.health, context.card.id, now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    condition, span = past.condition()
    overview = past.overview(span)
    health = next(one for one in overview.providers if one.provider == context.card.id)
    is_removed = health.condition.grounds.why is Why.REMOVED
    is_contradicted = health.condition.grounds.why is Why.CONTRADICTED and condition.state is HealthState.HEALTHY
    condition = health.condition if is_removed or is_contradicted else condition
    since = condition.since if condition.state in TROUBLED and condition.since else past.until - span
    evidence, ours = _evidence(context, since, past.until)
    events = (lambda _: condition) if is_removed else past.event
    symptoms = _symptoms(context.card, past, condition, evidence, events)
    began = _began(condition, symptoms)
    found, unread = changes_around(context, began or past.until - span, past.until, evidence.tags, ours)
    around = _control_context(context, health, evidence, began, past.until, span)
    return Incident(
        card=context.card,
        environment=context.health.environment,
        since=past.until - span,
        until=past.until,
        health=health,
        began=began,
        before_window=began is not None and reaches_back(condition, past.until - span, span),
        symptoms=symptoms,
        writers=most_failing(evidence),
        others=list(_others(past, context.card.id)),
        changes=found,
        cause=_cause(context.card, found, began, evidence, some_usual=(health.usual_share or 0.0) >= SOME_USUAL),
        unread=unread,
        controls=list(_controls(context, around)),
        set_aside=overview.set_aside,
        unreadable=_perhaps_of(overview.unread, context.card),
        recovered=recovery_of(evidence.by_minute, health.usual_share or 0.0) if began is not None else None,
        compared=_compared(past, span, began),
        log_stopped=condition.grounds.why is Why.LOG_STOPPED,
    )


def _evidence(context: IncidentContext, since: datetime, until: datetime) -> tuple[IncidentEvidence, RowAnswers[str]]:
    """What the provider's rows say, and the answers about our own rows, from one question to the log."""
    health = context.health
    query = health.query(providers=(context.card.id,), since=since, until=health.farthest(until), synthetic=False)
    found = gathered(context.log, {"rows": query, **of_ours(context, until)})
    refusals = context.card.events.auth_error_codes
    return evidence_of(_as_known(found.rows("rows"), since, until), since, context.scrub, refusals), found


def _as_known(rows: Iterable[Event], since: datetime, until: datetime) -> Iterator[Event]:
    """The rows of a time; those of a clock far ahead at their recording."""
    for row in rows:
        at = known_at(row)
        if since <= at < until:
            yield row if at is row.occurred_at else replace(row, occurred_at=at)


def _symptoms(
    card: Card,
    past: Past,
    condition: HealthCondition,
    evidence: IncidentEvidence,
    event: Callable[[str], HealthCondition],
) -> Sequence[SymptomMatch]:
    traffic = SymptomEvidence(
        condition=condition, errors=evidence.errors, event=event, spike=past.spike, harms=_harms(card)
    )
    return [matched(symptom, traffic) for symptom in card.playbook.symptoms]


def _harms(card: Card) -> dict[str, float]:
    return {
        event: check.max_spike
        for check in card.checks
        if isinstance(check, VolumeCheck) and check.max_spike
        for event in check.events
    }


def _began(condition: HealthCondition, symptoms: Sequence[SymptomMatch]) -> datetime | None:
    """When the provider's trouble began or, where it is well itself, that of a symptom, such as a silent webhook while
    mail is sent."""
    if condition.state in TROUBLED:
        return condition.since
    return min((one.since for one in symptoms if one.match is Match.YES and one.since), default=None)


def _compared(past: Past, span: timedelta, began: datetime | None) -> BeforeAfter | None:
    window = past.window(span)
    minutes = round((began - (past.until - span)) / timedelta(minutes=1)) if began else 0
    if began is None or not 0 < minutes < window.length:
        return None
    (calls, failed), (later, later_failed) = (
        window.counts(past.provider, a, b) for a, b in ((0, minutes), (minutes, window.length))
    )
    return BeforeAfter(began, (calls - failed, failed), (later - later_failed, later_failed))


def _others(past: Past, provider: str) -> Iterator[tuple[str, HealthCondition]]:
    window = past.window(past.context.window)
    for name in window.providers:
        condition = condition_of(window, name)
        if name != provider and condition.state in TROUBLED:
            yield name, condition


def _cause(
    card: Card,
    found: Sequence[ChangeRecord],
    began: datetime | None,
    evidence: IncidentEvidence,
    *,
    some_usual: bool,
) -> ChangeRecord | None:
    if began is None:
        return None
    refused = evidence.share_of(card.events.auth_error_codes) >= REFUSED_SHARE
    first = evidence.first_of(card.events.auth_error_codes if refused else None)
    return cause_of(found, began, refused=refused, provider=card.id, first=first, some_usual=some_usual and not refused)


def _control_context(
    context: IncidentContext,
    health: ProviderHealth,
    evidence: IncidentEvidence,
    began: datetime | None,
    until: datetime,
    span: timedelta,
) -> ControlContext:
    since = began - LEAD if began else until - span
    return ControlContext(
        **{field.name: getattr(context, field.name) for field in fields(IncidentSources)},
        health=health,
        evidence=evidence,
        since=max(since, until - LONGEST_LOOK),
        until=until,
        past=context.health.recorded_until is not None,
        began=began,
    )


def _controls(context: IncidentContext, around: ControlContext) -> Iterator[CheckedControl]:
    traces = Traces(context.health.trace)
    for control in context.card.playbook.controls:
        if control.kind in ("function_logs", "logs", "invariant"):
            context.progress(f"{control.kind} {control.target}")
        yield CheckedControl(control, _carried_out(control, around, traces))


def _carried_out(control: Control, around: ControlContext, traces: Traces) -> ControlResult:
    """A control's result; a control that breaks says so, and the others are carried out."""
    try:
        return carry_out(control, around)
    except ReleaseguardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this control's and nobody else's
        return broke(error, traces.of(f"{control.kind} {control.target}", error))


def _perhaps_of(unread: Mapping[str | None, int], card: Card) -> int:
    """The number of unreadable rows that belong to the provider, in any spelling, or may do so."""
    return sum(count for name, count in unread.items() if name is None or bare(name) == bare(card.id))
