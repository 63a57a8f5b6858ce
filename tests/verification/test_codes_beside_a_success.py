"""Who does not look at an answer writes a success beside its 401: that passes no release, and an app whose successes
carry a code of their own is none of these."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.cards.contradictions import contradictions_in, hints_of
from releaseguard.model import Event, Verdict
from releaseguard.verification.checks.codes import hides_a_harm
from releaseguard.verification.values import Judged
from tests.support.verifying import SHIPPED, judge, mark, row, steady, stored

SENT = "sendgrid_email_sent"


def judged_with(path: Path, code: str | None, *, each: int = 1) -> Judged:
    """A release whose every so many successes carry the code."""
    since = [row(n / 4, SENT, error_code=None if n % each else code) for n in range(120)]
    return judge(stored(path, [*steady(every=0.25, until=0), mark(), *since]))


def errors(judged: Judged) -> Verdict:
    return next(one.verdict for one in judged.findings if one.id == "sendgrid.errors")


@pytest.mark.parametrize("code", [None, "200", "201", "202", "204", "404", "409", "ok", "cached", "delivered", "1500"])
def test_a_success_with_a_code_of_its_own_is_one(code: str | None, tmp_path: Path) -> None:
    judged = judged_with(tmp_path / "events.db", code)
    assert errors(judged) is Verdict.PASS
    assert judged.contradictions == []


@pytest.mark.parametrize(
    "code", ["401", "HTTP 401", "Unauthorized", "invalid_api_key", "500", "503", "http_502", "403"]
)
def test_successes_that_were_all_refused_or_failed_pass_nothing(code: str, tmp_path: Path) -> None:
    judged = judged_with(tmp_path / "events.db", code)
    assert errors(judged) is Verdict.INCONCLUSIVE
    assert judged.verdict not in {Verdict.PASS, Verdict.WARN}
    said = f"120 of 120 events of sendgrid say success beside the code of a failure ({code})"
    assert said in next(one.reason for one in judged.findings if one.id == "sendgrid.errors")


def test_a_few_that_succeeded_at_a_second_try_are_told_and_no_more(tmp_path: Path) -> None:
    judged = judged_with(tmp_path / "events.db", "503", each=24)
    assert errors(judged) is Verdict.PASS
    assert [one.rows for one in judged.contradictions] == [5]


@pytest.mark.parametrize(("each", "hides"), [(1, True), (3, False)])
def test_what_is_not_allowed_to_some_users_is_no_failure(each: int, hides: bool, tmp_path: Path) -> None:
    [found] = judged_with(tmp_path / "events.db", "403", each=each).contradictions
    assert hides_a_harm(found) is hides


def test_rows_of_others_and_errors_contradict_nothing() -> None:
    rows = [row(1, SENT, ok=False, error_code="401"), row(1, "x_ok", provider="nobody", error_code="401")] * 5
    assert contradictions_in(rows, SHIPPED, {}) == {}


@pytest.mark.parametrize(
    "code", ["401", " 403 ", "E503", "status-599", "Bad-Token", "api key expired", "Access Denied", "un-authorised"]
)
def test_whatever_counts_has_one_of_the_hints_that_stores_are_asked_by(code: str) -> None:
    rows: list[Event] = [row(1, SENT, error_code=code)] * 3
    is_found = contradictions_in(rows, SHIPPED, {}) != {}
    assert not is_found or any(hint.lower() in code.lower() for hint in hints_of(SHIPPED))
