"""Every shipped flow, against the app that it was written for: what works by default, and what takes one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.compose.known import configuration
from releaseguard.sandbox import world
from releaseguard.tomlfile import parse
from releaseguard.verification.flows.runs import Result
from tests.support.flow_world import Surroundings, surroundings
from tests.support.the_app import TAKES, TheApp

PHONE = "[providers.twilio.flows.sms]\nbody = { to = '+905550000000', message = 'Release check' }\n"
ACCOUNT = (
    "[providers.paytr.flows.withdraw]\n"
    "body = { amount = '{amount}', bankAccountId = '0b1f4a0e-5d5c-4f0e-9a51-0d7a3c1f2b3d' }\n"
)
BACKWARDS = "[providers.mapbox.flows.geocode]\nbody = { type = 'reverse', lat = 41.01, lng = 28.98 }\n"
FLOWS = {
    "supabase": ("", Result.ANSWERED),
    "sendgrid": ("", Result.ARRIVED),
    "twilio": (PHONE, Result.ARRIVED),
    "paytr": (ACCOUNT, Result.ARRIVED),
    "idenfy": ("", Result.ARRIVED),
    "mapbox": ("", Result.ARRIVED),
}


def cards(text: str = ""):
    document = parse(text, Path("releaseguard.toml"))
    return configuration.cards_of(configuration.of(document, environment=None, environ={}))


@pytest.fixture
def around(tmp_path, monkeypatch) -> Iterator[Surroundings]:
    monkeypatch.setattr(world, "AppStandIn", TheApp)
    with surroundings(tmp_path) as made:
        yield made


def run(around: Surroundings, provider: str, text: str):
    card = cards(text).get(provider)
    return around.runner().run(card, card.flows[0])


def test_every_flow_that_ships_is_one_of_the_apps_requests():
    asked = {flow.steps[0].path for card in cards() for flow in card.flows}
    assert asked == set(TAKES)
    assert {card.id for card in cards() if card.flows} == set(FLOWS)


@pytest.mark.parametrize("provider", FLOWS)
def test_a_flow_is_what_the_app_takes_by_default_or_by_one_line(around, provider):
    text, expected = FLOWS[provider]
    done = run(around, provider, text)
    assert (done.result, done.cleaned) == (expected, True), done.reason
    sent = [one for one in around.paths() if "/auth/" not in one]
    assert len(sent) == 1, "a request is sent once, and nothing is taken back that the app does not know"
    assert around.app.executed == [(around.app.executed[0][0], done.key.idempotency_key(done.steps[0].name))]


@pytest.mark.parametrize("provider", ["twilio", "paytr"])
def test_what_the_project_has_to_say_is_undecided_until_it_says_it(around, provider):
    done = run(around, provider, "")
    assert done.result is Result.NOT_THIS_APP
    assert around.app.executed == []


def test_the_other_way_to_ask_for_a_place_is_one_line_too(around):
    assert run(around, "mapbox", BACKWARDS).result is Result.ARRIVED


@pytest.mark.parametrize("provider", [name for name in FLOWS if name != "supabase"])  # PostgREST has no key of ours
def test_a_refused_key_is_the_providers_error_and_no_other_apps_request(around, provider):
    for key in around.app.providers.issued:
        around.app.providers.revoke(key)
    assert run(around, provider, FLOWS[provider][0]).result is Result.ERROR
