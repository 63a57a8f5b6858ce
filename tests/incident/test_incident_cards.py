"""Every ground can be told, every kind of control is carried out, every command is one that there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Control
from releaseguard.cli.main import releaseguard
from releaseguard.health.telling import health_message
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why
from releaseguard.incident.controls.kinds import KINDS
from releaseguard.incident.telling.document import in_environment
from releaseguard.messages import LANGUAGES
from releaseguard.messages.localizer import Localizer

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CARDS = list(load_cards())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", Why)
@pytest.mark.parametrize("usual", [None, 0.004])
def test_every_ground_of_a_state_can_be_told(language, why, usual):
    condition = HealthCondition(
        HealthState.DOWN, "reason", Grounds(why, 40, 38, 12.3, usual), NOON - timedelta(minutes=5)
    )
    localizer = Localizer(language, NOON)
    for brief in (False, True):
        told = localizer.say(health_message(condition, brief=brief))
        assert told
        assert "{" not in told
        assert brief is False or "11:55Z" not in told or why not in (Why.FAILED, Why.VOLUME, Why.SILENT)


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
