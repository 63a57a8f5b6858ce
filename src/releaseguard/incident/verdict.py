"""The result of an incident: whether anything is bad, broken or unknown."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.errors import ExitCode
from releaseguard.health.values import TROUBLED, HealthState, Why
from releaseguard.incident.values import CheckedControl, Incident, Match, Status


def exit_code(incident: Incident) -> ExitCode:
    """The exit code of the run."""
    if is_bad(incident):
        return ExitCode.BAD
    if is_broken(incident):
        return ExitCode.BUG
    return ExitCode.UNDECIDED if says_nothing(incident) else ExitCode.OK


def is_bad(incident: Incident) -> bool:
    """Whether the provider is in trouble, a symptom is there, or a control found something."""
    return (
        incident.condition.state in TROUBLED
        or any(one.match is Match.YES for one in incident.symptoms)
        or bool(found_bad(incident))
    )


def is_broken(incident: Incident) -> bool:
    """Whether a part could not be judged because of a bug in releaseguard."""
    keys = (one.key for control in incident.controls for one in control.finding.says)
    return incident.condition.grounds.why is Why.BROKEN or "problem.broken" in keys


def says_nothing(incident: Incident) -> bool:
    """Whether the log says too little to know the provider's condition."""
    return incident.condition.state is HealthState.UNKNOWN


def found_bad(incident: Incident) -> Sequence[CheckedControl]:
    """The controls that found something wrong."""
    return [one for one in incident.controls if one.finding.status is Status.BAD]
