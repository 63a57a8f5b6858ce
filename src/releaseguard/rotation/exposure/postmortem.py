"""The post-mortem of one rotation: what happened when, how long it took, what was exposed, what is still open. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from msgspec import structs

from releaseguard import readable
from releaseguard.audit.chain import ChainKey
from releaseguard.audit.histories import Chain, ChainFinding
from releaseguard.messages.typed import typed
from releaseguard.model import Event, Outcome, to_text
from releaseguard.report.postmortem.document import PostmortemDocument, TimelineEntry, TimesRow, TrafficRow, clock
from releaseguard.rotation.certificate.telling import document_of
from releaseguard.rotation.exposure.report import StoredExposure, report_in
from releaseguard.rotation.exposure.sentences import summary
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.account import leak_row, rotation_row, who
from releaseguard.rotation.history.fold import view_of
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.rows import parse
from releaseguard.rotation.history.sentences import confirming
from releaseguard.rotation.history.views import DirectionProgress, RotationView, store_time
from releaseguard.rotation.values import Direction, RotationState

FOLDER = "postmortems"
"""The folder of post-mortems, next to the configuration file."""


def postmortem(
    chain: Chain,
    rotation_id: str,
    *,
    exposures: Sequence[Event] = (),
    findings: Sequence[ChainFinding] = (),
    traffic: Callable[[ChainKey, RotationView], TrafficRow | None] = lambda *_: None,
) -> PostmortemDocument:
    """The document of rotation ``rotation_id``, which is in ``chain``.

    ``exposures`` are the reports of what the leak exposed, ``findings`` the faults of the chain itself; ``traffic``
    returns the provider's traffic during the rotation.
    """
    chain_key, view = chain.chain_key, view_of(chain)
    rotation = next(one for one in (*view.rotations, *view.reports) if one.id == rotation_id)
    mine = [_Told(row, parse(row)) for row in chain.steps if row.detail.get("rotation_id") == rotation_id]
    exposure = _exposure(exposures)
    leaks = [leak for leak in open_leaks(view) if leak.rotation_id == rotation_id]
    head = chain.head
    return PostmortemDocument(
        title=_title(rotation),
        summary=_summary(chain_key, rotation),
        rotation=rotation_row(chain_key, rotation),
        times=_times(rotation, exposure),
        timeline=[*map(_moment, _worth_telling(mine))],
        traffic=traffic(chain_key, rotation),
        by=list(dict.fromkeys(name for one in mine if (name := who(one.step.holder)))),
        destinations=_destinations(rotation),
        exposure=exposure.stored if exposure else None,
        exposure_lines=list(summary(exposure.report)) if exposure else [],
        certificate=document_of(rotation.certificate) if rotation.certificate else None,
        open=[leak_row(chain_key, leak)["next_step"] for leak in leaks] or _what_is_open(chain_key, rotation),
        head=str(head) if head else None,
        findings=[f"step {finding.step} {finding.problem}" for finding in findings],
    )


def _title(rotation: RotationView) -> str:
    kind = "Leak of" if rotation.leak or rotation.reported else "Rotation of"
    return f"{kind} {rotation.unit}"


_ENDINGS: Mapping[RotationState, str] = {
    RotationState.PROVEN: "The new version is proven to work; the old key has not been confirmed as revoked yet.",
    RotationState.UNPROVEN: "The new version is deployed, but the app's own events do not prove that it works.",
    RotationState.ROLLED_BACK: "It was rolled back to the previous version.",
    RotationState.ABORTED: "It was given up.",
    RotationState.FAILED: "It failed.",
    RotationState.WAITING_APPROVAL: "It waits for an approval in the vault.",
    RotationState.WAITING_CONSOLE: "It waits for a person to set the value at the provider.",
}


def _summary(chain_key: ChainKey, rotation: RotationView) -> str:
    ending = (
        _of_a_report(rotation)
        or _retirement(rotation)
        or _ENDINGS.get(rotation.state, f"It has come as far as {rotation.state.value}.")
    )
    cause = f"{chain_key.provider} in {chain_key.environment}"
    if rotation.leak:
        known = ", ".join(_version(name, number) for name, number in sorted(rotation.leak.versions.items()))
        cause += f": {known} was exposed ({typed(rotation.leak.reason)})"
    elif rotation.reason:
        cause += f": {typed(rotation.reason)}"
    if rotation.withdrawn:
        ending = f"{ending} {_taken_back(rotation.withdrawn.reason)}."
    because = f" Reason: {rotation.ended_because}." if rotation.ended_because else ""
    return f"{cause}. {ending}{because}"


def _of_a_report(rotation: RotationView) -> str | None:
    """How a leak stands that no rotation was begun for."""
    if not rotation.reported or rotation.state is RotationState.RETIRED:
        return None
    if rotation.contained_at:
        return "Another value is proven to be out; the one that leaked has not been confirmed as revoked yet."
    return "It was reported, and nothing could be rotated then." if rotation.leak else "Nothing was rotated."


def _taken_back(reason: str) -> str:
    return f"The report of the leak was taken back: {typed(reason)}"


def _retirement(rotation: RotationView) -> str | None:
    """How it ended once a person confirmed the revocation, which says nothing about the new value."""
    if rotation.state is not RotationState.RETIRED:
        return None
    if rotation.confirmations and rotation.confirmations[-1].old_successes:
        return "The old key was confirmed as revoked, and has been used since: see what is still open."
    if rotation.reported:
        return "The value that leaked is confirmed as revoked."
    if rotation.rolling_back:
        return "It was rolled back to the previous version; the one taken back is confirmed as revoked."
    if rotation.proven_at is None:
        return "The old key is confirmed as revoked; the app's own events do not prove that the new version works."
    return "The new version is proven to work and the old key is confirmed as revoked."


def _version(name: str, number: int | None) -> str:
    return f"{name} version {number}" if number is not None else f"{name} (version unknown)"


def _times(rotation: RotationView, exposure: StoredExposure | None) -> TimesRow:
    forward = rotation.progress(Direction.FORWARD)
    return {
        "in_use_since": exposure.report.used_since if exposure else None,
        "began_at": to_text(rotation.began_at),
        "pushed_at": _text(forward.pushed_at),
        "deployed_at": _text(forward.deployed_at),
        "proven_at": _text(rotation.proven_at),
        "revoked_at": _text(rotation.revoked_at),
        "to_contain_s": _seconds(rotation.began_at, rotation.proven_at),
        "to_revoke_s": _seconds(rotation.began_at, rotation.revoked_at),
    }


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None


def _seconds(start: datetime, end: datetime | None) -> int | None:
    return round((end - start).total_seconds()) if end else None


def _destinations(rotation: RotationView) -> Sequence[Mapping[str, str]]:
    directions: Mapping[Direction, DirectionProgress] = rotation.directions
    return [
        {"uri": key, "direction": direction.value, "status": carried.status, "problem": carried.problem or ""}
        for direction, progress in directions.items()
        for key, carried in sorted(progress.destinations.items())
    ]


def _exposure(events: Sequence[Event]) -> StoredExposure | None:
    newest_first = sorted(events, key=lambda event: event.occurred_at, reverse=True)
    return next((report for event in newest_first if (report := report_in(event))), None)


def _what_is_open(chain_key: ChainKey, rotation: RotationView) -> Sequence[str]:
    command = f"releaseguard rotate {chain_key.provider} --environment {chain_key.environment}"
    names = [pin.name for pin in rotation.pins]
    contradicted = rotation.confirmations and rotation.confirmations[-1].old_successes
    if rotation.state is RotationState.PROVEN or contradicted:
        return [f"Revoke the old key at {chain_key.provider}, then: {confirming(chain_key, names)}"]
    return [] if rotation.finished else [f"{command} --resume", *rotation.proof.missing]


@dataclass(frozen=True, slots=True)
class _Told:
    """A believed step of the rotation: its row, and its typed value."""

    row: Event
    step: said.ChainStep


def _worth_telling(told: Sequence[_Told]) -> Sequence[_Told]:
    """The steps without lease renewals, and without started writes whose end is known."""
    ended = {pair for one in told for pair in _ended(one.step)}
    quiet = said.LeaseRenewed | said.LeaseReleased | said.LeakExposed
    return [left for one in told if not isinstance(one.step, quiet) and (left := _without_ended(one, ended))]


def _ended(step: said.ChainStep) -> Iterable[tuple[str, Direction]]:
    if isinstance(step, said.PushFinished):
        yield from ((one.destination, step.direction) for one in step.destinations)
    elif isinstance(step, said.PushFailed):
        yield step.destination, step.direction


def _without_ended(told: _Told, ended: Container[tuple[str, Direction]]) -> _Told | None:
    step = told.step
    if not isinstance(step, said.PushStarted):
        return told
    left = tuple(one for one in step.destinations if (one.destination, step.direction) not in ended)
    return replace(told, step=structs.replace(step, destinations=left)) if left else None


def _moment(told: _Told) -> TimelineEntry:
    step, row = told.step, told.row
    tell = _WORDS.get(type(step))
    text = tell(step) if tell else step.name.replace("_", " ")
    contradicted = isinstance(step, said.Retired) and bool(step.old_successes)
    bad = step.name.endswith("_failed") or row.outcome is Outcome.ERROR or contradicted
    back = isinstance(step, said.Directed) and step.direction is Direction.BACK
    return TimelineEntry(
        at=to_text(store_time(row)),
        what=text + (" (on the way back)" if back else ""),
        bad=bad,
        step=row.detail["step"],
    )


def _places_of(step: said.PushStarted | said.PushFinished) -> str:
    return ", ".join(one.destination for one in step.destinations)


def _planned(step: said.Planned) -> str:
    return f"Leak reported: {typed(str(step.leak.reason))}" if step.leak else f"Rotation of {step.unit} began"


def _staged(step: said.Staged) -> str:
    pinned = ", ".join(f"{one.name} {one.from_version or '?'} → {one.to_version}" for one in step.secrets)
    return f"Versions pinned: {pinned}" if pinned else "Nothing to write: the steps are a person's"


def _deployment(phase: str) -> Callable[[said.DeploymentEvent], str]:
    def tell(step: said.DeploymentEvent) -> str:
        made = step.deployment_id if isinstance(step, said.DeploymentMade) else None
        reason = step.reason if isinstance(step, said.DeploymentFailed) else None
        words = f"Deployment of {step.place} ({step.target}) {phase}{f' as {made}' if made else ''}"
        return f"{words}: {reason}" if reason else words

    return tell


def _proof(step: said.Proven) -> str:
    return f"grade {step.grade}, {readable.count(len(step.events), 'event')} of the app"


def _because(words: str) -> Callable[[Any], str]:
    return lambda step: f"{words}: {step.reason}" if step.reason else words


def _retired(step: said.Retired) -> str:
    old = step.old_successes
    after = f"; {readable.count(old, 'success')} with it occurred after that" if old else ""
    return f"The old key was confirmed as revoked ({clock(str(step.revoked_at))}){after}"


def _continued(step: said.Continued) -> str:
    return f"Leak reported: {typed(str(step.leak.reason))}" if step.leak else "Taken up again after a failure"


_WORDS: Mapping[type[said.ChainStep], Callable[[Any], str]] = {
    said.Planned: _planned,
    said.Staged: _staged,
    said.LeaseTaken: lambda step: f"Taken up by {who(step.holder)}",
    said.WaitingApproval: lambda _: "Waiting for an approval in the vault",
    said.WaitingConsole: lambda _: "Waiting for a person to set the value at the provider",
    said.ConsoleConfirmed: lambda _: "A person confirmed that the provider has the value",
    said.PushStarted: lambda step: f"Writing to {_places_of(step)} began, and was not finished",
    said.PushFinished: lambda step: f"Written to {_places_of(step)}",
    said.PushFailed: lambda step: f"Not written to {step.destination}: {step.problem}",
    said.Pushed: lambda _: "Every destination is written",
    said.DeploymentRequested: _deployment("requested"),
    said.DeploymentCreated: _deployment("created"),
    said.DeploymentReady: _deployment("ready"),
    said.DeploymentFailed: _deployment("failed"),
    said.Deployed: lambda _: "The app runs with the new version",
    said.Proven: lambda step: f"Proven by {_proof(step)}",
    said.Unproven: lambda step: f"Not proven: {'; '.join(step.missing) or 'no evidence'}",
    said.Retired: _retired,
    said.RollingBack: _because("Rolling back"),
    said.RolledBack: _because("Rolled back"),
    said.RotationFailed: _because("Failed"),
    said.Aborted: _because("Given up"),
    said.Continued: _continued,
    said.LeakReported: lambda step: (
        f"Leak reported: {typed(str(step.leak.reason))}; nothing was rotated: {step.problem}"
    ),
    said.LeakWithdrawn: lambda step: _taken_back(step.reason),
}
