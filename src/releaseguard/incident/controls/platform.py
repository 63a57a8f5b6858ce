"""The control of the logs of a project's platform: its API, database, sign-in and storage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from releaseguard import readable
from releaseguard.cards.spec import Control
from releaseguard.errors import ReleaseguardError
from releaseguard.functions.interface import PlatformLog
from releaseguard.health.values import TROUBLED
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.sources.outside import Project
from releaseguard.incident.sources.problems import not_configured, not_done
from releaseguard.incident.sources.secrets import unless_refused
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import Message, message

MOST_ERRORS = 100
"""The most errors requested from each log."""
MOST_SHOWN = 3
"""The most errors shown of each log, the newest."""


def project_logs(control: Control, around: ControlContext) -> ControlResult:
    """The errors in the logs of every configured project, newest last."""
    if not around.projects:
        nowhere = not_configured("project", around.destinations_setting("project"))
        return replace(nowhere, url=control.target)
    results = [_of_project(project, around) for project in around.projects]
    read = [one for one in results if one.status is not Status.NOT_DONE]
    if not read:
        return replace(results[0], url=results[0].url or control.target)
    bad = any(one.status is Status.BAD for one in read)
    return ControlResult(
        status=Status.BAD if bad else Status.OK,
        says=[said for one in results for said in one.says],
        lines=[line for one in read for line in one.lines],
        next_step=next((one.next_step for one in results if one.next_step), None),
        url=read[0].url,
    )


def _of_project(project: Project, around: ControlContext) -> ControlResult:
    try:
        logs = project.logs()
        found = logs.platform(around.since, around.until, MOST_ERRORS)
    except ReleaseguardError as error:
        return not_done(unless_refused(error), project.service)
    some = any(one.newest for one in found)
    # A project at rest logs errors too: they are a finding where the provider is in trouble.
    bad = some and around.health.condition.state in TROUBLED
    return ControlResult(
        status=Status.BAD if bad else Status.OK,
        says=list(_says(project, found, around)),
        lines=list(_lines(found, around)),
        url=logs.platform_page(),
    )


def _says(project: Project, found: Sequence[PlatformLog], around: ControlContext) -> Iterator[Message]:
    clean = [one.name for one in found if not one.newest]
    for one in found:
        if one.newest:
            key = "platform.errors_at_least" if len(one.newest) >= MOST_ERRORS else "platform.errors"
            yield message(key, log=one.name, place=project.place, count=len(one.newest), since=around.since)
    if clean:
        yield message("platform.clean", logs=clean, place=project.place, since=around.since)


def _lines(found: Sequence[PlatformLog], around: ControlContext) -> Iterator[str]:
    for one in found:
        for line in one.newest[-MOST_SHOWN:]:
            at = readable.clock(line.at, seconds=True)
            yield around.scrub(f"{at} {one.name} {line.level}: {line.text}")
