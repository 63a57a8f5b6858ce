"""The post-mortem of one rotation: what happened when, how long it took, what was exposed, what is still open. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from releaseguard.audit import Finding, Lane, head_of
from releaseguard.model import Event, JsonObject, Outcome, to_text
from releaseguard.report.postmortem import Moment, PostmortemDocument, clock
from releaseguard.rotation.account import leak_row, rotation_row, who
from releaseguard.rotation.history import LEASE_EVENTS, Leg, RotationView, confirming, entries_of, fold, store_time
from releaseguard.rotation.leak import EVENT as EXPOSURE
from releaseguard.rotation.leak import summary
from releaseguard.rotation.values import Direction, State


def postmortem(
    lane: Lane,
    rotation_id: str,
    chain: Sequence[Event],
    *,
    exposures: Sequence[Event] = (),
    findings: Sequence[Finding] = (),
) -> PostmortemDocument:
    """The document of rotation ``rotation_id``, whose lane has this ``chain``.

    ``exposures`` are the reports of what the leak exposed, ``findings`` what is wrong with the chain itself.
    """
    view = fold(lane, chain)
    rotation = next(one for one in view.rotations if one.id == rotation_id)
    mine = [event for event in chain if event.detail.get("rotation_id") == rotation_id]
    exposure = _exposure(exposures)
    leaks = [leak for leak in view.open_leaks if leak.rotation_id == rotation_id]
    head = head_of(chain)
    return PostmortemDocument(
        title=_title(rotation),
        summary=_summary(lane, rotation),
        rotation=rotation_row(lane, rotation),
        times=_times(rotation, exposure),
        timeline=[*map(_moment, _worth_telling(mine))],
        by=list(dict.fromkeys(name for event in mine if (name := who(event.detail.get("holder"))))),
        destinations=_destinations(rotation),
        exposure=exposure,
        exposure_lines=list(summary(exposure)) if exposure else [],
        open=[str(leak_row(lane, leak)["next_step"]) for leak in leaks] or _what_is_open(lane, rotation),
        head=str(head) if head else None,
        findings=[f"step {finding.step} {finding.problem}" for finding in findings],
    )


def _title(rotation: RotationView) -> str:
    kind = "Leak of" if rotation.leak else "Rotation of"
    return f"{kind} {rotation.unit}"


_ENDINGS: Mapping[State, str] = {
    State.PROVEN: "The new version is proven to work; the old key has not been confirmed as revoked yet.",
    State.UNPROVEN: "The new version is deployed, but the app's own events do not prove that it works.",
    State.ROLLED_BACK: "It was rolled back to the previous version.",
    State.ABORTED: "It was given up.",
    State.FAILED: "It failed.",
    State.WAITING_APPROVAL: "It waits for an approval in Infisical.",
    State.WAITING_CONSOLE: "It waits for a person to set the value at the provider.",
}


def _summary(lane: Lane, rotation: RotationView) -> str:
    ending = _retirement(rotation) or _ENDINGS.get(rotation.state, f"It has come as far as {rotation.state.value}.")
    cause = f"{lane.provider} in {lane.environment}"
    if rotation.leak:
        known = ", ".join(_version(name, number) for name, number in sorted(rotation.leak.versions.items()))
        cause += f": {known} became known to strangers ({rotation.leak.reason})"
    elif rotation.reason:
        cause += f": {rotation.reason}"
    because = f" Reason: {rotation.ended_because}." if rotation.ended_because else ""
    return f"{cause}. {ending}{because}"


def _retirement(rotation: RotationView) -> str | None:
    """How it ended, once a person said that the key is revoked: that says nothing about the new one."""
    if rotation.state is not State.RETIRED:
        return None
    if rotation.rolling_back:
        return "It was rolled back to the previous version; the one taken back is confirmed as revoked."
    if rotation.proven_at is None:
        return "The old key is confirmed as revoked; the app's own events do not prove that the new version works."
    return "The new version is proven to work and the old key is confirmed as revoked."


def _version(name: str, number: int | None) -> str:
    return f"{name} version {number}" if number is not None else f"{name} (version unknown)"


def _times(rotation: RotationView, exposure: JsonObject | None) -> Mapping[str, Any]:
    forward = rotation.leg(Direction.FORWARD)
    moments = {
        "in_use_since": exposure.get("used_since") if exposure else None,
        "began_at": to_text(rotation.began_at),
        "pushed_at": _text(forward.pushed_at),
        "deployed_at": _text(forward.deployed_at),
        "proven_at": _text(rotation.proven_at),
        "revoked_at": _text(rotation.revoked_at),
    }
    return {
        **moments,
        "to_contain_s": _seconds(rotation.began_at, rotation.proven_at),
        "to_revoke_s": _seconds(rotation.began_at, rotation.revoked_at),
    }


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None


def _seconds(start: datetime, end: datetime | None) -> int | None:
    return round((end - start).total_seconds()) if end else None


def _destinations(rotation: RotationView) -> Sequence[Mapping[str, str]]:
    legs: Mapping[Direction, Leg] = rotation.legs
    return [
        {"uri": key, "direction": direction.value, "status": carried.status, "problem": carried.problem or ""}
        for direction, leg in legs.items()
        for key, carried in sorted(leg.places.items())
    ]


def _exposure(events: Sequence[Event]) -> JsonObject | None:
    newest = max(events, key=lambda event: event.occurred_at, default=None)
    found = newest.detail.get("exposure") if newest and newest.event == EXPOSURE else None
    return found if isinstance(found, Mapping) else None


def _what_is_open(lane: Lane, rotation: RotationView) -> Sequence[str]:
    command = f"releaseguard rotate {lane.provider} --environment {lane.environment}"
    names = [pin.name for pin in rotation.pins]
    contradicted = rotation.confirmations and rotation.confirmations[-1].old_successes
    if rotation.state is State.PROVEN or contradicted:
        return [f"Revoke the old key at {lane.provider}, then: {confirming(lane, names)}"]
    return [] if rotation.finished else [f"{command} --resume", *rotation.proof.missing]


# --- The timeline


def _worth_telling(events: Sequence[Event]) -> Sequence[Event]:
    """Without renewals of the lease, and of the writes that began only those whose end is not told."""
    ended = {
        (entry.get("destination"), event.detail.get("direction"))
        for event in events
        if event.event in ("destination_push_finished", "destination_push_failed")
        for entry in entries_of(event.detail)
    }
    told = [event for event in events if event.event not in LEASE_EVENTS or event.event == "rotation_lease_taken"]
    return [left for event in told if (left := _without_ended(event, ended))]


def _without_ended(event: Event, ended: Container[tuple[object, object]]) -> Event | None:
    if event.event != "destination_push_started":
        return event
    direction = event.detail.get("direction")
    left = [entry for entry in entries_of(event.detail) if (entry.get("destination"), direction) not in ended]
    return replace(event, detail={**event.detail, "destinations": left}) if left else None


def _moment(event: Event) -> Moment:
    tell = _WORDS.get(event.event)
    text = tell(event.detail) if tell else event.event.replace("_", " ")
    bad = event.event.endswith("_failed") or event.outcome is Outcome.ERROR or bool(event.detail.get("old_successes"))
    back = " (on the way back)" if event.detail.get("direction") == Direction.BACK.value else ""
    step = event.detail.get("step")
    return Moment(
        at=to_text(store_time(event)), what=text + back, bad=bad, step=step if isinstance(step, int) else None
    )


def _places_of(detail: JsonObject) -> str:
    return ", ".join(str(entry.get("destination")) for entry in entries_of(detail))


def _planned(detail: JsonObject) -> str:
    leak = detail.get("leak")
    return (
        f"Leak reported: {leak.get('reason')}"
        if isinstance(leak, Mapping)
        else f"Rotation of {detail.get('unit')} began"
    )


def _staged(detail: JsonObject) -> str:
    secrets: Sequence[Mapping[str, Any]] = detail.get("secrets", ())
    pinned = ", ".join(
        f"{one.get('name')} {one.get('from_version') or '?'} → {one.get('to_version')}" for one in secrets
    )
    return f"Versions pinned: {pinned}" if pinned else "Nothing to write: the steps are a person's"


def _deployment(phase: str) -> Callable[[JsonObject], str]:
    def tell(detail: JsonObject) -> str:
        words = [f"Deployment of {detail.get('place')} ({detail.get('target')}) {phase}"]
        words += [f"as {detail['deployment_id']}"] if detail.get("deployment_id") else []
        words += [f": {detail['reason']}"] if detail.get("reason") else []
        return " ".join(words).replace(" : ", ": ")

    return tell


def _proof(detail: JsonObject) -> str:
    return f"grade {detail.get('grade')}, {len(detail.get('events', ()))} events of the app"


def _missing(detail: JsonObject) -> str:
    return f"Not proven: {'; '.join(map(str, detail.get('missing', ()))) or 'no evidence'}"


def _because(words: str) -> Callable[[JsonObject], str]:
    return lambda detail: f"{words}: {detail['reason']}" if detail.get("reason") else words


def _retired(detail: JsonObject) -> str:
    old = detail.get("old_successes")
    after = f"; {old} successes with it occurred after that" if old else ""
    return f"The old key was confirmed as revoked ({clock(str(detail.get('revoked_at')))}){after}"


_WORDS: Mapping[str, Callable[[JsonObject], str]] = {
    "rotation_planned": _planned,
    "rotation_staged": _staged,
    "rotation_lease_taken": lambda detail: f"Taken up by {who(detail.get('holder'))}",
    "rotation_waiting_approval": lambda _: "Waiting for an approval in Infisical",
    "rotation_waiting_console": lambda _: "Waiting for a person to set the value at the provider",
    "rotation_console_confirmed": lambda _: "A person confirmed that the provider has the value",
    "destination_push_started": lambda detail: f"Writing to {_places_of(detail)} began, and was not finished",
    "destination_push_finished": lambda detail: f"Written to {_places_of(detail)}",
    "destination_push_failed": lambda detail: f"Not written to {detail.get('destination')}: {detail.get('problem')}",
    "rotation_pushed": lambda _: "Every destination is written",
    "deployment_requested": _deployment("requested"),
    "deployment_created": _deployment("created"),
    "deployment_ready": _deployment("ready"),
    "deployment_failed": _deployment("failed"),
    "rotation_deployed": lambda _: "The app runs with the new version",
    "rotation_proven": lambda detail: f"Proven by {_proof(detail)}",
    "rotation_unproven": _missing,
    "rotation_retired": _retired,
    "rotation_rolling_back": _because("Rolling back"),
    "rotation_rolled_back": _because("Rolled back"),
    "rotation_failed": _because("Failed"),
    "rotation_aborted": _because("Given up"),
    "rotation_continued": lambda detail: _planned(detail) if detail.get("leak") else "Taken up again after a failure",
}
