"""The control of the provider's events in the event log."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.cards.spec import Control
from releaseguard.health.telling import health_message
from releaseguard.health.values import TROUBLED, HealthState
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.evidence import IncidentEvidence, codes_of, refused_versions
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import Message, message

MOST_CODES = 5


def events(_control: Control, around: ControlContext) -> ControlResult:
    """The provider's condition, each writer's share in it, and the newest errors."""
    condition, evidence = around.health.condition, around.evidence
    bad = condition.state in TROUBLED
    status = Status.BAD if bad else Status.UNCLEAR if condition.state is HealthState.UNKNOWN else Status.OK
    says = [health_message(condition), *(_source(source, *told) for source, told in evidence.by_source.items())]
    if evidence.errors:
        says.append(message("events.error_codes", codes=codes_of(evidence.errors)[:MOST_CODES]))
    says += _refused(evidence)
    last = around.health.glance.last_success
    if bad and last is not None:
        says.append(message("events.last_success", at=last))
    command = f"releaseguard events list --provider {around.card.id}"
    return ControlResult(status=status, says=says, lines=evidence.newest_errors, command=command)


def _refused(evidence: IncidentEvidence) -> Iterator[Message]:
    """Which version of the secret the refused calls carried: a revoked one, or a new one that does not work."""
    if versions := refused_versions(evidence):
        yield message("events.refused_versions", versions=versions[:MOST_CODES])
    if unlabelled := evidence.refused.get("", 0):
        yield message("events.refused_unlabelled", count=unlabelled)


def _source(source: str, calls: int, failed: int) -> Message:
    if source == "client":
        named: str | Message = message("events.from_phones")
    else:
        named = source or message("events.from_nobody")
    key = "events.source_failed" if failed else "events.source_ok"
    return message(key, source=named, calls=calls, failed=failed)
