"""Which symptoms of the card the events show. Pure: counts and conditions in, matches out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Symptom
from releaseguard.health.values import TROUBLED, HealthCondition, HealthState, Why
from releaseguard.incident.evidence import ErrorKind, codes_of
from releaseguard.incident.values import Match, SymptomMatch
from releaseguard.messages.message import Message, message

TELLING_SHARE = 0.1
"""The fraction of a failing provider's errors from which a symptom's errors show it."""
SPIKE = 2.0
"""The multiple of the usual volume that counts as a spike where no check of the card says."""
MOST_CODES = 3
_MOST_TELLING = (Match.YES, Match.SOME, Match.UNKNOWN, Match.NO)
_GONE = frozenset({Why.SILENT, Why.VOLUME})
"""Grounds that mean missing events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymptomEvidence:
    """What the log says about one provider since its trouble began, or in the requested time."""

    condition: HealthCondition
    errors: Mapping[ErrorKind, int]
    event: Callable[[str], HealthCondition]
    """The condition of one of the provider's events, judged as if it were a provider."""
    spike: Callable[[str, float], HealthCondition | None]
    harms: Mapping[str, float]
    """Event -> the multiple of its volume that a check of the card calls harm."""


def matched(symptom: Symptom, traffic: SymptomEvidence) -> SymptomMatch:
    """Whether the symptom is present: by its errors, by missing events, or by a spike."""
    if traffic.condition.grounds.why in (Why.LOG_STOPPED, Why.NO_HISTORY):
        return SymptomMatch(symptom, Match.UNKNOWN, [message(f"symptom.{traffic.condition.grounds.why.value}")])
    parts = [_errors(symptom, traffic), *_silences(symptom, traffic), *_spikes(symptom, traffic)]
    shown = [part for part in parts if part is not None]
    best = next((match for match in _MOST_TELLING if any(part.match is match for part in shown)), Match.NO)
    says = [one for part in shown if part.match is best for one in part.says]
    since = min((part.since for part in shown if part.match is best and part.since), default=None)
    return SymptomMatch(symptom, best, says or [message("symptom.nothing")], since)


def _errors(symptom: Symptom, traffic: SymptomEvidence) -> SymptomMatch | None:
    if not symptom.events:
        return None
    mine = {
        kind: count
        for kind, count in traffic.errors.items()
        if kind.event in symptom.events and (not symptom.error_codes or kind.code in symptom.error_codes)
    }
    count, total = sum(mine.values()), sum(traffic.errors.values())
    if not count:
        return SymptomMatch(symptom, Match.NO, [])
    failing = traffic.condition.state in TROUBLED and traffic.condition.grounds.why is Why.FAILED
    match = Match.YES if failing and count >= TELLING_SHARE * total else Match.SOME
    return SymptomMatch(
        symptom, match, [_counted(mine, total)], traffic.condition.since if match is Match.YES else None
    )


def _counted(mine: Mapping[ErrorKind, int], total: int) -> Message:
    events = sorted({kind.event for kind in mine})
    codes = codes_of(mine)[:MOST_CODES]
    return message("symptom.errors", count=sum(mine.values()), total=total, events=events, codes=codes)


def _silences(symptom: Symptom, traffic: SymptomEvidence) -> Sequence[SymptomMatch]:
    return [_silence(symptom, event, traffic.event(event)) for event in symptom.silent]


def _silence(symptom: Symptom, event: str, condition: HealthCondition) -> SymptomMatch:
    if condition.state in TROUBLED and condition.grounds.why in _GONE:
        grounds = condition.grounds
        key = "symptom.silent" if grounds.why is Why.SILENT else "symptom.fewer"
        facts = {"event": event, "since": condition.since, "expected": grounds.expected, "seen": grounds.events}
        return SymptomMatch(symptom, Match.YES, [Message(key, facts)], condition.since)
    if condition.grounds.why is Why.NO_HISTORY:
        return SymptomMatch(symptom, Match.UNKNOWN, [message("symptom.never_seen", event=event)])
    if condition.state is HealthState.UNKNOWN and condition.grounds.why is Why.BY_CHANCE:
        return SymptomMatch(symptom, Match.UNKNOWN, [message("symptom.too_few", event=event)])
    return SymptomMatch(symptom, Match.NO, [])


def _spikes(symptom: Symptom, traffic: SymptomEvidence) -> Sequence[SymptomMatch]:
    found = []
    for event in symptom.spike:
        condition = traffic.spike(event, traffic.harms.get(event, SPIKE))
        if condition is None:
            found.append(SymptomMatch(symptom, Match.NO, []))
        else:
            grounds = condition.grounds
            facts = {"event": event, "since": condition.since, "expected": grounds.expected, "seen": grounds.events}
            found.append(SymptomMatch(symptom, Match.YES, [Message("symptom.spike", facts)], condition.since))
    return found
