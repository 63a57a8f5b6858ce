"""The control of a function's deployment, its calls and the newest lines of its log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from releaseguard import readable
from releaseguard.cards.spec import Control
from releaseguard.errors import ReleaseguardError
from releaseguard.functions.interface import Calls, EdgeFunction
from releaseguard.health.errors import SURE
from releaseguard.health.values import TROUBLED
from releaseguard.health.window import UNKNOWN_SHARE
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.sources.outside import Project
from releaseguard.incident.sources.problems import not_configured, not_done, problem, remedy
from releaseguard.incident.sources.secrets import unless_refused
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import Counted, Message, message
from releaseguard.stats.bounds import lower_share
from releaseguard.tomlfile import nearest

MOST_LINES = 8
"""The most log lines shown for one function."""


def function_logs(control: Control, around: ControlContext) -> ControlResult:
    """The deployment, calls and log lines of the control's function, in the first project that has it."""
    name = control.target or ""
    if not around.projects:
        return not_configured("project", around.destinations_setting("project"))
    known: set[str] = set()
    failures: list[ControlResult] = []
    for project in around.projects:
        try:
            functions = {one.name: one for one in project.functions()}
            if name in functions:
                return _logs_of(project, functions[name], around)
        except ReleaseguardError as error:
            failures.append(not_done(unless_refused(error), project.service))
        else:
            known |= {*functions}
    return failures[0] if failures else _not_deployed(name, known, around)


def _not_deployed(name: str, known: set[str], around: ControlContext) -> ControlResult:
    says = [message("function.absent", function=name, places=[project.place for project in around.projects])]
    if close := nearest(name, known):
        says.append(message("function.nearest", function=close))
    step = message("remedy.function", function=name, card=around.card.id)
    return ControlResult(status=Status.BAD, says=says, next_step=step)


def _logs_of(project: Project, function: EdgeFunction, around: ControlContext) -> ControlResult:
    logs = project.logs()
    url = logs.page(function)
    says = list(_state(logs.place, function))
    bad = not function.active
    try:
        counted = None if around.past else logs.statistics(function)
        calls = logs.calls(function, around.since, around.until)
        lines = logs.troubles(function, around.since, around.until, MOST_LINES)
    except ReleaseguardError as error:
        unless_refused(error)
        says.append(problem(error, project.service))
        status = Status.BAD if bad else Status.NOT_DONE
        return ControlResult(status=status, says=says, next_step=remedy(error, project.service), url=url)
    says += _said_of(calls, around.since)
    if counted:
        says.append(message("function.statistics", failed=counted.failed, total=counted.total))
    if lines:
        says.append(message("function.lines", count=len(lines)))
    shown = [around.scrub(f"{readable.clock(line.at, seconds=True)} {line.level}: {line.text}") for line in lines]
    bad = bad or _many_failed(calls) or (counted is not None and _many_failed(counted))
    troubled = around.health.condition.state in TROUBLED and any(line.level == "error" for line in lines)
    return ControlResult(status=Status.BAD if bad or troubled else Status.OK, says=says, lines=shown, url=url)


def _state(place: str, function: EdgeFunction) -> Iterator[Message]:
    facts = {"function": function.name, "place": place, "version": function.version}
    if function.changed_at is None:
        yield Message("function.state", facts)
    else:
        yield Message("function.deployed", {**facts, "at": function.changed_at})
    if not function.active:
        yield message("function.inactive", state=function.state or "?")


def _said_of(calls: Calls, since: datetime) -> Iterator[Message]:
    if not calls.total:
        yield message("function.no_calls", since=since)
        return
    yield message("function.calls", since=since, failed=calls.failed, total=calls.total)
    if calls.statuses:
        yield message("function.statuses", statuses=[Counted(*one) for one in sorted(calls.statuses.items())])


def _many_failed(calls: Calls) -> bool:
    """Whether more calls failed than is usual without a known history, beyond chance; the same rule as the health
    judge's."""
    return bool(calls.total) and lower_share(calls.failed, calls.total, SURE) > UNKNOWN_SHARE
