"""Facts are written as each language does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.messages.localizer import Localizer
from releaseguard.messages.message import Counted, Message, message

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ENGLISH, TURKISH = Localizer("en", NOON), Localizer("tr", NOON)


@pytest.mark.parametrize(
    ("write", "english", "turkish"),
    [
        (lambda one: one.share(0.042), "4.2%", "%4,2"),
        (lambda one: one.share(0.0), "0.0%", "%0,0"),
        (lambda one: one.span(timedelta(minutes=125)), "2 h 5 min", "2 sa 5 dk"),
        (lambda one: one.span(timedelta(seconds=200)), "3 min", "3 dk"),
        (lambda one: one.span(timedelta(minutes=-3)), "0 min", "0 dk"),
        (lambda one: one.clock(NOON - timedelta(minutes=5)), "11:55Z", "11:55Z"),
        (lambda one: one.clock(NOON - timedelta(days=1)), "2026-11-23 12:00Z", "2026-11-23 12:00Z"),
        (lambda one: one.about(12.4), "about 12", "yaklaşık 12"),
        (lambda one: one.about(0.2), "about 1", "yaklaşık 1"),
        (lambda one: one.counted(Counted("timeout", 3)), "timeout x3", "timeout x3"),
        (lambda one: one.counted(Counted("", 3)), "no code x3", "kodsuz x3"),
    ],
)
def test_numbers_times_and_shares(write, english, turkish):
    assert write(ENGLISH) == english
    assert write(TURKISH) == turkish


@pytest.mark.parametrize(("number", "written"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls")])
def test_a_noun_follows_its_number(number, written):
    assert ENGLISH.number(number, "call") == written


@pytest.mark.parametrize(
    ("fact", "written"),
    [
        ("plain", "plain"),
        ("0123456789abcdef0123456789abcdef01234567", "0123456789ab"),
        (None, "?"),
        (7, "7"),
        (NOON, "12:00Z"),
        (timedelta(hours=1), "1 h 0 min"),
        ({"en": "text", "tr": "metin"}, "text"),
        (["a", "b"], "a, b"),
        ([], "-"),
        ([Counted(401, 2), Counted("", 1)], "401 x2, no code x1"),
        (message("state.down"), "down"),
        ([message("state.down"), message("state.idle")], "down idle"),
    ],
)
def test_a_fact_is_written_by_its_kind(fact, written):
    assert ENGLISH.phrase("problem.setting", what=fact) == written


def test_a_fact_with_braces_is_no_sentence():
    assert ENGLISH.phrase("problem.setting", what="{provider} {0} {{}}") == "{provider} {0} {{}}"


def test_an_errors_own_words_are_said_in_english_alone():
    step = Message("remedy.denied", {"variable": "VARIABLE"}, in_english="Give it actions: read.")
    assert ENGLISH.say(step) == "Give it actions: read."
    assert TURKISH.say(step) == "VARIABLE değerini ve okuma yetkilerini kontrol et."


def test_a_fact_that_is_missing_is_an_error():
    with pytest.raises(KeyError):
        ENGLISH.phrase("problem.setting")
