"""Both languages say everything, and every card can be told of in both."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Control
from releaseguard.cli.main import releaseguard
from releaseguard.functions.interface import Calls
from releaseguard.health.interface import Grounds, HealthCondition, HealthState, Why
from releaseguard.incident.controls import KINDS
from releaseguard.incident.document import in_environment
from releaseguard.incident.values import ChangeKind, Match, Status, message
from releaseguard.incident.words import KINDS as CHANGE_KINDS
from releaseguard.incident.words import LANGUAGES, MATCHES, PHRASES, STATES, STATUSES, Words

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CARDS = list(load_cards())


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("key", sorted(PHRASES))
def test_the_turkish_sentence_uses_only_facts_that_the_english_one_is_given(key):
    english, turkish = PHRASES[key]
    assert english.strip()
    assert turkish.strip()
    # An error's own English words stand for all of its facts.
    allowed = fields(english) | ({"service", "variable", "where"} if key.startswith("problem_") else set())
    assert fields(turkish) <= allowed
    assert fields(english) - fields(turkish) <= {"version", "place", "state"}


@pytest.mark.parametrize(
    ("table", "members"), [(STATES, HealthState), (STATUSES, Status), (MATCHES, Match), (CHANGE_KINDS, ChangeKind)]
)
def test_every_word_of_a_kind_is_there_in_both_languages(table, members):
    assert set(table) == set(members)
    assert all(len({*pair}) >= 1 and all(pair) for pair in table.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", Why)
@pytest.mark.parametrize("usual", [None, 0.004])
def test_every_ground_of_a_state_can_be_told(language, why, usual):
    condition = HealthCondition(
        HealthState.DOWN, "reason", Grounds(why, 40, 38, 12.3, usual), NOON - timedelta(minutes=5)
    )
    words = Words(language, NOON)
    for brief in (False, True):
        told = words.health(condition, brief=brief)
        assert told
        assert "{" not in told
        assert brief is False or "11:55Z" not in told or why not in (Why.FAILED, Why.VOLUME, Why.SILENT)


def test_numbers_times_and_shares_are_written_as_each_language_does():
    english, turkish = Words("en", NOON), Words("tr", NOON)
    assert english.percent(0.042) == "4.2%"
    assert turkish.percent(0.042) == "%4,2"
    assert english.span(timedelta(minutes=125)) == "2 h 5 min"
    assert turkish.span(timedelta(minutes=125)) == "2 sa 5 dk"
    assert english.clock(NOON - timedelta(minutes=5)) == "11:55Z"
    assert english.clock(NOON - timedelta(days=1)) == "2026-11-23 12:00Z"
    one = message("function_calls", since=NOON, calls=Calls(1, 1))
    assert english.say(one).startswith("1 of 1 call failed")
    assert "1 çağrıdan 1 tanesi" in turkish.say(one)


def test_an_errors_own_next_step_is_said_in_english_and_ours_in_turkish():
    step = message(
        "remedy_denied", service="GitHub", variable="RELEASEGUARD_GITHUB_TOKEN", step="Give it actions: read."
    )
    assert Words("en", NOON).say(step) == "Give it actions: read."
    assert "okuma yetkilerini" in Words("tr", NOON).say(step)


def test_every_kind_of_control_that_a_card_may_have_is_carried_out():
    kinds = Control.__struct_fields__, Control.__annotations__["kind"]
    named = {word for word in str(kinds[1]).replace('"', "'").split("'") if word.isidentifier() and word != "Literal"}
    assert {control.kind for card in CARDS for control in card.playbook.controls} <= set(KINDS)
    assert named == set(KINDS)


COMMANDS = sorted(
    {action.command for card in CARDS for action in card.playbook.actions if action.command}
    | {"releaseguard events list --provider x", "releaseguard verify --check x", "releaseguard coverage ."}
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_environment_is_added_to_our_own_commands_alone_and_they_take_it(command):
    told = in_environment(command, "staging two")
    if not command.startswith("releaseguard ") or "coverage" in command:
        assert told == command
        return
    assert told == f"{command} --environment 'staging two'"
    _, verb, *rest = command.split()
    found = releaseguard.get_command(None, verb)
    if verb == "events":
        found = found.get_command(None, rest[0])
    assert "--environment" in {option for parameter in found.params for option in parameter.opts}
    assert in_environment(command, None) == command
