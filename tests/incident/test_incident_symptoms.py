"""Symptoms against what the log says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releaseguard.cards.spec import Symptom
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why
from releaseguard.incident.evidence import ErrorKind
from releaseguard.incident.symptoms import SymptomEvidence, matched
from releaseguard.incident.values import Match

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TEXT = {"en": "x", "tr": "x"}
CALM = HealthCondition(HealthState.HEALTHY, "", Grounds(Why.CALLS, 100, 2))
FAILING = HealthCondition(HealthState.DOWN, "", Grounds(Why.FAILED, 40, 38, usual=0.01), NOON)
GONE = HealthCondition(HealthState.SILENT, "", Grounds(Why.SILENT, expected=20), NOON)


def traffic(condition=CALM, errors=None, events=None, spikes=None) -> SymptomEvidence:
    return SymptomEvidence(
        condition=condition,
        errors={ErrorKind(*kind): count for kind, count in (errors or {}).items()},
        event=lambda name: (events or {}).get(name, CALM),
        spike=lambda name, harm: (spikes or {}).get((name, harm)),
        harms={"flag": 3.0},
    )


@pytest.mark.parametrize(
    ("codes", "condition", "errors", "match"),
    [
        ([], FAILING, {("m_error", "401"): 38}, Match.YES),
        (["401"], FAILING, {("m_error", "401"): 38}, Match.YES),
        (["429"], FAILING, {("m_error", "401"): 38}, Match.NO),
        (["429"], FAILING, {("m_error", "401"): 38, ("m_error", "429"): 1}, Match.SOME),
        (["401"], CALM, {("m_error", "401"): 2}, Match.SOME),
        ([], FAILING, {("other_error", "401"): 38}, Match.NO),
        ([], CALM, {}, Match.NO),
    ],
)
def test_errors_show_a_symptom_where_the_provider_fails_by_them(codes, condition, errors, match):
    found = matched(Symptom(text=TEXT, events=["m_error"], error_codes=codes), traffic(condition, errors))
    assert found.match is match
    assert found.since == (NOON if match is Match.YES else None)


def test_an_event_that_does_not_come_shows_a_symptom_though_the_provider_is_well():
    symptom = Symptom(text=TEXT, silent=["webhook"])
    found = matched(symptom, traffic(events={"webhook": GONE}))
    assert (found.match, found.since) == (Match.YES, NOON)
    assert matched(symptom, traffic()).match is Match.NO


@pytest.mark.parametrize("why", [Why.NO_HISTORY, Why.BY_CHANCE])
def test_an_event_that_nobody_can_judge_leaves_its_symptom_unknown(why):
    unknown = HealthCondition(HealthState.UNKNOWN, "", Grounds(why))
    found = matched(Symptom(text=TEXT, events=["m_error"], silent=["webhook"]), traffic(events={"webhook": unknown}))
    assert found.match is Match.UNKNOWN


def test_a_failing_event_is_not_said_to_be_silent():
    found = matched(Symptom(text=TEXT, silent=["webhook"]), traffic(events={"webhook": FAILING}))
    assert found.match is Match.NO


def test_a_spike_is_looked_for_at_the_multiple_that_the_card_calls_harm():
    symptom, spike = (
        Symptom(text=TEXT, spike=["flag"]),
        HealthCondition(HealthState.DEGRADED, "", Grounds(Why.VOLUME, 90), NOON),
    )
    assert matched(symptom, traffic(spikes={("flag", 3.0): spike})).match is Match.YES
    assert matched(symptom, traffic(spikes={("flag", 2.0): spike})).match is Match.NO


@pytest.mark.parametrize("why", [Why.LOG_STOPPED, Why.NO_HISTORY])
def test_a_log_that_says_nothing_shows_no_symptom_and_excludes_none(why):
    nothing = HealthCondition(HealthState.UNKNOWN, "", Grounds(why))
    symptom = Symptom(text=TEXT, silent=["webhook"], events=["m_error"])
    assert matched(symptom, traffic(nothing, events={"webhook": GONE})).match is Match.UNKNOWN
