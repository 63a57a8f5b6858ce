"""The control of the provider's secrets at each of its destinations, compared with the vault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from releaseguard.cards.spec import Control
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.sources.problems import ServiceLabel, not_configured, problem, remedy
from releaseguard.incident.sources.secrets import DestinationObservation
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import Message, message
from releaseguard.rotation.drift.compare import DRIFTED, DriftFinding, DriftStatus


def secret_present(control: Control, around: ControlContext) -> ControlResult:
    """Whether they exist, in the vault's newest version where the vault can be read."""
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
        vault = around.secrets.vault_service
        says.append(message("secret.not_compared", problem=problem(around.secrets.vault_problem, vault)))
        step = remedy(around.secrets.vault_problem, vault)
    step = _steps(unread) or step
    return ControlResult(status=found, says=says, next_step=step, command=command if found is Status.BAD else None)


def _nowhere(unread: Sequence[DestinationObservation]) -> ControlResult:
    """The result where no place could be read."""
    return ControlResult(status=Status.NOT_DONE, says=[_unread(look) for look in unread], next_step=_steps(unread))


def _steps(unread: Sequence[DestinationObservation]) -> Message | None:
    """What to do about the services that did not answer; ``None`` where all did."""
    first: dict[ServiceLabel, Message] = {}
    for look in unread:
        if look.problem is not None and look.site.service not in first:
            first[look.site.service] = remedy(look.problem, look.site.service)
    return message("remedy.several", steps=list(first.values())) if first else None


def _unread(look: DestinationObservation) -> Message:
    service = look.site.service
    told = problem(look.problem, service) if look.problem else message("problem.other", service=service.name, what="")
    return message("problem.at_place", place=look.site.uri, problem=told)


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
                key = "secret.there" if one.present else "secret.missing"
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
    return Message("secret.behind_version" if older else f"secret.{finding.status.value}", facts)
