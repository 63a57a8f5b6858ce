"""The first line of an incident, for a chat channel: what, since when, the likely cause."""

from __future__ import annotations

from releaseguard.health.telling import health_message
from releaseguard.health.values import TROUBLED, HealthState, Why
from releaseguard.incident.changes.cause import marked_after
from releaseguard.incident.values import Incident, Match, SymptomMatch
from releaseguard.incident.verdict import found_bad
from releaseguard.messages.localizer import Localizer
from releaseguard.messages.message import message

SHARED = 3
"""The number of providers in trouble at once from which their shared causes are looked at first."""


def headline(incident: Incident, localizer: Localizer) -> str:
    """The line in one language."""
    what = _what(incident, localizer)
    reason = _reason(incident, localizer)
    cause = _cause(incident, localizer)
    more = (one for one in (cause, _recovery(incident, localizer)) if one)
    return " ".join([f"{what}: {reason}.", *(f"{one[:1].upper()}{one[1:]}." for one in more)])


def _recovery(incident: Incident, localizer: Localizer) -> str:
    found = incident.recovered
    if found is None or incident.condition.state not in TROUBLED:
        return ""
    return localizer.phrase("head.recovered", since=found.since, calls=found.calls, failed=found.failed)


def _what(incident: Incident, localizer: Localizer) -> str:
    name, state, began = incident.card.name, incident.condition.state, incident.began
    if state in TROUBLED:
        if incident.before_window:
            return localizer.phrase("head.before", name=name, state=message(f"state.{state.value}"), since=began)
        return localizer.phrase(f"head.{state.value}", name=name, since=began)
    shown = _telling(incident)
    if shown is not None:
        return localizer.phrase("head.symptom", name=name, symptom=shown.symptom.text, since=began)
    if state is HealthState.UNKNOWN:
        return localizer.phrase("head.unknown", name=name)
    if incident.unreadable:
        return localizer.phrase("head.unread", name=name, rows=incident.unreadable)
    if incident.condition.grounds.why is Why.RECOVERED:
        return localizer.phrase("head.well_again", name=name)
    if bad := found_bad(incident):
        return localizer.phrase("head.found", name=name, count=len(bad))
    return localizer.phrase(f"head.{state.value}", name=name)


def _telling(incident: Incident) -> SymptomMatch | None:
    """The symptom that shows trouble of a provider that is well itself; ``None`` without one."""
    if incident.condition.state in TROUBLED:
        return None
    return next((one for one in incident.symptoms if one.match is Match.YES and one.since == incident.began), None)


def _reason(incident: Incident, localizer: Localizer) -> str:
    shown = _telling(incident)
    if shown is not None:
        return "; ".join(localizer.say(one) for one in shown.says)
    return localizer.say(health_message(incident.condition, brief=incident.condition.state in TROUBLED))


def _cause(incident: Incident, localizer: Localizer) -> str:
    if incident.began is None:
        return ""
    if len(incident.others) >= SHARED - 1 and incident.cause is None:
        names = [name for name, _ in incident.others]
        return localizer.phrase("likely.everyone", count=len(names), names=names)
    cause = incident.cause
    if cause is None:
        later = marked_after(incident.changes, incident.began)
        if later is None:
            return localizer.phrase("likely.nothing")
        return localizer.phrase("likely.marked_after", change=later.what, after=later.at - incident.began)
    before = incident.began - cause.at
    key = "likely.around" if before.total_seconds() < 60 else "likely.failed" if cause.went_wrong else "likely.change"
    return localizer.phrase(key, change=cause.what, before=before)
