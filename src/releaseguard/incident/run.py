"""An incident as a story: how it is, since when, what changed, what shows it, what the runbook looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from releaseguard.cards.spec import Card, Control, VolumeCheck
from releaseguard.deployments.interface import Deployer, Deployment
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.interface import EventLog
from releaseguard.functions.interface import LONGEST_LOOK
from releaseguard.health.interface import TROUBLED, Condition, ProviderHealth, Why
from releaseguard.health.judge import condition_of
from releaseguard.health.run import HealthWorld
from releaseguard.incident import changes
from releaseguard.incident.beginning import Past, reaches_back
from releaseguard.incident.controls import Surroundings, carry_out
from releaseguard.incident.evidence import Evidence, evidence_of
from releaseguard.incident.interface import Change, Checked, Finding, Incident, Match, Matched, Unread
from releaseguard.incident.outside import Project, Repository
from releaseguard.incident.problems import GITHUB, SERVICES, SUPABASE, VERCEL, broke, problem
from releaseguard.incident.secrets import Secrets, unless_refused
from releaseguard.incident.symptoms import Traffic, matched
from releaseguard.rotation.account import account_of
from releaseguard.rotation.history import read_log
from releaseguard.verification.interface import Promise
from releaseguard.verification.isolated import Traces
from releaseguard.verification.present import CountRows
from releaseguard.verification.release import DEPLOYED, deployments_of

LOOK_BACK = timedelta(hours=24)
"""How long before the beginning changes are told of."""
LEAD = timedelta(minutes=10)
"""How long before the beginning functions' logs are read from."""
REFUSED_SHARE = 0.5
"""The share of authentication errors from which on credentials are said to be refused."""


@dataclass(frozen=True, slots=True)
class Host:
    """A target that a hosting service serves; ``open`` may raise ``ConfigError`` without a credential."""

    place: str
    target: str
    open: Callable[[], Deployer]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentWorld:
    """Everything that an incident is read from."""

    health: HealthWorld
    """Of all providers: they tell absent users from a broken provider."""
    card: Card
    projects: Sequence[Project]
    repositories: Sequence[Repository]
    hosts: Sequence[Host]
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


