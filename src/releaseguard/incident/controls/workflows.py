"""The control of the newest runs of a workflow."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.cards.spec import Control
from releaseguard.ci.interface import WorkflowRun
from releaseguard.errors import ReleaseguardError
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.sources.problems import not_configured, not_done
from releaseguard.incident.sources.secrets import unless_refused
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import Fact, Message, message

SHOWN_RUNS = 3


def workflow_runs(control: Control, around: ControlContext) -> ControlResult:
    """The runs of the control's workflow, under any of its names, in all repositories together."""
    workflow = " / ".join(control.names)
    if not around.repositories:
        return not_configured("repository", around.destinations_setting("repository"))
    runs: list[WorkflowRun] = []
    known = False
    failures: list[ControlResult] = []
    for repository in around.repositories:
        try:
            found = [ran for name in control.names if (ran := repository.newest(name)) is not None]
        except ReleaseguardError as error:
            failures.append(not_done(unless_refused(error), repository.service))
            continue
        known = known or bool(found)
        runs += [run for ran in found for run in ran if run.started_at < around.until]
    if runs:
        return _runs(sorted(runs, key=lambda run: run.changed_at, reverse=True), around)
    if failures:
        return failures[0]
    key = "workflow.never_ran" if known else "workflow.absent"
    says = [message(key, workflow=workflow, places=[one.place for one in around.repositories])]
    if known:
        return ControlResult(status=Status.OK, says=says)
    step = message("remedy.workflow", workflow=workflow, card=around.card.id)
    return ControlResult(status=Status.NOT_DONE, says=says, next_step=step)


def _runs(runs: Sequence[WorkflowRun], around: ControlContext) -> ControlResult:
    says = [_run(run, around) for run in runs[:SHOWN_RUNS]]
    ended = next((run for run in runs if run.conclusion), None)
    bad = ended is not None and ended.went_wrong
    return ControlResult(status=Status.BAD if bad else Status.OK, says=says, url=runs[0].url or None)


def _run(run: WorkflowRun, around: ControlContext) -> Message:
    if run.conclusion is None:
        return message("run.goes_on", number=run.number, at=run.started_at, status=run.status, place=run.place)
    facts: dict[str, Fact] = {
        "number": run.number,
        "at": run.changed_at,
        "conclusion": run.conclusion,
        "place": run.place,
    }
    key = "run.failed" if run.went_wrong else "run.ended"
    if around.began is not None and run.changed_at <= around.began:
        return Message(f"{key}_before", {**facts, "before": around.began - run.changed_at})
    return Message(key, facts)
