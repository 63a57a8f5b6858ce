"""A failure names its error codes, whom it hits most, and what other releases did meanwhile."""

from __future__ import annotations

import pytest

from releaseguard.model import Verdict
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.run import Verifier
from releaseguard.verification.telling.hits import hit_of, hit_words
from tests.support.commands import Commands
from tests.support.verifying import mark, row, steady, stored, world_of

SENT, ERROR = "sendgrid_email_sent", "sendgrid_error"


def is_bad(event):
    return event.event == ERROR if event.event in {SENT, ERROR} else None


def some(count: int, *, bad: bool, code: str = "500", **more):
    event = ERROR if bad else SENT
    return [row(1 + n / 60, event, ok=not bad, error_code=code if bad else None, **more) for n in range(count)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (some(5, bad=True) + some(2, bad=True, code="timeout"), "error codes: 500 (5), timeout (2)"),
        (
            some(9, bad=True, detail={"country": "DE"}) + some(40, bad=False, detail={"country": "TR"}),
            "hit most: country DE (9 of 9; elsewhere 0 of 40)",
        ),
        (
            some(9, bad=True, source="worker") + some(60, bad=False, source="web") + some(1, bad=True, source="web"),
            "hit most: source worker (9 of 9; elsewhere 1 of 61)",
        ),
        (
            some(8, bad=True, detail={"tenant": "acme", "country": "DE"})
            + some(20, bad=False, detail={"tenant": "other", "country": "DE"})
            + some(20, bad=False, detail={"tenant": "third", "country": "TR"}),
            "hit most: tenant acme (8 of 8; elsewhere 0 of 40)",
        ),
    ],
)
def test_the_clearest_group_is_named(rows, told):
    hit = hit_of(rows, is_bad)
    assert hit is not None
    assert told in hit_words(hit)


@pytest.mark.parametrize(
    "rows",
    [
        some(10, bad=True, source="web") + some(30, bad=False, source="web"),
        [one for name in "ab" for bad in (True, False) for one in some(5, bad=bad, source=name)],
        some(2, bad=True, detail={"country": "DE"}) + some(9, bad=False, detail={"country": "TR"}),
        [one for n in range(300) for one in some(1, bad=n < 30, detail={"tenant": f"t{n}"})],
        some(9, bad=True, detail={"user": "ada"}) + some(9, bad=False, detail={"user": "bob"}),
    ],
    ids=["one source", "both alike", "two errors", "as many groups as rows", "no group but a person"],
)
def test_no_group_is_named_where_none_stands_out(rows):
    hit = hit_of(rows, is_bad)
    assert hit is not None
    assert hit.worst is None


def test_without_an_error_nobody_is_hit():
    assert hit_of(some(5, bad=False), is_bad) is None


def failing():
    rows = [mark(), *steady(until=0, every=0.5)]
    rows += [row(n / 2, ERROR, ok=False, error_code="401", detail={"country": "DE"}) for n in range(60)]
    rows += [row(n / 2, SENT, detail={"country": "TR"}) for n in range(60)]
    return rows + [row(n / 3, SENT, release="r0") for n in range(90)]


def test_a_verdict_says_it(tmp_path):
    judged = Verifier(
        VerifyRequest(checks=frozenset({"sendgrid.errors"})), world_of(stored(tmp_path / "l", failing()))
    ).look()
    (found,) = judged.findings
    assert found.verdict is Verdict.FAIL
    assert "error codes: 401" in found.reason
    assert "hit most: country DE (60 of 60; elsewhere 0 of 60)" in found.reason
    assert "meanwhile other releases had 0 errors in" in found.reason


def test_explain_shows_the_evidence_as_text(tmp_path):
    stored(tmp_path / "log.db", failing()).close()
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    at = ("--as-of", "2026-11-20T12:30:00Z")
    done = Commands(tmp_path, {}).run("verify", *at, "--explain", "sendgrid.errors")
    for field in (
        "events: ",
        "interval: ",
        "threshold: ",
        "event ids: ",
        "baseline: ",
        'hit: {"error_codes": {"401": ',
    ):
        assert field in done.out, done.out
    assert "threshold: " not in Commands(tmp_path, {}).run("verify", *at).out
