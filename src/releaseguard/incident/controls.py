"""The controls of a card that a program can carry out, each with its finding. One that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releaseguard.cards.spec import Card, Control, InvariantCheck
from releaseguard.ci.interface import WorkflowRun
from releaseguard.errors import ReleaseguardError
from releaseguard.functions.interface import Calls, Function, FunctionLogs
from releaseguard.health.interface import TROUBLED, HealthState, ProviderHealth
from releaseguard.health.judge import SURE, UNKNOWN_SHARE
from releaseguard.incident.evidence import Evidence
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.problems import (
    APP_DATABASE,
    GITHUB,
    INFISICAL,
    SERVICES,
    SUPABASE,
    ServiceLabel,
    invariant_off,
    no_database,
    not_configured,
    not_done,
    problem,
    remedy,
)
from releaseguard.incident.sources.secrets import DestinationObservation, Secrets, unless_refused
from releaseguard.incident.values import ControlResult, Message, Status, message
from releaseguard.rotation.drift.compare import DRIFTED, DriftFinding, DriftStatus
from releaseguard.stats.bounds import lower_share
from releaseguard.tomlfile import nearest
from releaseguard.verification.checks.live_checks import CountRows

MOST_LINES = 8
"""Log lines that are shown of one function."""
SHOWN_RUNS = 3
MOST_ROWS = 1000
"""What the app's database counts up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlContext:
    """What controls look at."""

    card: Card
    health: ProviderHealth
    evidence: Evidence
    since: datetime
    """From when on logs are read: some time before the beginning."""
    until: datetime
    past: bool
    """Whether ``until`` is a moment of the past: what only shows the present is then said to."""
    began: datetime | None
    projects: Sequence[Project]
    repositories: Sequence[Repository]
    secrets: Secrets
    count_rows: CountRows | None
    database_setting: str
    tests: Callable[[str], Sequence[str] | None]
    """The app's test files that name a provider; ``None`` where no checkout is at hand."""
    scrub: Callable[[str], str]
    """For words that the app and its services wrote."""


def carry_out(control: Control, around: ControlContext) -> ControlResult:
    """Carry a control out. Raises ``Refused`` alone."""
    finding = KINDS[control.kind](control, around)
    shows_now = control.kind in _OF_THE_PRESENT and finding.status in (Status.OK, Status.BAD, Status.UNCLEAR)
    return replace(finding, says=[*finding.says, message("as_it_is_now")]) if around.past and shows_now else finding


_OF_THE_PRESENT = frozenset({"secret_present", "invariant", "coverage"})
"""Kinds whose services do not tell how it was."""


# --- the log ----------------------------------------------------------------------------------------------------


def _events(_control: Control, around: ControlContext) -> ControlResult:
    condition, evidence = around.health.condition, around.evidence
    bad = condition.state in TROUBLED
    status = Status.BAD if bad else Status.UNCLEAR if condition.state is HealthState.UNKNOWN else Status.OK
    says = [message("health", condition=condition)]
    for source, (calls, failed) in evidence.by_source.items():
        key = "source_failed" if failed else "source_ok"
        says.append(message(key, source=source, calls=calls, failed=failed))
    if evidence.errors:
        says.append(message("error_codes", codes=_codes(evidence.errors)))
    last = around.health.glance.last_success
    if bad and last is not None:
        says.append(message("last_success", at=last))
    command = f"releaseguard events list --provider {around.card.id}"
    return ControlResult(status=status, says=says, lines=evidence.newest_errors, command=command)


def _codes(errors: Mapping[tuple[str, str], int]) -> Sequence[tuple[str, int]]:
    codes: dict[str, int] = {}
    for (_, code), count in errors.items():
        codes[code] = codes.get(code, 0) + count
    return sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))[:5]


# --- functions --------------------------------------------------------------------------------------------------


def _function_logs(control: Control, around: ControlContext) -> ControlResult:
    name = control.target or ""
    if not around.projects:
        return not_configured("project", f'[providers.{around.card.id}] destinations = ["supabase:REF"]')
    known: set[str] = set()
    failures: list[ReleaseguardError] = []
    for project in around.projects:
        try:
            functions = {one.name: one for one in project.functions()}
            if name in functions:
                return _logs_of(project.logs(), functions[name], around)
        except ReleaseguardError as error:
            failures.append(unless_refused(error))
        else:
            known |= {*functions}
    return not_done(failures[0], SUPABASE) if failures else _not_deployed(name, known, around)


def _not_deployed(name: str, known: set[str], around: ControlContext) -> ControlResult:
    facts = {"function": name, "places": [project.place for project in around.projects]}
    close = nearest(name, known)
    says = [Message("function_absent", facts), *([message("function_nearest", function=close)] if close else [])]
    return ControlResult(
        status=Status.BAD, says=says, next_step=message("remedy_function", function=name, card=around.card.id)
    )


