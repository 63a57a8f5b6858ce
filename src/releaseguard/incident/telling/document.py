"""The incident as the document of ``incident --json``, in one language, which every format renders."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from releaseguard.cards.spec import Action
from releaseguard.health.telling import health_message
from releaseguard.health.values import HealthCondition, ProviderHealth
from releaseguard.incident.evidence import SourceCount, WrittenBy
from releaseguard.incident.telling.headline import headline
from releaseguard.incident.values import ChangeRecord, CheckedControl, Incident, Status, SymptomMatch
from releaseguard.messages.localizer import Localizer
from releaseguard.messages.message import Message, message
from releaseguard.model import by_phones, from_text, to_text
from releaseguard.report.incident.document import (
    ActionRow,
    ChangeRow,
    ControlRow,
    IncidentDocument,
    IncidentHealthRow,
    IncidentPage,
    OpenRow,
    OtherRow,
    SymptomRow,
    WriterRow,
)
from releaseguard.report.rows import BeforeAfterRow, LeakRow, stretch


def page_of(incident: Incident, language: str, *, environment: str | None = None) -> IncidentPage:
    """The incident as every format shows it."""
    return IncidentPage(document_of(incident, language, environment=environment), labels_of(incident, language))


def document_of(incident: Incident, language: str, *, environment: str | None = None) -> IncidentDocument:
    """The incident as a value; ``environment`` is added to the commands where the user had named one."""
    localizer = Localizer(language, incident.until)
    condition = incident.condition
    return {
        "provider": incident.card.id,
        "name": incident.card.name,
        "environment": incident.environment,
        "language": language,
        "as_of": to_text(incident.until),
        "window": [to_text(incident.since), to_text(incident.until)],
        "headline": headline(incident, localizer),
        "state": condition.state.value,
        "reason": localizer.say(health_message(condition)),
        "began": _text(incident.began),
        "began_before_window": incident.before_window,
        "recovered_since": _text(incident.recovered.since if incident.recovered else None),
        "health": _health(incident.health),
        "compared": _compared(incident),
        "writers": [_writer(*one, localizer) for one in incident.writers],
        "others": [_other(name, other, localizer) for name, other in incident.others],
        "changes": [_change(one, incident, localizer) for one in incident.changes],
        "unread": list(_unread(incident, localizer)),
        "symptoms": [_symptom(one, localizer) for one in incident.symptoms],
        "controls": [_control(one, localizer, environment) for one in incident.controls],
        "actions": list(_actions(incident.card.playbook.actions, localizer, environment)),
        "rules": [rule[language] for rule in incident.card.playbook.rules],
        "open": list(_open(incident, localizer)),
    }


def _health(health: ProviderHealth) -> IncidentHealthRow:
    calls = health.successes + health.errors
    return {
        "events": calls,
        "successes": health.successes,
        "errors": health.errors,
        "error_rate": round(health.errors / calls, 4) if calls else None,
        "usual_error_rate": None if health.usual_share is None else round(health.usual_share, 4),
        "expected_events": None if health.expected is None else round(health.expected, 1),
        "last_success": _text(health.glance.last_success),
        "last_error": _text(health.glance.last_error),
        "course": [{"successes": good, "errors": bad} for good, bad in health.course],
        "expected_course": [round(one, 2) for one in health.expected_course],
    }


def _compared(incident: Incident) -> BeforeAfterRow | None:
    found = incident.compared
    if found is None:
        return None
    return {
        "before": stretch(incident.since, found.at, *found.before),
        "after": stretch(found.at, incident.until, *found.after),
    }


def _writer(writer: WrittenBy, count: SourceCount, localizer: Localizer) -> WriterRow:
    """One writer's rows since the beginning, and how many of them failed."""
    source: str | Message = message("events.from_phones") if by_phones(writer.source) else writer.source
    facts = {"source": source or message("events.from_nobody"), "calls": count.events, "failed": count.errors}
    release = writer.release or message("writers.no_release")
    return {
        "release": writer.release or None,
        "source": writer.source or None,
        "events": count.events,
        "errors": count.errors,
        "text": localizer.phrase("writers.wrote", release=release, **facts),
    }


def _other(provider: str, condition: HealthCondition, localizer: Localizer) -> OtherRow:
    return {
        "provider": provider,
        "state": condition.state.value,
        "since": _text(condition.since),
        "reason": localizer.say(health_message(condition)),
    }


