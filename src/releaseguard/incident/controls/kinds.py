"""Every kind of control and the function that carries it out. A failing control does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from releaseguard.cards.spec import Control
from releaseguard.incident.controls import app, events, functions, platform, secrets, workflows
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import message


def carry_out(control: Control, around: ControlContext) -> ControlResult:
    """Carry out a control. Raises ``Refused`` only; every other error is part of the result."""
    result = KINDS[control.kind](control, around)
    shows_now = control.kind in _OF_THE_PRESENT and result.status in (Status.OK, Status.BAD, Status.UNCLEAR)
    if not (around.past and shows_now):
        return result
    return replace(result, says=[*result.says, message("control.as_it_is_now")])


_OF_THE_PRESENT = frozenset({"secret_present", "invariant", "coverage"})
"""Kinds whose services report only the present."""


KINDS: Mapping[str, Callable[[Control, ControlContext], ControlResult]] = {
    "events": events.events,
    "function_logs": functions.function_logs,
    "logs": platform.project_logs,
    "workflow_runs": workflows.workflow_runs,
    "secret_present": secrets.secret_present,
    "invariant": app.invariant,
    "coverage": app.coverage,
    "page": app.page,
}
"""Kind of control -> the function that carries it out."""
