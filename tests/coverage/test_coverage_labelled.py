"""How right the search is on the labelled set, that was written before what it measures was changed."""

from __future__ import annotations

import pytest

from tests.coverage.labels import FORMS, Case, cases, figures, found_in

WANTED = 0.95
CASES = list(cases())


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return [(case, found_in(case, tmp_path_factory.mktemp("case"))) for case in CASES]


def test_the_set_is_large_and_mostly_from_the_wild():
    assert len(CASES) >= 150
    assert sum(case.wild for case in CASES) * 2 >= len(CASES)


@pytest.mark.parametrize("wild", [True, False])
def test_nineteen_in_twenty_calls_are_found_and_rightly_judged(pairs, wild):
    chosen = [(case.expected, found) for case, found in pairs if case.wild is wild]
    wrong = [case.name for case, found in pairs if found != case.expected]
    for one in figures(chosen):
        assert one.precision >= WANTED, (one, wrong)
        assert one.recall >= WANTED, (one, wrong)


@pytest.mark.parametrize("case", list(cases(FORMS)), ids=lambda case: case.name)
def test_every_form_of_a_call_and_of_a_log_is_read(case, tmp_path):
    assert found_in(case, tmp_path) == case.expected


def test_a_wrong_judgement_and_a_false_alarm_count(tmp_path):
    case = Case("x", False, {"a.ts": "fetch('https://api.twilio.com');\n"}, {("a.ts", 1, "twilio", "ok")})
    found = found_in(case, tmp_path)
    assert [one.right for one in figures([(case.expected, found), (set(), found)])] == [1, 0]