def _logs_of(logs: FunctionLogs, function: Function, around: ControlContext) -> ControlResult:
    url = f"https://supabase.com/dashboard/project/{logs.place.partition(':')[2]}/functions/{function.name}/logs"
    says = [message("function_state", function=function.name, place=logs.place, version=function.version)]
    if function.changed_at is not None:
        says = [message("function_deployed", at=function.changed_at, **says[0].facts)]
    bad = not function.active
    if bad:
        says.append(message("function_inactive", state=function.state or "?"))
    try:
        counted = None if around.past else logs.statistics(function)
        calls = logs.calls(function, around.since, around.until)
        lines = logs.troubles(function, around.since, around.until, MOST_LINES)
    except ReleaseguardError as error:
        unless_refused(error)
        says.append(problem(error, SUPABASE))
        status = Status.BAD if bad else Status.NOT_DONE
        return ControlResult(status=status, says=says, next_step=remedy(error, SUPABASE), url=url)
    says += [*_said_of(calls, around.since), *([message("function_statistics", calls=counted)] if counted else [])]
    if lines:
        says.append(message("function_lines", count=len(lines)))
    shown = [around.scrub(f"{line.at:%H:%M:%SZ} {line.level}: {line.text}") for line in lines]
    bad = bad or _many_failed(calls) or (counted is not None and _many_failed(counted))
    troubled = around.health.condition.state in TROUBLED and any(line.level == "error" for line in lines)
    return ControlResult(status=Status.BAD if bad or troubled else Status.OK, says=says, lines=shown, url=url)


def _said_of(calls: Calls, since: datetime) -> Iterator[Message]:
    if not calls.total:
        yield message("function_no_calls", since=since)
        return
    yield message("function_calls", since=since, calls=calls)
    if calls.statuses:
        yield message("function_statuses", statuses=sorted(calls.statuses.items()))


def _many_failed(calls: Calls) -> bool:
    """More than is usual where no history is known, beyond what chance explains: as the health judge says it."""
    return bool(calls.total) and lower_share(calls.failed, calls.total, SURE) > UNKNOWN_SHARE


# --- workflows --------------------------------------------------------------------------------------------------


def _workflow_runs(control: Control, around: ControlContext) -> ControlResult:
    workflow = control.target or ""
    if not around.repositories:
        return not_configured("repository", f'[providers.{around.card.id}] destinations = ["github:OWNER/REPO"]')
    runs: list[WorkflowRun] = []
    known = False
    failures: list[ReleaseguardError] = []
    for repository in around.repositories:
        try:
            found = repository.newest(workflow)
        except ReleaseguardError as error:
            failures.append(unless_refused(error))
            continue
        known = known or found is not None
        runs += [run for run in found or () if run.started_at < around.until]
    if runs:
        return _runs(sorted(runs, key=lambda run: run.changed_at, reverse=True), around)
    if failures:
        return not_done(failures[0], GITHUB)
    key = "workflow_never_ran" if known else "workflow_absent"
    says = [message(key, workflow=workflow, places=[one.place for one in around.repositories])]
    if known:
        return ControlResult(status=Status.OK, says=says)
    step = message("remedy_workflow", workflow=workflow, card=around.card.id)
    return ControlResult(status=Status.NOT_DONE, says=says, next_step=step)


def _runs(runs: Sequence[WorkflowRun], around: ControlContext) -> ControlResult:
    says = [_run(run, around) for run in runs[:SHOWN_RUNS]]
    ended = next((run for run in runs if run.conclusion), None)
    bad = ended is not None and ended.went_wrong
    return ControlResult(status=Status.BAD if bad else Status.OK, says=says, url=runs[0].url or None)


def _run(run: WorkflowRun, around: ControlContext) -> Message:
    facts = {"workflow": run.workflow, "number": run.number, "at": run.changed_at, "place": run.place}
    if run.conclusion is None:
        return Message("run_goes_on", {**facts, "at": run.started_at, "status": run.status})
    key = "run_failed" if run.went_wrong else "run_ended"
    before = around.began - run.changed_at if around.began else None
    if before is not None and before.total_seconds() >= 0:
        return Message(f"{key}_before", {**facts, "conclusion": run.conclusion, "before": before})
    return Message(key, {**facts, "conclusion": run.conclusion})


# --- secrets ----------------------------------------------------------------------------------------------------


