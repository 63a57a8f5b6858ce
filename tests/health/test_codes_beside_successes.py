"""A provider whose calls say success beside a 401 is not called healthy without a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard.health.document import document_of
from releaseguard.health.run import HealthContext, Observer
from tests.support.verifying import NOON, SHIPPED, row, stored


def shown(path: Path, code_of: Callable[[int], str | None], language: str = "en") -> Any:
    """What is said of mails, one a minute for a day, of which the last hour's carry such codes."""
    rows = [row(-m, "sendgrid_email_sent", error_code=code_of(m) if m < 60 else None) for m in range(1440)]
    with stored(path / "log.db", rows) as log:
        hour, day = timedelta(hours=1), timedelta(days=1)
        context = HealthContext(
            log=log, cards=SHIPPED, environment="production", window=hour, baseline=day, now=lambda: NOON
        )
        document = document_of(Observer(context).look(), language)
    return next(one for one in document["providers"] if one["provider"] == "sendgrid")


def test_calls_that_were_all_refused_are_not_healthy(tmp_path):
    found = shown(tmp_path, lambda _: "401")
    assert found["state"] == "unknown"
    assert "say success beside the code of a failure (401)" in found["reason"]


def test_a_few_second_tries_are_told_of_a_healthy_provider(tmp_path):
    found = shown(tmp_path, lambda minute: None if minute % 20 else "503")
    assert (found["state"], found["reason"].split(" say")[0]) == ("healthy", "3 of 60 calls")


@pytest.mark.parametrize("code", [None, "200", "404"])
def test_codes_of_its_own_are_nothing(code, tmp_path):
    found = shown(tmp_path, lambda _: code)
    assert (found["state"], found["reason"]) == ("healthy", "60 calls, none failed")
