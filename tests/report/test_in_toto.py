"""Verdicts and rotations as in-toto statements: nothing but what passed is PASSED."""

from __future__ import annotations

import json

import pytest

from releaseguard.report.formats import POSTMORTEM, VERDICT
from releaseguard.report.layout.display import Display
from tests.report.documents import postmortem_document, verdict_document

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def statement(document, formats=VERDICT):
    return json.loads(formats["in-toto"](document, Display()))


@pytest.mark.parametrize(
    ("verdict", "result"),
    [("pass", "PASSED"), ("warn", "WARNED"), ("fail", "FAILED"), ("inconclusive", "FAILED"), ("error", "FAILED")],
)
def test_what_is_not_decided_is_no_pass(verdict, result):
    found = statement({**verdict_document("x"), "verdict": verdict, "release": COMMIT})
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert found["subject"] == [{"name": COMMIT, "digest": {"gitCommit": COMMIT}}]
    assert found["predicate"]["result"] == result


@pytest.mark.parametrize(
    ("verdict", "blocking", "where"),
    [
        ("pass", True, "passedTests"),
        ("warn", True, "warnedTests"),
        ("fail", True, "failedTests"),
        ("inconclusive", True, "failedTests"),
        ("error", True, "failedTests"),
        ("fail", False, "warnedTests"),
        ("inconclusive", False, "warnedTests"),
        ("pass", False, "passedTests"),
    ],
)
def test_each_check_stands_in_one_list(verdict, blocking, where):
    document = verdict_document("x")
    row = {**document["checks"][0], "id": "a.check", "verdict": verdict, "blocking": blocking}
    predicate = statement({**document, "checks": [row]})["predicate"]
    lists = {name: predicate[name] for name in ("passedTests", "warnedTests", "failedTests")}
    assert lists == {**{name: [] for name in lists}, where: ["a.check"]}


def test_a_release_that_is_no_commit_is_known_by_the_digest_of_its_name():
    [subject] = statement({**verdict_document("x"), "release": "shop@2.1"})["subject"]
    assert subject["name"] == "shop@2.1"
    assert len(subject["digest"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("state", "findings", "result"),
    [
        ("PROVEN", [], "PASSED"),
        ("RETIRED", [], "PASSED"),
        ("UNPROVEN", [], "FAILED"),
        ("WAITING_APPROVAL", [], "FAILED"),
        ("ROLLED_BACK", [], "FAILED"),
        ("PROVEN", ["step 3 was edited"], "FAILED"),
    ],
)
def test_only_a_proven_rotation_with_an_intact_history_passes(state, findings, result):
    document = postmortem_document("x")
    document = {**document, "rotation": {**document["rotation"], "state": state}, "findings": findings}
    found = statement({**document, "head": f"sendgrid@production#12:{'ab' * 32}"}, POSTMORTEM)
    assert found["predicate"]["result"] == result
    assert found["subject"][0]["digest"] == {"sha256": "ab" * 32}
