"""One line of configuration says how the app's request differs from the card's."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.compose.known import configuration
from releaseguard.errors import ConfigError
from releaseguard.tomlfile import parse


def cards(text: str):
    document = parse(text, Path("releaseguard.toml"))
    return configuration.cards_of(configuration.of(document, environment=None, environ={}))


def test_path_body_and_method_are_the_projects_to_say():
    text = """
[providers.twilio.flows.sms]
path = "/functions/v1/messages"
method = "PATCH"
body = { to = "+900000", about = "{run_id}" }
"""
    [step] = cards(text).flow("twilio", "sms").steps
    assert (step.path, step.method) == ("/functions/v1/messages", "PATCH")
    assert step.body == {"to": "+900000", "about": "{run_id}"}
    [unchanged] = cards("[providers.twilio.flows.sms]\npath = '/x'").flow("twilio", "sms").steps
    assert unchanged.body == cards("").flow("twilio", "sms").steps[0].body


@pytest.mark.parametrize(
    ("text", "what", "where", "next_step"),
    [
        ("[providers.twilio.flows.smss]\npath = '/x'", "flows.smss: there is no such flow", 1, "'sms'"),
        ("[providers.sentry.flows.x]\npath = '/x'", "flows.x: there is no such flow", 1, "no flows"),
        ("[providers.twilio.flows.sms]\npath = 'https://evil.example'", "not a path of the app's own", 2, None),
        ("[providers.twilio.flows.sms]\npath = '//evil.example/x'", "not a path of the app's own", 2, None),
        ("[providers.twilio.flows.sms]\n\nbody = { to = '{phone}' }", "{phone} stands for nothing", 3, None),
        ("[providers.twilio.flows.sms]\nbody = 'x'", "expected a table", 2, None),
        ("[providers.paytr.flows.withdraw]\nbody = { amount = 51 }", "more than the card's max_amount", 2, None),
        ("[providers.paytr.flows.withdraw]\nbody = { x = { Amount = '9e9' } }", "max_amount", 2, None),
    ],
)
def test_a_request_that_cannot_be_the_apps_is_refused_with_its_line(text, what, where, next_step):
    with pytest.raises(ConfigError) as refused:
        cards(text)
    assert what in refused.value.what
    assert str(refused.value.where) == f"releaseguard.toml:{where}"
    assert next_step is None or next_step in str(refused.value.next_step)


def test_a_method_that_no_flow_has_is_refused():
    with pytest.raises(ConfigError, match="PUT"):
        cards("[providers.twilio.flows.sms]\nmethod = 'PUT'")


def test_what_differs_switches_no_shipped_query_on(tmp_path):
    (tmp_path / "checks").mkdir()
    own = tmp_path / "checks" / "paytr.toml"
    config = tmp_path / "releaseguard.toml"
    config.write_text("")

    def on() -> list[str]:
        found = configuration.cards_of(configuration.load(config, environment=None, environ={}))
        return [check.id for check in found.get("paytr").checks if getattr(check, "sql", "")]

    own.write_text("[proof]\nsuccesses = 4\n")
    assert on() == []
    own.write_text('[[checks]]\nid = "paytr.wallets"\nsql = "select 1 where false"\n')
    assert on() == ["paytr.wallets"]
