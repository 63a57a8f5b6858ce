"""Clocks that run ahead, local time taken for UTC, names in another case: nothing is lost, and each is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard.model import Event
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.rows.releases import deployments_of, pick
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.whose.as_read import spelling_of
from tests.support.verifying import NOON, SHIPPED, judge, mark, row, steady, stored

HOURS = timedelta(hours=3)


def world(failing: bool = True) -> list[Event]:
    """A week's mails, all of which fail with the release, beside text messages that come."""
    rows = [row(minute / 2, "sendgrid_error", ok=False) for minute in range(50)] if failing else []
    texts = steady(["twilio_sms_sent"], provider="twilio", every=2, since=-2880)
    return [*steady(every=2, since=-2880, until=0 if failing else 30), *texts, *rows]


def judged(path: Path, rows: list[Event], marked: Event | None = None, **more: Any) -> dict[str, Any]:
    with stored(path / "log.db", [*rows, marked or mark()]) as log:
        return dict(document_of(judge(log, request=VerifyRequest(), **more)))


@pytest.mark.parametrize("hours", [1, 3, 12])
def test_rows_in_local_time_are_taken_at_their_recording(tmp_path: Path, hours: int) -> None:
    by = timedelta(hours=hours)
    document = judged(tmp_path, [replace(one, occurred_at=one.occurred_at + by) for one in world()])
    assert document["verdict"] == "fail"
    assert f"rows say that they are {hours} h ahead of the log" in "\n".join(document["remarks"])
    assert document["log"]["down"] is False


def test_a_clock_that_is_a_little_fast_is_not_spoken_of(tmp_path: Path) -> None:
    rows = [replace(one, occurred_at=one.occurred_at + timedelta(minutes=2)) for one in world()]
    document = judged(tmp_path, rows)
    assert document["verdict"] == "fail"
    assert "ahead" not in "\n".join(document["remarks"])


@pytest.mark.parametrize("name", ["SendGrid", "SENDGRID", " sendgrid", "send_grid"])
def test_a_provider_in_another_case_is_the_cards(tmp_path: Path, name: str) -> None:
    rows = [replace(one, provider=name) if one.provider == "sendgrid" else one for one in world()]
    document = judged(tmp_path, rows)
    assert "sendgrid.errors" in document["summary"]
    assert f"{name} is read as sendgrid" in "\n".join(document["remarks"])


def test_a_provider_that_has_no_card_is_looked_at_by_no_check_which_is_said(tmp_path: Path) -> None:
    rows = [replace(one, provider="stripe", event="stripe_failed") for one in world() if one.provider == "sendgrid"]
    remarks = "\n".join(judged(tmp_path, [*world(failing=False), *rows])["remarks"])
    assert "there is no card of stripe, so no check looks at its rows" in remarks
    assert "counts as an error of its provider" not in remarks


def test_names_are_told_apart_where_two_cards_could_mean_them() -> None:
    spelling = spelling_of(SHIPPED)
    assert spelling.of("Expo Push", "EXPO_PUSH_SENT") == ("expo_push", "expo_push_sent")
    assert spelling.of("google_push", "google_push_sent") == ("google_push", "google_push_sent")
    assert spelling.of("mailgun", "Sent") == ("mailgun", "Sent")
    for card in SHIPPED:
        assert spelling.of(card.id, "x") == (card.id, "x")


def test_a_mark_in_local_time_is_taken_at_its_recording(tmp_path: Path) -> None:
    marked = replace(mark(), occurred_at=NOON + HOURS)
    document = judged(tmp_path, world(), marked)
    assert (document["verdict"], document["deployed_at"]) == ("fail", "2026-11-20T12:00:00.000000Z")
    assert "the mark says that it is 3 h ahead of the log" in "\n".join(document["remarks"])
    made = deployments_of([marked], timedelta(minutes=30))
    assert pick(made, environment="production", deployed_at=NOON + HOURS) == made[0]


def test_a_mark_that_is_a_little_ahead_has_no_window_yet_and_the_log_lives(tmp_path: Path) -> None:
    document = judged(tmp_path, world(failing=False), mark(5, recorded=0), now=1)
    assert document["verdict"] == "inconclusive"
    assert "the mark is 4 min ahead of this look's clock: its window has not begun" in document["remarks"]
    assert document["log"]["down"] is False


def test_fewer_rows_of_everybody_are_not_excluded_by_waiting(tmp_path: Path) -> None:
    since = [one for number, one in enumerate(world(failing=False)) if one.occurred_at < NOON or number % 8 == 0]
    (found,) = (one for one in judged(tmp_path, since)["checks"] if one["id"] == "sendgrid.volume")
    assert found["verdict"] == "inconclusive"
    assert "takes about" not in found["reason"]
