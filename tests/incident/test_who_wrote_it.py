"""Who wrote the rows of an incident is named, also where releases are commits, which look like secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releaseguard.incident.evidence import evidence_of, most_failing
from releaseguard.keeping import clean_text
from releaseguard.secret import without_keys
from tests.support.verifying import NOON, row

TOKEN = "ghp_" + "a1B2" * 9
BEFORE, SINCE = "1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e", "9f3c1ab27d5e4c0f8a6b1d2e3f405162738495a6"


def scrub(text: str) -> str:
    """As the command does it: nothing like a key is left."""
    return without_keys(clean_text(text))


@pytest.mark.parametrize("prefix", ["", "shop@"])
def test_releases_that_are_commits_are_told_apart(prefix: str) -> None:
    """They were masked alike, so that the release that failed and the one that did not were one writer."""
    rows = [row(-1, "sendgrid_email_sent", release=prefix + BEFORE, source="web") for _ in range(9)]
    rows += [row(1, "sendgrid_error", ok=False, release=prefix + SINCE, source="web") for _ in range(3)]
    (first, failing), (second, well) = most_failing(evidence_of(rows, NOON - timedelta(minutes=5), scrub))
    assert (first.release, failing.events, failing.errors) == (prefix + SINCE, 3, 3)
    assert (second.release, well.events, well.errors) == (prefix + BEFORE, 9, 0)


def test_a_secret_that_an_app_wrote_there_is_not_shown() -> None:
    rows = [row(1, "sendgrid_error", ok=False, release=TOKEN, source="web") for _ in range(3)]
    assert TOKEN not in str(most_failing(evidence_of(rows, NOON, scrub)))
