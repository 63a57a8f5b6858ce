"""What is left out does not push away what is to be done."""

from __future__ import annotations

import pytest

from releaseguard.report.formats import VERDICT
from releaseguard.report.layout.display import Display
from tests.report.documents import verdict_document

NOT_LOGGED = "not configured: no {}_sent was logged here in 28 days"
NO_PLACES = "not configured: [providers.{}] destinations"


def skipped(count, reason):
    names = [f"provider{number}" for number in range(count)]
    return [
        {"id": f"{name}.errors", "provider": name, "kind": "signal", "reason": reason.format(name)} for name in names
    ]


def rendered(rows, verbosity=0):
    return VERDICT["text"]({**verdict_document("x"), "skipped": rows}, Display(100, verbosity))


@pytest.mark.parametrize("reason", [NOT_LOGGED, NO_PLACES])
def test_many_checks_with_one_reason_are_counted_and_named_on_demand(reason):
    text = rendered(skipped(40, reason))
    said = [line for line in text.splitlines() if line.startswith("skipped")]
    assert len(said) == 1
    assert "40 checks (-v names them) of provider0, provider1" in said[0]
    assert len(text.splitlines()) <= len(rendered([]).splitlines()) + 8
    assert "provider39.errors" not in text
    assert "provider39.errors" in rendered(skipped(40, reason), verbosity=1)


def test_a_few_are_named():
    text = rendered(skipped(3, NO_PLACES))
    assert all(f"provider{number}.errors" in text for number in range(3))


@pytest.mark.parametrize(("name", "folded"), [("markdown", "<details><summary>\nskipped: 40\n"), ("html", "<details")])
def test_in_a_page_and_a_comment_they_are_folded_behind_what_is_to_be_done(name, folded):
    document = {**verdict_document("x"), "skipped": skipped(40, NOT_LOGGED), "next_step": "look here"}
    text = VERDICT[name](document, Display(100, 0))
    assert text.count("logged here in 28 days") == 1
    before, after = text.split("look here", 1)
    assert "provider39.errors" not in before
    assert folded in after.split("provider0.errors")[0]
    assert "provider39.errors" in after
