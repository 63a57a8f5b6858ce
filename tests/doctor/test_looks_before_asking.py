"""What is said of the configuration, the hosts and the credentials, before anybody is asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from releaseguard.credentials import CredentialOption, Requirement, Unfit
from releaseguard.doctor.document import document_of
from releaseguard.doctor.looks import configuration, credentials, hosts
from releaseguard.doctor.run import carried_out
from releaseguard.doctor.values import CheckResult, Diagnosis
from releaseguard.errors import ConfigError, SafeModeRefusal
from releaseguard.model import Standing
from releaseguard.settings import SUCCESSOR

KEY = "3f9a1c0b7d2e4856" * 4


def settings(**given):
    found = {
        "path": None,
        "environment": "production",
        "providers": {},
        "events": SimpleNamespace(url="https://log.example"),
        "where": lambda *keys: f"releaseguard.toml: {'.'.join(keys)}",
    }
    return SimpleNamespace(**{**found, **given})


def context(**given):
    found = {
        "settings": settings(),
        "environ": {},
        "provider": None,
        "cards": [],
        "card_problems": [],
        "own_cards": [],
        "addresses": {},
        "refused": {},
        "run_refusal": None,
        "ignored_proxies": [],
        "requirements": [],
        "replaceable": [],
        "claims": list,
    }
    return SimpleNamespace(**{**found, **given})


def told(checks, wanted):
    chosen = [check for check in checks if check.id.startswith(wanted)]
    return [(one.id, one.status.value) for one in carried_out(chosen, [])]


def one(checks, name):
    (found,) = carried_out([check for check in checks if check.id == name], [])
    return found


def option(*variables, **more):
    return CredentialOption(variables, **more)


TWO_WAYS = Requirement("store", (option("APP_ID", "APP_KEY"), option("TOKEN")), "writing there")
ONE_WAY = Requirement("store", (option("TOKEN"),), "writing there")


@pytest.mark.parametrize(
    ("needed", "environ", "results"),
    [
        (ONE_WAY, {}, [("credentials.store", "fail")]),
        (ONE_WAY, {"TOKEN": ""}, [("credentials.store", "fail")]),
        (ONE_WAY, {"TOKEN": "t"}, [("credentials.store", "ok")]),
        (TWO_WAYS, {"APP_ID": "1"}, [("credentials.store", "fail")]),
        (TWO_WAYS, {"APP_ID": "1", "APP_KEY": "k"}, [("credentials.store", "ok")]),
        (TWO_WAYS, {"APP_ID": "1", "TOKEN": "t"}, [("credentials.store", "ok"), ("credentials.store.half", "warn")]),
    ],
)
def test_a_credential_is_there_whole_by_one_of_its_ways(needed, environ, results):
    found = context(requirements=[needed], environ=environ)
    assert told(credentials.checks(found), "credentials.store") == results


@pytest.mark.parametrize(
    ("needed", "environ", "what"),
    [
        (ONE_WAY, {}, "TOKEN is not set: needed for writing there"),
        (TWO_WAYS, {}, "no credential is set: needed for writing there"),
        (TWO_WAYS, {"APP_ID": "1"}, "APP_KEY is not set: needed for writing there"),
    ],
)
def test_what_is_lacking_is_named_with_what_it_is_for(needed, environ, what):
    found = one(credentials.checks(context(requirements=[needed], environ=environ)), "credentials.store")
    assert found.what == what
    assert found.fix == f"Set {needed.words}."


@pytest.mark.parametrize(("in_a_job", "status"), [("true", "fail"), ("", "ok")])
def test_what_a_job_has_under_the_same_name_is_not_it(in_a_job, status):
    unfit = Requirement("store", (option("TOKEN", unfit_in_a_job=Unfit("that one cannot", "Set another.")),), "it")
    found = context(requirements=[unfit], environ={"TOKEN": "t", "GITHUB_ACTIONS": in_a_job})
    assert one(credentials.checks(found), "credentials.store").status.value == status


@pytest.mark.parametrize(
    ("providers", "environ", "results"),
    [
        ({}, {}, []),
        ({"sendgrid": None}, {}, [("credentials.signing", "warn")]),
        ({"sendgrid": None}, {"RELEASEGUARD_SIGNING_KEY": KEY}, [("credentials.signing", "ok")]),
        ({}, {"RELEASEGUARD_SIGNING_KEY": "1" * 64}, [("credentials.signing", "warn")]),
    ],
)
def test_a_signing_key_is_asked_for_where_there_is_something_to_forge(providers, environ, results):
    found = context(settings=settings(providers=providers), environ=environ)
    assert told(credentials.checks(found), "credentials.signing") == results


def test_a_second_access_is_pointed_out():
    found = context(replaceable=["TOKEN"], environ={f"TOKEN{SUCCESSOR}": "t"})
    (result,) = told(credentials.checks(found), "credentials.successors")
    assert result == ("credentials.successors.TOKEN", "warn")


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("[events] url", "hosts.events"),
        ("[app] url", "hosts.app"),
        ("[network] proxy", "hosts.proxy"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "hosts.actions"),
    ],
)
def test_a_host_is_named_by_its_setting(setting, name):
    found = context(addresses={setting: "https://x.example"})
    assert one(hosts.checks(found), name).status is Standing.OK


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@x.example/path?key=1", "https://x.example"),
        ("https://x.example:8443/", "https://x.example:8443"),
        ("sqlite:///events.db", "sqlite:///events.db"),
        ("nothing like an address", None),
    ],
)
def test_of_an_address_its_host_alone_is_shown(url, shown):
    assert one(hosts.checks(context(addresses={"[events] url": url})), "hosts.events").where == shown


def test_a_host_that_safe_mode_refuses_fails():
    refusal = SafeModeRefusal("that is a provider's", where="[app] url")
    found = context(addresses={"[app] url": "https://x.example"}, refused={"[app] url": refusal})
    assert one(hosts.checks(found), "hosts.app").what == "that is a provider's"


def test_proxies_of_the_environment_are_said_to_be_ignored():
    found = context(ignored_proxies=["HTTPS_PROXY"])
    assert "HTTPS_PROXY" in one(hosts.checks(found), "hosts.proxies").what
    assert told(hosts.checks(context()), "hosts.proxies") == []


def test_cards_are_counted_and_their_problems_numbered():
    well = context(cards=[1, 2, 3], own_cards=["mine"])
    assert one(configuration.checks(well), "cards").what == "3 cards are valid, 1 of them the project's own"
    wrong = context(card_problems=[ConfigError("wrong"), ConfigError("wrong too")])
    assert told(configuration.checks(wrong), "cards") == [("cards.1", "fail"), ("cards.2", "fail")]


def test_without_a_file_nothing_is_managed():
    found = one(configuration.checks(context()), "configuration.file")
    assert (found.status, found.fix) == (Standing.WARN, "Run: releaseguard init")


def test_a_run_that_may_use_no_credential_says_so():
    found = context(run_refusal=SafeModeRefusal("this run is somebody else's"))
    assert told(configuration.checks(found), "configuration.run") == [("configuration.run", "fail")]


@pytest.mark.parametrize("where", [None, "there with SECRET"])
def test_a_document_holds_no_value(where):
    found = Diagnosis([CheckResult("a.SECRET", "group", Standing.FAIL, "it is SECRET", where, where)])
    document = document_of(found, lambda text: text.replace("SECRET", "***"))
    assert document["ok"] is False
    assert document["checks"] == [
        {
            "id": "a.***",
            "group": "group",
            "status": "fail",
            "what": "it is ***",
            "where": where and "there with ***",
            "fix": where and "there with ***",
        }
    ]
