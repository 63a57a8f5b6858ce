"""An incident as a story: how it is, since when, what changed, what shows it, what the runbook looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from releaseguard.cards.spec import Card, Control, VolumeCheck
from releaseguard.deployments.interface import Deployer, Deployment
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.interface import EventLog
from releaseguard.functions.interface import LONGEST_LOOK
from releaseguard.health.judge import condition_of
from releaseguard.health.run import HealthContext
from releaseguard.health.values import TROUBLED, HealthCondition, ProviderHealth, Why
from releaseguard.incident import changes
from releaseguard.incident.beginning import Past, reaches_back
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.controls.kinds import carry_out
from releaseguard.incident.evidence import Evidence, evidence_of
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.problems import ServiceLabel, broke, problem
from releaseguard.incident.sources.secrets import Secrets, unless_refused
from releaseguard.incident.symptoms import SymptomEvidence, matched
from releaseguard.incident.values import (
    ChangeRecord,
    CheckedControl,
    ControlResult,
    Incident,
    Match,
    SymptomMatch,
    UnavailableSource,
)
from releaseguard.rotation.history.account import account_of
from releaseguard.rotation.history.reading import read_log
from releaseguard.traces import Traces
from releaseguard.verification.checks.live_checks import CountRows
from releaseguard.verification.rows.releases import DEPLOYED, deployments_of
from releaseguard.verification.values import Promise

LOOK_BACK = timedelta(hours=24)
"""How long before the beginning changes are told of."""
LEAD = timedelta(minutes=10)
"""How long before the beginning functions' logs are read from."""
REFUSED_SHARE = 0.5
"""The share of authentication errors from which on credentials are said to be refused."""


@dataclass(frozen=True, slots=True)
class HostingTarget:
    """A target that a hosting service serves; ``open`` may raise ``ConfigError`` without a credential."""

    place: str
    target: str
    open: Callable[[], Deployer]
    service: ServiceLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentContext:
    """Everything that an incident is read from."""

    health: HealthContext
    """Of all providers: they tell absent users from a broken provider."""
    card: Card
    projects: Sequence[Project]
    repositories: Sequence[Repository]
    hosts: Sequence[HostingTarget]
    examples: Mapping[str, str]
    """A destination for each of ``project`` and ``repository``, for whoever has configured none."""
    secrets: Secrets
    count_rows: CountRows | None
    database_setting: str
    tests: Callable[[str], Sequence[str] | None]
    scrub: Callable[[str], str]
    progress: Callable[[str], None] = field(default=lambda _: None)
    """Told what is being looked at."""

    @property
    def log(self) -> EventLog:
        return self.health.log