def _change(change: ChangeRecord, incident: Incident, localizer: Localizer) -> ChangeRow:
    began = incident.began
    return {
        "at": to_text(change.at),
        "kind": change.kind.value,
        "what": localizer.say(change.what),
        "where": change.where,
        "url": change.url,
        "went_wrong": change.went_wrong,
        "before_s": None if began is None else round((began - change.at).total_seconds()),
        "likely": change is incident.cause,
    }


def _unread(incident: Incident, localizer: Localizer) -> Iterator[str]:
    """One sentence for each problem, with all the places that it affects."""
    places: dict[str, list[str]] = {}
    for one in incident.unread:
        places.setdefault(localizer.say(one.problem), []).append(one.place)
    for problem, hidden in places.items():
        yield f"{problem} ({', '.join(hidden)})"


def _symptom(one: SymptomMatch, localizer: Localizer) -> SymptomRow:
    return {
        "text": one.symptom.text[localizer.language],
        "match": one.match.value,
        "since": _text(one.since),
        "evidence": [localizer.say(part) for part in one.says],
    }


def _control(one: CheckedControl, localizer: Localizer, environment: str | None) -> ControlRow:
    finding = one.finding
    return {
        "text": one.control.text[localizer.language],
        "kind": one.control.kind,
        "target": one.control.target,
        "status": finding.status.value,
        "finding": [localizer.say(part) for part in finding.says],
        "lines": list(finding.lines),
        "next_step": localizer.say(finding.next_step) if finding.next_step else None,
        "command": in_environment(finding.command, environment),
        "url": finding.url,
    }


def _actions(actions: Sequence[Action], localizer: Localizer, environment: str | None) -> Iterator[ActionRow]:
    for number, action in enumerate(actions, 1):
        command = in_environment(action.command, environment)
        yield {"number": number, "text": action.text[localizer.language], "command": command}


def in_environment(command: str | None, environment: str | None) -> str | None:
    """A command of ours with the user's environment; other commands as they are."""
    if command is None or environment is None or not command.startswith("releaseguard "):
        return command
    takes_none = command.startswith("releaseguard coverage") or "--environment" in command
    return command if takes_none else f"{command} --environment {shlex.quote(environment)}"


def _open(incident: Incident, localizer: Localizer) -> Iterator[OpenRow]:
    for leak in incident.health.leaks:
        at = from_text(leak["since"])
        yield {
            "text": localizer.phrase("still_open.leak", at=at, reason=leak["reason"]),
            "next_step": _closing(leak, localizer),
        }
    for one in incident.health.rotations:
        at = from_text(one["changed_at"])
        text = localizer.phrase("still_open.rotation", rotation=one["rotation_id"], state=one["state"], at=at)
        yield {"text": text, "next_step": None}


def _closing(leak: LeakRow, localizer: Localizer) -> str:
    """What closes a leak: commands, in a sentence where there is more to do than run one."""
    step = leak["next_step"]
    *rotate, confirm = _COMMAND.findall(step) or [step]
    if step.startswith("releaseguard "):
        return step
    facts = {"provider": leak["provider"], "rotate": "".join(rotate), "confirm": confirm}
    return localizer.phrase("still_open.close_leak_by_rotation" if rotate else "still_open.close_leak", **facts)


_COMMAND = re.compile(r"releaseguard .+?(?=\. |$)")


def labels_of(incident: Incident, language: str) -> Mapping[str, str]:
    """The fixed words around the parts, for renderers of the document."""
    localizer = Localizer(language, incident.until)
    sentences = localizer.catalog.sentences
    undone = sum(one.finding.status is Status.NOT_DONE for one in incident.controls)
    return {
        **sentences["page"],
        **{f"{kind}.{name}": word for kind in _KINDS for name, word in sentences[kind].items()},
        "title": localizer.phrase("page.title", name=incident.card.name, environment=incident.environment),
        "as_of": localizer.phrase("page.as_of", at=incident.until, since=incident.since),
        "chart": _chart_words(incident, localizer),
        "undone": localizer.phrase("page.undone", count=undone) if undone else "",
    }


def _chart_words(incident: Incident, localizer: Localizer) -> str:
    """The chart in words, for those who cannot see it."""
    health = incident.health
    told = localizer.phrase("board.chart", good=health.successes, bad=health.errors, expected=health.expected or 0.0)
    found = incident.compared
    return f"{told}; {localizer.phrase('beside.began', at=found.at)}" if found else told


_KINDS = ("state", "status", "match")
"""Sections with one word for each member of a kind."""


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
