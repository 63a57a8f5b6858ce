"""Random values through every command and through failures: none is seen anywhere, in any form."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import World
from tests.support.canaries import BUG, Canaries, Observed, assert_unseen, repository_with

NAME = "SENDGRID_API_KEY"
ROTATE = ("rotate", "sendgrid")


def test_a_leak_from_the_alert_to_the_post_mortem(world: World, observed: Observed, tmp_path: Path) -> None:
    leaked = world.infisical.value(NAME)
    world.github.add_alert("lovendo/app", "sendgrid_api_key", leaked)
    repository = repository_with(tmp_path / "repository", leaked)
    version = world.new_key(NAME)
    assert observed.run("events", "deployed", "--release", world.release).code == 0
    assert observed.run("leaks", "-v").code == 1
    assert observed.run("leaks", "--repo", str(repository), "--json").code == 1
    observed.run(*ROTATE, "--leak", "--reason", "in a gist", "--dry-run", "-vv")
    with world.traffic(0.05):
        done = observed.run_process(*ROTATE, "--leak", "--reason", "in a gist", "--yes", "--json", "-vv")
        assert done.json["state"] == "PROVEN", done.everything
        observed.run("drift", "--json")
        observed.run("drift", "-v")
        world.revoke(NAME, version - 1)
        assert observed.run(*ROTATE, "--confirm-revoked", "--despite-use").code == 0
    observed.run("leaks", "--close-revoked", "--json")
    world.supabase.wrote(world.edge.ref, "sendgrid-email", f"401 for key {leaked}, then {world.infisical.value(NAME)}")
    for command in (
        ("verify", "--json", "--no-flows"),
        ("verify", "--format", "html", "-o", "verdict.html", "--no-flows"),
        ("verify", "--format", "junit", "-o", "verdict.xml", "--no-flows"),
        ("verify", "--format", "sarif", "-o", "verdict.sarif", "--no-flows"),
        ("events", "list", "--limit", "500", "--json"),
        ("events", "export", "-o", "events.jsonl"),
        ("health",),
        ("health", "--format", "html", "-o", "health.html"),
        ("incident", "sendgrid", "-v"),
        ("incident", "sendgrid", "--json"),
        ("incident", "sendgrid", "--lang", "tr", "--format", "markdown", "-o", "incident.md"),
        ("incident", "mapbox", "--format", "html", "-o", "incident.html"),
        ("audit", "show"),
        ("audit", "show", "--json"),
        ("audit", "verify"),
        ("audit", "report", "--format", "html", "-o", "post-mortem.html"),
        ("audit", "report", "--json"),
    ):
        done = observed.run(*command)
        assert done.code in {0, 1, 3}, done.everything
    assert_unseen(observed, world)


def test_the_other_ways_of_rotate(world: World, observed: Observed) -> None:
    typed, wrong = world.providers.issue("SENDGRID_API_KEY"), world.providers.issue("AUTH")
    with world.traffic(0.05):
        assert observed.run_process(*ROTATE, "--from", "stdin", "--yes", "-vv", stdin=typed + "\n").code == 0
        world.new_key(NAME)
        observed.run(*ROTATE, "--no-deploy", "--yes")
        observed.run(*ROTATE, "--abort")
        assert observed.run("rotate", "--all-drifted", "--yes", "--json").code == 0
        world.new_key(NAME)
        assert observed.run(*ROTATE, "--yes").code == 0
        assert observed.run(*ROTATE, "--rollback", "--json").code == 1
    assert observed.run("rotate", "twilio", "--from", "stdin", "--yes", stdin=wrong).code == 2
    assert observed.run("rotate", "twilio", "--from", "stdin", "--yes", stdin=json.dumps({"X": wrong})).code == 2
    assert observed.run("rotate", "twilio", "--resume", "--json").code in {0, 3, 4, 5}
    assert observed.run("rotate", "openai", "--from", "generate", "--yes").code != 0
    assert_unseen(observed, world, wrong)


def _pieces_with_a_digit(value: str) -> Iterator[str]:
    """Of twelve characters. One without a digit may pass for a word, where it is of a value that nobody has read yet:
    how seldom, says the test of services' words."""
    pieces = (value[start : start + 12] for start in range(10, len(value) - 11))
    return (piece for piece in pieces if any(map(str.isdigit, piece)))


ECHOES = {
    "itself": lambda value: value,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "URL": lambda value: quote(value, safe=""),
    "hex": lambda value: value.encode().hex(),
    "a piece": lambda value: next(iter(_pieces_with_a_digit(value))),
}
PLACES: Mapping[str, tuple[str, str, str]] = {
    "GitHub PUT": ("github", "PUT", "/secrets/"),
    "Vercel PATCH": ("vercel", "PATCH", "/env/"),
    "Supabase POST": ("supabase", "POST", "/secrets$"),
    "Infisical read": ("infisical", "GET", "/secrets/"),
}


def _refusals(text: str) -> list[faults.Fault]:
    return [
        faults.answer(400, {"message": f"bad: {text}", "error": {"message": f"bad: {text}", "code": "bad"}}),
        faults.answer(422, {"message": [{"path": ["value"], "message": text}], "error": text}),
        faults.answer(500, f"<html>{text}</html>".encode()),
        faults.answer(200, f"{{cut {text}".encode()),
    ]


def abort_once_free(observed: Observed) -> None:
    """After a request without an answer the lease runs out by itself."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        done = observed.run(*ROTATE, "--abort")
        if done.code == 0 or "the lease of" not in done.everything:
            return
    raise AssertionError("the lease did not run out")


@pytest.mark.parametrize("place", PLACES)
def test_a_service_that_repeats_what_it_was_sent_in_its_refusal(world: World, observed: Observed, place: str) -> None:
    version = world.new_key(NAME)
    service, method, path = PLACES[place]
    value = world.infisical.value(NAME, version)
    for number, make in enumerate(ECHOES.values()):
        stand_in = getattr(world, service)
        stand_in.fail_next(method, path, _refusals(make(value))[number % 4], times=99)
        done = observed.run(*ROTATE, "--yes", "--prove-within", "1s", *(["--json"] if number % 2 else ["-vv"]))
        assert done.code in {1, 3, 5}, done.everything
        stand_in.heal()
        abort_once_free(observed)
    observed.run("audit", "show", "--json")
    observed.run("events", "list", "--json")
    assert_unseen(observed, world)


def test_a_bug_whose_exception_holds_a_request(world: World, observed: Observed, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUG)
    world.new_key(NAME)
    done = observed.run_process(*ROTATE, "--yes", "-vv", PYTHONPATH=str(tmp_path))
    assert done.code == 70, done.everything
    [trace] = (observed.cli.folder / "tmp").glob("*.trace")
    assert "a bug of ours" in trace.read_text()
    assert_unseen(observed, world)


@pytest.mark.parametrize("form", ECHOES)
def test_the_search_finds_what_it_looks_for(form: str) -> None:
    value = "SG.k3-Qz_81hwPbx0Tn5LrYvE7uJm2sCdAfGi4oWq9R"
    canaries = Canaries([value])
    assert canaries.found_in(f"in the middle {ECHOES[form](value)} of a text")
    assert not canaries.found_in("in the middle of a text")