def investigate(world: IncidentWorld) -> Incident:
    """Look at everything once. Raises ``ServiceError`` where the event log does not answer, and ``Refused``."""
    world.progress("event log")
    now = world.health.now()
    past = Past(world.health, world.card.id, now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    condition, span = past.condition()
    overview = past.overview(span)
    [health] = overview.providers
    since = condition.since if condition.state in TROUBLED and condition.since else past.until - span
    evidence = _evidence(world, since, past.until)
    symptoms = _symptoms(world.card, past, condition, evidence)
    began = _began(condition, symptoms)
    found, unread = _changes(world, began or past.until - span, past.until)
    around = _surroundings(world, health, evidence, began, past.until, span)
    return Incident(
        card=world.card,
        environment=world.health.environment,
        since=past.until - span,
        until=past.until,
        health=health,
        began=began,
        before_window=began is not None and reaches_back(condition, past.until - span, span),
        symptoms=symptoms,
        others=list(_others(past, world.card.id)),
        changes=found,
        cause=_cause(world.card, found, began, evidence),
        unread=unread,
        controls=list(_controls(world, around)),
        set_aside=overview.set_aside,
        log_stopped=condition.grounds.why is Why.LOG_STOPPED,
    )


def _evidence(world: IncidentWorld, since: datetime, until: datetime) -> Evidence:
    query = world.health.query(providers=(world.card.id,), since=since, until=until, synthetic=False)
    return evidence_of(world.log.select(query), since, world.scrub)


def _symptoms(card: Card, past: Past, condition: Condition, evidence: Evidence) -> Sequence[Matched]:
    traffic = Traffic(
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


def _began(condition: Condition, symptoms: Sequence[Matched]) -> datetime | None:
    """The provider's own word; where it is well, that of a symptom: mail goes out, and its webhook is silent."""
    if condition.state in TROUBLED:
        return condition.since
    return min((one.since for one in symptoms if one.match is Match.YES and one.since), default=None)


def _others(past: Past, provider: str) -> Iterator[tuple[str, Condition]]:
    window = past.window(past.world.window)
    for name in window.providers:
        condition = condition_of(window, name)
        if name != provider and condition.state in TROUBLED:
            yield name, condition


def _cause(card: Card, found: Sequence[Change], began: datetime | None, evidence: Evidence) -> Change | None:
    if began is None:
        return None
    refused = evidence.share_of(card.events.auth_error_codes) >= REFUSED_SHARE
    return changes.cause_of(found, began, refused=refused)


# --- what changed -----------------------------------------------------------------------------------------------


def _changes(world: IncidentWorld, began: datetime, until: datetime) -> tuple[Sequence[Change], Sequence[Unread]]:
    """What changed from a day before the beginning until now, and where nobody could look."""
    unread: dict[str, Unread] = {}
    found = [*_from_log(world, began - LOOK_BACK, until), *_from_services(world, unread)]
    inside = [change for change in found if began - LOOK_BACK <= change.at < until]
    return changes.without_echoes(inside), list(unread.values())


def _from_log(world: IncidentWorld, since: datetime, until: datetime) -> Iterator[Change]:
    account = account_of(read_log(world.log, world.health.query()), environment=world.health.environment)
    yield from changes.rotations(account.rotations)
    deployed = world.health.query(events=(DEPLOYED,), since=since, until=until)
    yield from changes.releases(deployments_of(world.log.select(deployed), Promise().window))


def _from_services(world: IncidentWorld, unread: dict[str, Unread]) -> Iterator[Change]:
    yield from _migrations(world, unread)
    for project in world.projects:
        world.progress(project.place)
        try:
            yield from changes.functions(project.place, project.functions())
        except ReleaseguardError as error:
            unread[project.place] = Unread(project.place, problem(unless_refused(error), SUPABASE))
    for host in world.hosts:
        world.progress(host.place)
        try:
            served = host.open().current(host.target)
        except ReleaseguardError as error:
            unread[host.place] = Unread(host.place, problem(unless_refused(error), VERCEL))
        else:
            yield from _served(host, served)
    yield from _written(world, unread)


def _served(host: Host, served: Deployment | None) -> Iterable[Change]:
    return [changes.served(f"{host.place}/{host.target}", served)] if served is not None else []


def _migrations(world: IncidentWorld, unread: dict[str, Unread]) -> Iterator[Change]:
    """Runs of every workflow that any card names: a migration can break whichever provider."""
    cards = world.health.cards
    controls = (control for card in cards for control in card.playbook.controls if control.kind == "workflow_runs")
    for workflow in dict.fromkeys(control.target or "" for control in controls):
        for repository in world.repositories:
            world.progress(f"{repository.place} {workflow}")
            try:
                yield from changes.migrations(repository.newest(workflow) or ())
            except ReleaseguardError as error:
                unread[repository.place] = Unread(repository.place, problem(unless_refused(error), GITHUB))


def _written(world: IncidentWorld, unread: dict[str, Unread]) -> Iterator[Change]:
    if world.secrets.sites:
        world.progress(", ".join(site.uri for site in world.secrets.sites))
    for look in world.secrets.look():
        if look.problem is not None:
            unread[look.site.uri] = Unread(look.site.uri, problem(look.problem, SERVICES[look.site.service]))
    yield from changes.written(world.secrets.written())


# --- controls ---------------------------------------------------------------------------------------------------


def _surroundings(
    world: IncidentWorld,
    health: ProviderHealth,
    evidence: Evidence,
    began: datetime | None,
    until: datetime,
    span: timedelta,
) -> Surroundings:
    since = began - LEAD if began else until - span
    return Surroundings(
        card=world.card,
        health=health,
        evidence=evidence,
        since=max(since, until - LONGEST_LOOK),
        until=until,
        past=world.health.recorded_until is not None,
        began=began,
        projects=world.projects,
        repositories=world.repositories,
        secrets=world.secrets,
        count_rows=world.count_rows,
        database_setting=world.database_setting,
        tests=world.tests,
        scrub=world.scrub,
    )


def _controls(world: IncidentWorld, around: Surroundings) -> Iterator[Checked]:
    traces = Traces(world.health.trace)
    for control in world.card.playbook.controls:
        if control.kind in ("function_logs", "invariant"):
            world.progress(f"{control.kind} {control.target}")
        yield Checked(control, _carried_out(control, around, traces))


def _carried_out(control: Control, around: Surroundings, traces: Traces) -> Finding:
    """A control's finding; one that breaks says that, and the others are carried out."""
    try:
        return carry_out(control, around)
    except ReleaseguardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this control's and nobody else's
        return broke(error, traces.of(f"{control.kind} {control.target}", error))
