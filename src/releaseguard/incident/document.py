"""The incident as the document that ``incident --json`` prints, in one language, which every format renders."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from releaseguard.cards.spec import Action
from releaseguard.health.interface import TROUBLED, HealthState, Why
from releaseguard.incident.values import ChangeRecord, CheckedControl, Incident, Match, Status, SymptomMatch
from releaseguard.incident.words import KINDS, MATCHES, STATES, STATUSES, Words
from releaseguard.model import from_text, to_text
from releaseguard.report.incident import ActionRow, ChangeRow, ControlRow, IncidentDocument, SymptomRow

SHARED = 3
"""Providers in trouble at once from which on what they share is looked at first."""


def document_of(incident: Incident, language: str, *, environment: str | None = None) -> IncidentDocument:
    """The incident as a value; ``environment`` goes into the commands where the user had named one."""
    words = Words(language, incident.until)
    health, condition = incident.health, incident.condition
    calls = health.successes + health.errors
    return {
        "provider": incident.card.id,
        "name": incident.card.name,
        "environment": incident.environment,
        "language": language,
        "as_of": to_text(incident.until),
        "window": [to_text(incident.since), to_text(incident.until)],
        "headline": headline(incident, words),
        "state": condition.state.value,
        "reason": words.health(condition),
        "began": _text(incident.began),
        "began_before_window": incident.before_window,
        "health": {
            "events": calls,
            "successes": health.successes,
            "errors": health.errors,
            "error_rate": round(health.errors / calls, 4) if calls else None,
            "usual_error_rate": None if health.usual_share is None else round(health.usual_share, 4),
            "expected_events": None if health.expected is None else round(health.expected, 1),
            "last_success": _text(health.glance.last_success),
            "last_error": _text(health.glance.last_error),
            "course": [{"successes": good, "errors": bad} for good, bad in health.course],
        },
        "others": [
            {"provider": name, "state": other.state.value, "since": _text(other.since), "reason": words.health(other)}
            for name, other in incident.others
        ],
        "changes": [_change(one, incident, words) for one in incident.changes],
        "unread": list(_unread(incident, words)),
        "symptoms": [_symptom(one, words) for one in incident.symptoms],
        "controls": [_control(one, words, environment) for one in incident.controls],
        "actions": list(_actions(incident.card.playbook.actions, words, environment)),
        "rules": [rule[language] for rule in incident.card.playbook.rules],
        "open": list(_open(incident, words)),
    }


def is_bad(incident: Incident) -> bool:
    """Whether the provider is in trouble, a symptom is there, or a control found something."""
    return (
        incident.condition.state in TROUBLED
        or any(one.match is Match.YES for one in incident.symptoms)
        or bool(_found_bad(incident))
    )


def is_broken(incident: Incident) -> bool:
    """Whether a part of it could not be judged for a bug of ours."""
    keys = (one.key for control in incident.controls for one in control.finding.says)
    return incident.condition.grounds.why is Why.BROKEN or "broken" in keys


def says_nothing(incident: Incident) -> bool:
    """Whether the log tells too little to know how the provider is."""
    return incident.condition.state is HealthState.UNKNOWN


def _found_bad(incident: Incident) -> Sequence[CheckedControl]:
    return [one for one in incident.controls if one.finding.status is Status.BAD]


# --- the first line ----------------------------------------------------------------------------------------------


def headline(incident: Incident, words: Words) -> str:
    """One line for the channel: what, since when, the likely cause."""
    what = _what(incident, words)
    reason = _reason(incident, words)
    cause = _cause(incident, words)
    return f"{what}: {reason}. {cause[:1].upper()}{cause[1:]}." if cause else f"{what}: {reason}."


def _what(incident: Incident, words: Words) -> str:
    name, state, began = incident.card.name, incident.condition.state, incident.began
    if state in TROUBLED:
        if incident.before_window:
            return words.phrase("head_before", name=name, state=words.pick(STATES[state]), since=began)
        return words.phrase(f"head_{state.value}", name=name, since=began)
    shown = _telling(incident)
    if shown is not None:
        return words.phrase("head_symptom", name=name, symptom=shown.symptom.text[words.language], since=began)
    if state is HealthState.UNKNOWN:
        return words.phrase("head_unknown", name=name)
    if bad := _found_bad(incident):
        return words.phrase("head_found", name=name, count=len(bad))
    return words.phrase(f"head_{state.value}", name=name)


def _telling(incident: Incident) -> SymptomMatch | None:
    """The symptom that shows trouble of a provider which itself is well."""
    if incident.condition.state in TROUBLED:
        return None
    return next((one for one in incident.symptoms if one.match is Match.YES and one.since == incident.began), None)


def _reason(incident: Incident, words: Words) -> str:
    shown = _telling(incident)
    if shown is not None:
        return "; ".join(words.say(one) for one in shown.says)
    return words.health(incident.condition, brief=incident.condition.state in TROUBLED)


def _cause(incident: Incident, words: Words) -> str:
    if incident.began is None:
        return ""
    if len(incident.others) >= SHARED - 1 and incident.cause is None:
        names = [name for name, _ in incident.others]
        return words.phrase("likely_everyone", count=len(names), names=names)
    cause = incident.cause
    if cause is None:
        return words.phrase("nothing_changed")
    before = incident.began - cause.at
    key = "likely_around" if before.total_seconds() < 60 else "likely_failed" if cause.went_wrong else "likely"
    return words.phrase(key, change=cause.what, before=before)


# --- the parts ---------------------------------------------------------------------------------------------------


def _change(change: ChangeRecord, incident: Incident, words: Words) -> ChangeRow:
    began = incident.began
    return {
        "at": to_text(change.at),
        "kind": change.kind.value,
        "what": words.say(change.what),
        "where": change.where,
        "url": change.url,
        "went_wrong": change.went_wrong,
        "before_s": None if began is None else round((began - change.at).total_seconds()),
        "likely": change is incident.cause,
    }


def _unread(incident: Incident, words: Words) -> Iterator[str]:
    """One sentence for each problem, with all the places that it hides."""
    places: dict[str, list[str]] = {}
    for one in incident.unread:
        places.setdefault(words.say(one.problem), []).append(one.place)
    for problem, hidden in places.items():
        yield f"{problem} ({', '.join(hidden)})"


def _symptom(one: SymptomMatch, words: Words) -> SymptomRow:
    return {
        "text": one.symptom.text[words.language],
        "match": one.match.value,
        "since": _text(one.since),
        "evidence": [words.say(part) for part in one.says],
    }


def _control(one: CheckedControl, words: Words, environment: str | None) -> ControlRow:
    finding = one.finding
    return {
        "text": one.control.text[words.language],
        "kind": one.control.kind,
        "target": one.control.target,
        "status": finding.status.value,
        "finding": [words.say(part) for part in finding.says],
        "lines": list(finding.lines),
        "next_step": words.say(finding.next_step) if finding.next_step else None,
        "command": in_environment(finding.command, environment),
        "url": finding.url,
    }


def _actions(actions: Sequence[Action], words: Words, environment: str | None) -> Iterator[ActionRow]:
    for number, action in enumerate(actions, 1):
        command = in_environment(action.command, environment)
        yield {"number": number, "text": action.text[words.language], "command": command}


def in_environment(command: str | None, environment: str | None) -> str | None:
    """A command of ours with the environment that the user works in."""
    if command is None or environment is None or not command.startswith("releaseguard "):
        return command
    takes_none = command.startswith("releaseguard coverage") or "--environment" in command
    return command if takes_none else f"{command} --environment {shlex.quote(environment)}"


def _open(incident: Incident, words: Words) -> Iterator[Mapping[str, Any]]:
    for leak in incident.health.leaks:
        at = from_text(leak["since"])
        yield {"text": words.phrase("open_leak", at=at, reason=leak["reason"]), "next_step": _closing(leak, words)}
    for one in incident.health.rotations:
        at = from_text(one["changed_at"])
        facts = {"rotation": one["rotation_id"], "state": one["state"], "at": at}
        yield {"text": words.phrase("open_rotation", **facts), "next_step": None}


def _closing(leak: Mapping[str, Any], words: Words) -> str:
    """What closes a leak: commands, in a sentence where there is more to do than run one."""
    step = str(leak["next_step"])
    *rotate, confirm = _COMMAND.findall(step) or [step]
    if step.startswith("releaseguard "):
        return step
    facts = {"provider": leak["provider"], "rotate": "".join(rotate), "confirm": confirm}
    return words.phrase("close_leak_by_rotation" if rotate else "close_leak", **facts)


_COMMAND = re.compile(r"releaseguard .+?(?=\. |$)")


def labels_of(incident: Incident, language: str) -> Mapping[str, str]:
    """The fixed words around the parts, for those who render the document."""
    words = Words(language, incident.until)
    undone = sum(one.finding.status is Status.NOT_DONE for one in incident.controls)
    return {
        **{key: words.phrase(key) for key in _FIXED},
        **{f"state_{state.value}": words.pick(pair) for state, pair in STATES.items()},
        **{f"status_{status.value}": words.pick(pair) for status, pair in STATUSES.items()},
        **{f"match_{match.value}": words.pick(pair) for match, pair in MATCHES.items()},
        **{f"kind_{kind.value}": words.pick(pair) for kind, pair in KINDS.items()},
        "title": words.phrase("title", name=incident.card.name, environment=incident.environment),
        "as_of": words.phrase("as_of", at=incident.until, since=incident.since),
        "undone": words.phrase("undone", count=undone) if undone else "",
    }


_FIXED = (
    *("from_events", "heading_changes", "heading_symptoms", "heading_controls", "heading_actions", "heading_rules"),
    *("heading_open", "heading_others", "no_changes", "not_looked", "next", "likely_mark", "open", "run"),
    "began_here",
)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
