"""What the log remembers of what was told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releaseguard.messages.message import Message
from releaseguard.notify.memory import NOT_DELIVERED, SENT, Remembered, row_of, told_of
from releaseguard.notify.news import News
from releaseguard.settings import Occasion

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
DOWN, UP = Occasion.PROVIDER_DOWN, Occasion.PROVIDER_UP


def news(occasion: Occasion, *, after: bool = False, subject: str = "provider sendgrid") -> News:
    return News(
        occasion=occasion,
        subject=subject,
        environment="production",
        headline=Message("notify.up", {"name": "SendGrid", "environment": "production"}),
        only_after_other=after,
    )


def rows(*told: tuple[Occasion, bool]) -> list:
    """Messages about one subject, each delivered or not."""
    made = []
    for number, (occasion, delivered) in enumerate(told):
        made.append(row_of(SENT, news(occasion), number, AT))
        made += [] if delivered else [row_of(NOT_DELIVERED, news(occasion), number, AT)]
    return made


@pytest.mark.parametrize(
    ("told", "down", "up"),
    [
        ([], True, False),
        ([(DOWN, True)], False, True),
        ([(DOWN, False)], True, False),
        ([(DOWN, True), (UP, True)], True, False),
        ([(DOWN, True), (UP, False)], False, True),
        ([(DOWN, True), (UP, True), (DOWN, True)], False, True),
    ],
    ids=["never", "down", "down-lost", "up-again", "up-lost", "down-again"],
)
def test_each_change_is_told_once_and_a_message_that_was_lost_again(told, down, up):
    remembered = told_of("provider sendgrid", rows(*told))
    assert remembered.messages == len(told)
    assert (remembered.lacks(news(DOWN)), remembered.lacks(news(UP, after=True))) == (down, up)


def test_what_was_told_of_another_subject_is_nothing():
    assert told_of("provider twilio", rows((DOWN, True))) == Remembered()


def test_two_runs_write_the_same_row_and_a_later_message_another():
    first, second = row_of(SENT, news(DOWN), 0, AT), row_of(SENT, news(DOWN), 0, AT.replace(hour=11))
    assert first.id == second.id
    assert row_of(SENT, news(DOWN), 1, AT).id != first.id
    assert row_of(SENT, news(DOWN, subject="provider twilio"), 0, AT).id != first.id


@pytest.mark.parametrize("number", [None, "x", 1.5, True])
def test_a_row_with_rubbish_for_a_number_stops_nothing(number):
    row = row_of(SENT, news(DOWN), 0, AT)
    row.detail["message"] = number
    assert told_of("provider sendgrid", [row]).last == "provider_down"