def _secret_present(control: Control, around: ControlContext) -> ControlResult:
    if not around.secrets.sites:
        return not_configured("destinations", f"[providers.{around.card.id}] destinations")
    looks = around.secrets.look()
    unread = [look for look in looks if look.problem is not None]
    if len(unread) == len(looks):
        return _nowhere(unread)
    command = f"releaseguard verify --check {around.card.id}.secrets"
    wanted = {control.target} if control.target else {secret.name for secret in around.card.unit_of()}
    says: list[Message] = []
    statuses: set[Status] = set()
    for look in looks:
        for status, one in _of_place(look, wanted, compared=around.secrets.vault_problem is None):
            statuses.add(status)
            says.append(one)
    found = next((status for status in (Status.BAD, Status.UNCLEAR) if status in statuses), Status.OK)
    step = None
    if around.secrets.vault_problem is not None:
        says.append(message("vault_not_compared", problem=problem(around.secrets.vault_problem, INFISICAL)))
        step = remedy(around.secrets.vault_problem, INFISICAL)
    step = _steps(unread) or step
    return ControlResult(status=found, says=says, next_step=step, command=command if found is Status.BAD else None)


def _nowhere(unread: Sequence[DestinationObservation]) -> ControlResult:
    """No place could be looked at."""
    return ControlResult(status=Status.NOT_DONE, says=[_unread(look) for look in unread], next_step=_steps(unread))


def _steps(unread: Sequence[DestinationObservation]) -> Message | None:
    """What to do about every service that did not answer."""
    first: dict[str, Message] = {}
    for look in unread:
        if look.problem is not None and look.site.service not in first:
            first[look.site.service] = remedy(look.problem, SERVICES[look.site.service])
    return message("steps", steps=list(first.values())) if first else None


def _unread(look: DestinationObservation) -> Message:
    service = SERVICES[look.site.service]
    told = problem(look.problem, service) if look.problem else message("problem_other", service=service.name, what="")
    return message("place_unread", place=look.site.uri, problem=told)


def _of_place(
    look: DestinationObservation, wanted: Collection[str], *, compared: bool
) -> Iterator[tuple[Status, Message]]:
    if look.problem is not None:
        yield Status.UNCLEAR, _unread(look)
    elif compared:
        for finding in look.findings:
            if finding.secret in wanted:
                yield _status(finding), _drift(finding)
    else:
        for name, one in look.observed.items():
            if name in wanted:
                key = "secret_there" if one.present else "secret_missing"
                status = Status.OK if one.present else Status.BAD
                yield status, message(key, name=name, place=look.site.uri)


def _status(finding: DriftFinding) -> Status:
    return Status.BAD if finding.status in DRIFTED else Status.OK


def _drift(finding: DriftFinding) -> Message:
    facts = {
        "name": finding.secret,
        "place": finding.uri,
        "version": finding.version,
        "newest": finding.newest,
        "reason": finding.reason,
    }
    older = finding.status is DriftStatus.BEHIND and finding.version is not None
    return Message("secret_behind_version" if older else f"secret_{finding.status.value}", facts)


# --- the app's data, its tests, pages ----------------------------------------------------------------------------


def _invariant(control: Control, around: ControlContext) -> ControlResult:
    checks = (one for one in around.card.checks if isinstance(one, InvariantCheck))
    check = next(one for one in checks if one.id == control.target)
    if not check.sql:
        return invariant_off(check.id)
    if around.count_rows is None:
        return no_database(around.database_setting)
    service = ServiceLabel(APP_DATABASE.name, around.database_setting)
    try:
        rows = around.count_rows(check.sql)
    except ReleaseguardError as error:
        return not_done(unless_refused(error), service)
    command = f"releaseguard verify --check {check.id}"
    if not rows:
        return ControlResult(status=Status.OK, says=[message("invariant_holds", title=check.title)])
    facts = {"rows": rows, "more": rows >= MOST_ROWS, "meaning": check.meaning}
    return ControlResult(status=Status.BAD, says=[Message("invariant_broken", facts)], command=command)


def _coverage(control: Control, around: ControlContext) -> ControlResult:
    provider = control.target or around.card.id
    command = "releaseguard coverage ."
    found = around.tests(provider)
    if found is None:
        return ControlResult(status=Status.PERSON, says=[message("coverage_run")], command=command)
    if not found:
        return ControlResult(status=Status.UNCLEAR, says=[message("no_test", provider=provider)], command=command)
    says = [message("tests", provider=provider, count=len(found))]
    return ControlResult(status=Status.OK, says=says, lines=list(found[:5]), command=command)


def _page(control: Control, _around: ControlContext) -> ControlResult:
    return ControlResult(status=Status.PERSON, says=[message("page")], url=control.target)


KINDS: Mapping[str, Callable[[Control, ControlContext], ControlResult]] = {
    "events": _events,
    "function_logs": _function_logs,
    "workflow_runs": _workflow_runs,
    "secret_present": _secret_present,
    "invariant": _invariant,
    "coverage": _coverage,
    "page": _page,
}
"""Every kind of control that a card may have, and what carries it out."""
