from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.report.formats import VERDICT
from releaseguard.report.layout.display import Display

TIME = "2026-11-24T10:00:00.000000Z"
NASTY = '<script>alert(1)</script> | `x` & "quoted"'


def row(check_id, verdict, *, blocking=True, reason="observed 3 of 9; needed less"):
    return {"id": check_id, "provider": "sendgrid", "kind": "signal", "verdict": verdict, "blocking": blocking,
            "reason": reason, "evidence": {"errors": 3, "silence_cause": None}}  # fmt: skip


DOCUMENT = {
    "verdict": "fail",
    "release": "a1b2c3",
    "environment": "production",
    "component": None,
    "deployed_at": TIME,
    "live_since": TIME,
    "as_of": TIME,
    "summary": "sendgrid.errors failed",
    "next_step": "Roll back.",
    "record": None,
    "shown_by_this_traffic": [],
    "decides_sooner": [],
    "decisions": {
        "accepted": [{"check": "sendgrid.soft", "reason": "known | wanted", "at": TIME, "by": "ada"}],
        "removes": ["mapbox"],
        "expect_traffic": 2.0,
        "rolls_back": True,
    },
    "remarks": ["no row carries 9f3c, but other releases were seen: shop | 4"],
    "log": {},
    "checks": [
        row("sendgrid.ok", "pass"),
        row("sendgrid.soft", "warn", blocking=False),
        row("sendgrid.quiet", "inconclusive"),
        row("sendgrid.errors", "fail", reason=NASTY),
    ],
    "skipped": [
        {"id": "paytr.withdraw", "provider": "paytr", "kind": "flow", "reason": "not configured"},
        {"id": "paytr.secret", "provider": "paytr", "kind": "secret", "reason": "not configured"},
    ],
}


def render(name, width=100):
    return VERDICT[name](DOCUMENT, Display(width))


def test_text_puts_the_answer_first_and_then_what_needs_a_reader():
    lines = render("text").splitlines()
    assert lines[0] == "FAIL  sendgrid.errors failed"
    marks = [line.split()[0] for line in lines if " sendgrid." in line and line[0].isupper()][1:]
    assert marks == ["FAIL", "INCONCLUSIVE", "WARN*", "PASS"]


@pytest.mark.parametrize("width", [20, 32, 40, 60, 120])
def test_text_fits_the_terminal(width):
    longest = max(len(word) for word in render("text").split())
    assert all(len(line) <= max(width, longest + 14) for line in render("text", width).splitlines())


@pytest.mark.parametrize("name", ["text", "json", "markdown", "junit", "html", "sarif"])
def test_what_people_decided_is_in_every_format(name):
    text = " ".join(render(name, 400).split())
    assert "sendgrid.soft" in text
    for said in ("ada", "wanted", "mapbox"):
        assert said in text


def test_json_is_the_document():
    assert json.loads(render("json")) == DOCUMENT


def test_markdown_cannot_be_broken_out_of_by_a_reason():
    text = render("markdown")
    assert "<script>" not in text
    assert "\\|" in text


def test_junit_tells_failures_undecided_and_skipped_apart():
    suite = ET.fromstring(render("junit").split("?>", 1)[1])
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "1", "errors": "1", "skipped": "2",
    }  # fmt: skip
    assert len(suite.findall(".//failure")) == 1


def test_sarif_has_a_result_for_everything_that_did_not_pass():
    run = json.loads(render("sarif"))["runs"][0]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("sendgrid.soft", "warning"), ("sendgrid.quiet", "note"), ("sendgrid.errors", "error"),
    ]  # fmt: skip


def test_html_is_one_file_without_outside_requests_and_escapes_what_it_shows():
    page = render("html")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not any(word in page for word in ("http://", "https://", "src=", "@import", "url("))
    assert "prefers-color-scheme: dark" in page


@given(st.text(min_size=1, max_size=80), st.sampled_from(sorted(VERDICT)))
def test_no_text_breaks_a_format(text, name):
    document = {**DOCUMENT, "release": text, "checks": [row("a.b", "fail", reason=text)]}
    output = VERDICT[name](document, Display(80))
    if name in {"json", "sarif"}:
        json.loads(output)
    elif name == "junit":
        ET.fromstring(output.split("?>", 1)[1])
    assert output


@pytest.mark.parametrize("name", ["text", "markdown", "junit", "html"])
def test_nothing_that_an_app_logs_steers_the_readers_terminal(name):
    evil = "r2\x1b[2J\x07\u202e\n## PASS"
    output = VERDICT[name]({**DOCUMENT, "release": evil, "checks": [row("a.b", "fail", reason=evil)]}, Display(80))
    assert not set(output) & {"\x1b", "\x07", "\u202e"}
    assert not any(line.startswith("## PASS") for line in output.splitlines())


def test_a_checklist_of_which_nothing_was_left_does_not_look_like_success():
    undecided = {**DOCUMENT, "verdict": "inconclusive", "summary": "nothing was judged", "checks": []}
    suite = ET.fromstring(VERDICT["junit"](undecided, Display(80)).split("?>", 1)[1])
    assert (suite.get("errors"), suite.get("tests")) == ("1", "3")
    assert suite.find(".//error").get("message") == "nothing was judged"
    (result,) = json.loads(VERDICT["sarif"](undecided, Display(80)))["runs"][0]["results"]
    assert result["message"]["text"] == "nothing was judged"


def test_a_page_breaks_no_line_inside_an_option_and_touches_no_markup():
    told = DOCUMENT | {"next_step": "Run it again: releaseguard verify --no-flows --as-of TIME", "release": "x --a-b"}
    page = VERDICT["html"](told, Display())
    assert '<span class="short">--no-flows</span>' in page
    assert '<code title="x --a-b">' in page
    assert "<title>FAIL: x --a-b</title>" in page


def test_what_would_decide_sooner_stands_under_a_heading_of_its_own():
    sooner = {"check": "sendgrid.quiet", "by": "window", "words": "a window of 60m ([verify] window)"}
    page = VERDICT["html"](DOCUMENT | {"decides_sooner": [sooner]}, Display())
    assert "<h2>What would decide it sooner</h2>\n<ul><li>it would decide sendgrid.quiet:" in page


def test_people_read_times_to_the_second_and_programs_as_they_are():
    told = DOCUMENT | {"as_of": "2026-11-24T10:00:21.856904Z"}
    assert "as of 2026-11-24T10:00:21Z" in VERDICT["text"](told, Display())
    assert "as of 2026-11-24T10:00:21Z." in VERDICT["markdown"](told, Display())
    assert '"2026-11-24T10:00:21.856904Z"' in VERDICT["json"](told, Display())


def test_a_reason_that_counts_one_is_in_number_for_programs_too_and_what_people_wrote_stays() -> None:
    document = {
        "checks": [{"id": "a", "reason": "observed 1 errors of 1 events"}],
        "accepted": [{"check": "a", "reason": "1 events, as we know"}],
    }
    told = json.loads(VERDICT["json"](document, Display()))
    assert told["checks"][0]["reason"] == "observed 1 error of 1 event"
    assert told["accepted"] == document["accepted"]
