"""Charts and comparisons of the pages: what is drawn where, and what stands side by side."""

from __future__ import annotations

import re

import pytest

from releaseguard.report.formats import INCIDENT, POSTMORTEM, VERDICT
from releaseguard.report.incident.document import IncidentPage, marks
from releaseguard.report.layout.chart import BOTTOM, LEFT, RIGHT, chart_of, share_of, times_of
from releaseguard.report.layout.display import Display
from releaseguard.report.verdict.sides import sides_of
from tests.report import documents

HOUR = ["2026-11-24T11:00:00.000000Z", "2026-11-24T12:00:00.000000Z"]
PART = [{"successes": 3, "errors": 0}]


@pytest.mark.parametrize(
    ("window", "times"),
    [
        (HOUR, ["11:00", "11:20", "11:40", "12:00"]),
        (["2026-11-23T12:00:00.000000Z", "2026-11-26T12:00:00.000000Z"], [f"11-{d} 12:00" for d in (23, 24, 25, 26)]),
    ],
    ids=["an hour", "days have their dates"],
)
def test_the_times_below_a_chart(window, times) -> None:
    assert times_of(window) == times


def test_a_moment_stands_where_it_lies_in_the_window() -> None:
    assert share_of(HOUR, "2026-11-24T11:45:00Z") == 0.75


@pytest.mark.parametrize(
    ("shares", "numbers"),
    [
        ([0.0, 0.5, 1.0], [1, 2, 3]),
        ([0.5, 0.501, 0.502, 0.9], [1, None, None, 4]),
        ([0.1, 0.12, 0.14, 0.16], [1, None, 3, None]),
        ([], []),
    ],
)
def test_a_number_that_would_stand_on_another_is_left_out_and_none_is_given_twice(shares, numbers) -> None:
    placed = chart_of(PART, [], shares).marks
    assert [one.number for one in placed] == numbers
    assert len({one.x for one in placed}) == len(shares)


def test_a_chart_without_anything_to_see_is_not_drawn() -> None:
    nothing = [{"successes": 0, "errors": 0}]
    assert not chart_of(nothing, [], []).drawn
    assert chart_of(nothing, [9.0], []).drawn
    assert chart_of(PART, [], []).drawn


def test_an_incident_draws_its_beginning_and_what_changed_within_the_window() -> None:
    before = documents.change(at="2026-11-24T09:00:00.000000Z")
    inside = documents.change(at="2026-11-24T11:30:00.000000Z", what="release r2 was deployed")
    document = documents.incident_document(changes=[before, inside])
    assert [one["what"] for one in marks(document)] == ["release r2 was deployed"]
    page = INCIDENT["html"](IncidentPage(document, documents.labels()), Display())
    assert _line(page, "marked") == LEFT + (RIGHT - LEFT) / 2
    assert _line(page, "trouble") == round(LEFT + (RIGHT - LEFT) * 2 / 3, 1)
    assert "before 11:40Z" in page
    assert "66.7% failed" in page


def test_an_incident_of_which_nobody_knows_when_it_began_compares_nothing() -> None:
    document = documents.incident_document(began=None, compared=None)
    page = INCIDENT["html"](IncidentPage(document, documents.labels()), Display())
    assert 'class="trouble"' not in page
    assert 'class="aside"' not in page


def test_a_post_mortem_draws_its_steps_and_the_releases_of_that_time() -> None:
    page = POSTMORTEM["html"](documents.postmortem_document("r1"), Display())
    assert len(re.findall(r'class="marked"', page)) == 2
    assert "Release r1 deployed" in page
    assert "66.7% errors" in page


def test_a_post_mortem_without_a_call_in_the_log_draws_nothing() -> None:
    page = POSTMORTEM["html"]({**documents.postmortem_document(), "traffic": None}, Display())
    assert "<svg" not in page


@pytest.mark.parametrize(
    ("kind", "evidence", "told"),
    [
        (
            "signal",
            {
                "events": 9,
                "errors": 6,
                "baseline": {"events": 1000, "errors": 9, "share": 0.003},
                "other_releases": {"events": 2, "errors": 0},
            },
            [("Usually", "0.3% errors"), ("Other releases beside it", "0.0% errors"), ("This release", "66.7% errors")],
        ),
        (
            "signal",
            {"events": 0, "errors": 0, "baseline": {"events": 0, "errors": 0}, "other_releases": None},
            [("This release", "no call")],
        ),
        ("volume", {"events": 2, "expected": 40.4}, [("To be expected", "40"), ("This release", "2")]),
        ("volume", {"events": 2, "expected": None}, []),
        ("flow", {"expected": 3}, []),
        ("signal", {}, []),
        ("signal", {"errors": "many", "baseline": "none"}, []),
    ],
)
def test_a_check_shows_what_was_usual_beside_what_the_release_does(kind, evidence, told) -> None:
    row = {"kind": kind, "evidence": evidence}
    assert [(side.title, side.share) for side in sides_of(row)] == told


def test_many_checks_of_one_verdict_are_folded_together_and_what_is_wrong_is_not() -> None:
    document = documents.verdict_document()
    [row] = [row for row in document["checks"] if row["verdict"] == "inconclusive"]
    page = VERDICT["html"]({**document, "checks": [row] * 20 + [{**row, "verdict": "fail"}] * 20}, Display())
    assert page.count("<span>20 checks</span>") == 1
    assert page.count('<section class="row fail"') == 20


def _line(page: str, class_: str) -> float:
    [x] = re.findall(rf'<line class="{class_}" x1="([\d.]+)" y1="11" x2="\1" y2="{BOTTOM}"', page)
    return float(x)
