"""What drift found, in the formats that other programs read."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from releaseguard.report.findings.document import FindingsPage, FoundRow
from releaseguard.report.formats import FINDINGS
from releaseguard.report.layout.display import Display
from releaseguard.rotation.drift.compare import DRIFTED, DriftFinding, DriftStatus
from releaseguard.rotation.drift.page import RULES, page_of
from releaseguard.rotation.drift.survey import DriftReport
from releaseguard.rotation.identity.other_writers import OtherWriter

WRITER = OtherWriter(".github/workflows/deploy.yml", 12, "vercel env add", ("SENDGRID_API_KEY",))


def finding(status: DriftStatus) -> DriftFinding:
    return DriftFinding("sendgrid", "SENDGRID_API_KEY", "github:o/r", "SENDGRID_API_KEY", status, f"why {status}", 1, 2)


def report(*statuses: DriftStatus, writers=()) -> DriftReport:
    return DriftReport(findings=[finding(status) for status in statuses], leaks={}, other_writers=writers)


def rendered(page: FindingsPage, format_: str) -> str:
    return FINDINGS[format_](page, Display(100, 0))


@pytest.mark.parametrize("status", list(DriftStatus))
def test_what_ends_with_one_is_an_error_everywhere_and_nothing_else(status):
    page = page_of(report(status), "production")
    results = json.loads(rendered(page, "sarif"))["runs"][0]["results"]
    failures = ET.fromstring(rendered(page, "junit").split("?>", 1)[1]).get("failures")
    bad = status in DRIFTED
    assert ([one["level"] for one in results] == ["error"]) == bad
    assert failures == str(int(bad))
    assert ("❌" in rendered(page, "markdown")) == bad
    assert (results == []) == (status is DriftStatus.IN_STEP)


def test_every_rule_that_a_finding_names_is_described():
    assert {status.value for status in DriftStatus} <= set(RULES)


def test_a_command_of_a_workflow_has_its_line_and_all_others_the_configuration():
    page = page_of(report(DriftStatus.BEHIND, writers=(WRITER,)), "production")
    places = [
        one["locations"][0]["physicalLocation"] for one in json.loads(rendered(page, "sarif"))["runs"][0]["results"]
    ]
    assert places[0] == {"artifactLocation": {"uri": "releaseguard.toml"}}
    assert places[1]["artifactLocation"] == {"uri": ".github/workflows/deploy.yml"}
    assert places[1]["region"] == {"startLine": 12}


def test_what_has_to_be_done_stands_once_however_much_has_drifted():
    text = rendered(page_of(report(*[DriftStatus.BEHIND] * 30), "production"), "markdown")
    assert text.count("releaseguard rotate --all-drifted --environment production") == 1


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ((), "drift: nothing found"),
        (("ok", "ok"), "drift: nothing found"),
        (("note",), "drift: nothing found, 1 could not be looked at"),
        (("error", "warning", "ok"), "drift: 1 to fix, 1 to look at"),
    ],
)
def test_one_line_says_what_was_found(levels, said):
    rows = [FoundRow(rule="behind", level=level, subject="s", place="p", reason="r") for level in levels]
    page = FindingsPage(title="drift", document={}, text="", rows=rows, rules={"behind": "x"})
    assert page.summary == said