def investigate(context: IncidentContext) -> Incident:
    """Look at everything once. Raises ``ServiceError`` where the event log does not answer, and ``Refused``."""
    context.progress("event log")
    now = context.health.now()
    past = Past(context.health, context.card.id, now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    condition, span = past.condition()
    overview = past.overview(span)
    [health] = overview.providers
    since = condition.since if condition.state in TROUBLED and condition.since else past.until - span
    evidence = _evidence(context, since, past.until)
    symptoms = _symptoms(context.card, past, condition, evidence)
    began = _began(condition, symptoms)
    found, unread = _changes(context, began or past.until - span, past.until)
    around = _surroundings(context, health, evidence, began, past.until, span)
    return Incident(
        card=context.card,
        environment=context.health.environment,
        since=past.until - span,
        until=past.until,
        health=health,
        began=began,
        before_window=began is not None and reaches_back(condition, past.until - span, span),
        symptoms=symptoms,
        others=list(_others(past, context.card.id)),
        changes=found,
        cause=_cause(context.card, found, began, evidence),
        unread=unread,
        controls=list(_controls(context, around)),
        set_aside=overview.set_aside,
        log_stopped=condition.grounds.why is Why.LOG_STOPPED,
    )


def _evidence(context: IncidentContext, since: datetime, until: datetime) -> Evidence:
    query = context.health.query(providers=(context.card.id,), since=since, until=until, synthetic=False)
    return evidence_of(context.log.select(query), since, context.scrub)


def _symptoms(card: Card, past: Past, condition: HealthCondition, evidence: Evidence) -> Sequence[SymptomMatch]:
    traffic = SymptomEvidence(
        condition=condition, errors=evidence.errors, event=past.event, spike=past.spike, harms=_harms(card)
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
    """The provider's own word; where it is well, that of a symptom: mail goes out, and its webhook is silent."""
    if condition.state in TROUBLED:
        return condition.since
    return min((one.since for one in symptoms if one.match is Match.YES and one.since), default=None)


def _others(past: Past, provider: str) -> Iterator[tuple[str, HealthCondition]]:
    window = past.window(past.world.window)
    for name in window.providers:
        condition = condition_of(window, name)
        if name != provider and condition.state in TROUBLED:
            yield name, condition


def _cause(
    card: Card, found: Sequence[ChangeRecord], began: datetime | None, evidence: Evidence
) -> ChangeRecord | None:
    if began is None:
        return None
    refused = evidence.share_of(card.events.auth_error_codes) >= REFUSED_SHARE
    return changes.cause_of(found, began, refused=refused)


# --- what changed -----------------------------------------------------------------------------------------------


def _changes(
    context: IncidentContext, began: datetime, until: datetime
) -> tuple[Sequence[ChangeRecord], Sequence[UnavailableSource]]:
    """What changed from a day before the beginning until now, and where nobody could look."""
    unread: dict[str, UnavailableSource] = {}
    found = [*_from_log(context, began - LOOK_BACK, until), *_from_services(context, unread)]
    inside = [change for change in found if began - LOOK_BACK <= change.at < until]
    return changes.without_echoes(inside), list(unread.values())


def _from_log(context: IncidentContext, since: datetime, until: datetime) -> Iterator[ChangeRecord]:
    account = account_of(read_log(context.log, context.health.query()), environment=context.health.environment)
    yield from changes.rotations(account.rotations)
    deployed = context.health.query(events=(DEPLOYED,), since=since, until=until)
    yield from changes.releases(deployments_of(context.log.select(deployed), Promise().window))


def _from_services(context: IncidentContext, unread: dict[str, UnavailableSource]) -> Iterator[ChangeRecord]:
    yield from _migrations(context, unread)
    for project in context.projects:
        context.progress(project.place)
        try:
            yield from changes.functions(project.place, project.functions())
        except ReleaseguardError as error:
            unread[project.place] = UnavailableSource(project.place, problem(unless_refused(error), project.service))
    for host in context.hosts:
        context.progress(host.place)
        try:
            served = host.open().current(host.target)
        except ReleaseguardError as error:
            unread[host.place] = UnavailableSource(host.place, problem(unless_refused(error), host.service))
        else:
            yield from _served(host, served)
    yield from _written(context, unread)


def _served(host: HostingTarget, served: Deployment | None) -> Iterable[ChangeRecord]:
    return [changes.served(host.service.name, f"{host.place}/{host.target}", served)] if served is not None else []


def _migrations(context: IncidentContext, unread: dict[str, UnavailableSource]) -> Iterator[ChangeRecord]:
    """Runs of every workflow that any card names: a migration can break whichever provider."""
    cards = context.health.cards
    controls = (control for card in cards for control in card.playbook.controls if control.kind == "workflow_runs")
    for workflow in dict.fromkeys(control.target or "" for control in controls):
        for repository in context.repositories:
            context.progress(f"{repository.place} {workflow}")
            try:
                yield from changes.migrations(repository.newest(workflow) or ())
            except ReleaseguardError as error:
                unread[repository.place] = UnavailableSource(
                    repository.place, problem(unless_refused(error), repository.service)
                )


def _written(context: IncidentContext, unread: dict[str, UnavailableSource]) -> Iterator[ChangeRecord]:
    if context.secrets.sites:
        context.progress(", ".join(site.uri for site in context.secrets.sites))
    for look in context.secrets.look():
        if look.problem is not None:
            unread[look.site.uri] = UnavailableSource(look.site.uri, problem(look.problem, look.site.service))
    yield from changes.written(context.secrets.written())


# --- controls ---------------------------------------------------------------------------------------------------


def _surroundings(
    context: IncidentContext,
    health: ProviderHealth,
    evidence: Evidence,
    began: datetime | None,
    until: datetime,
    span: timedelta,
) -> ControlContext:
    since = began - LEAD if began else until - span
    return ControlContext(
        card=context.card,
        health=health,
        evidence=evidence,
        since=max(since, until - LONGEST_LOOK),
        until=until,
        past=context.health.recorded_until is not None,
        began=began,
        projects=context.projects,
        repositories=context.repositories,
        examples=context.examples,
        secrets=context.secrets,
        count_rows=context.count_rows,
        database_setting=context.database_setting,
        tests=context.tests,
        scrub=context.scrub,
    )


def _controls(context: IncidentContext, around: ControlContext) -> Iterator[CheckedControl]:
    traces = Traces(context.health.trace)
    for control in context.card.playbook.controls:
        if control.kind in ("function_logs", "invariant"):
            context.progress(f"{control.kind} {control.target}")
        yield CheckedControl(control, _carried_out(control, around, traces))


def _carried_out(control: Control, around: ControlContext, traces: Traces) -> ControlResult:
    """A control's finding; one that breaks says that, and the others are carried out."""
    try:
        return carry_out(control, around)
    except ReleaseguardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this control's and nobody else's
        return broke(error, traces.of(f"{control.kind} {control.target}", error))
