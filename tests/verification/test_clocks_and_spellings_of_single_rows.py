"""Rows of clocks that are hours off, names with blanks, environments called alike: each is heard, or named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard import readable
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.rows.seen import called_alike
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.whose.tags import tags_of
from tests.support.verifying import NOON, judge, mark, row, steady, stored

AS_FAR = pytest.mark.full("another number of hours, to the same side and on the same side of a day")
OFF = [
    *(timedelta(hours=hours) for hours in (-24 * 20_000, -25, -3, 14)),
    *(pytest.param(timedelta(hours=hours), marks=AS_FAR) for hours in (-8, -5, 3, 30)),
]
"""The first is a clock that nobody ever set."""
Changed = Callable[[Event], Event]


def world(change: Changed, *, bad: bool = False, **more: Any) -> list[Event]:
    """Two days of mails and text messages; the release's mails are written by a clock, or in words, of their own."""
    before = steady(every=2, since=-2880, until=0)
    texts = steady(["twilio_sms_sent"], provider="twilio", every=2, since=-2880)
    mails = [
        row(minute, "sendgrid_error" if bad else "sendgrid_email_sent", ok=not bad, **more) for minute in range(30)
    ]
    return [*before, *texts, *map(change, mails), mark()]


def by_clock(off: timedelta) -> Changed:
    return lambda one: replace(one, occurred_at=one.occurred_at + off)


def judged(path: Path, rows: list[Event]) -> dict[str, Any]:
    log: SqliteEventLog
    with stored(path / "log.db", rows) as log:
        return dict(document_of(judge(log, request=VerifyRequest(), kinds=mails_in)))


def mails_in(detail: Any) -> dict[str, str]:
    return {key: "email" for key, text in detail.items() if "@" in str(text)}


def said(document: dict[str, Any], check: str) -> tuple[str, str]:
    (found,) = (one for one in document["checks"] if one["id"] == check)
    return found["verdict"], found["reason"]


@pytest.mark.parametrize("off", OFF, ids=str)
def test_a_good_release_whose_clock_is_hours_off_is_not_silent(tmp_path: Path, off: timedelta) -> None:
    document = judged(tmp_path, world(by_clock(off)))
    assert said(document, "sendgrid.volume")[0] == "pass"
    way = "ahead of" if off > timedelta(0) else "behind"
    assert f"{way} the log, so a clock or a time zone is wrong" in "\n".join(document["remarks"])


@pytest.mark.parametrize("off", OFF, ids=str)
def test_errors_under_a_clock_that_is_hours_off_fail_the_release(tmp_path: Path, off: timedelta) -> None:
    assert said(judged(tmp_path, world(by_clock(off), bad=True)), "sendgrid.errors")[0] == "fail"


@pytest.mark.parametrize("hours", [6, 25])
def test_rows_without_a_tag_under_a_clock_that_is_hours_behind_are_no_dead_log(tmp_path: Path, hours: int) -> None:
    """Nothing tells whose they are, or of when; that the log is written to they do tell."""
    rows = [replace(one, release=None) for one in world(lambda one: one)]
    behind = timedelta(hours=hours)
    traffic = [one for one in rows if one.provider != "releaseguard"]
    moved = [replace(one, occurred_at=one.occurred_at - behind) if one.occurred_at >= NOON else one for one in traffic]
    verdict, reason = said(judged(tmp_path, [*moved, mark()]), "sendgrid.errors")
    assert verdict == "inconclusive"
    assert f"times {readable.exactly(behind)} older than that: a writer's clock is behind" in reason


@pytest.mark.parametrize("off", OFF, ids=str)
def test_personal_data_is_found_whatever_the_clock_says(tmp_path: Path, off: timedelta) -> None:
    document = judged(tmp_path, world(by_clock(off), detail={"to": "ayse@example.org"}))
    assert said(document, "sendgrid.privacy") == (
        "fail",
        "observed 30 of 30 events with personal data in their detail (to: email); needed none",
    )


def test_slow_successes_under_a_clock_that_is_behind_are_the_releases_and_not_what_was_usual(tmp_path: Path) -> None:
    slow = world(by_clock(timedelta(hours=-3)), latency_ms=9000)
    rows = [replace(one, latency_ms=300) if one.release == "r0" else one for one in slow]
    verdict, reason = said(judged(tmp_path, rows), "sendgrid.latency")
    assert verdict == "warn"
    assert "slower than 303 ms" in reason


def test_a_clock_that_nobody_set_is_told_from_a_life_that_the_release_had_before(tmp_path: Path) -> None:
    """Fewer rows than it wrote days ago are no proof that all of them are of a clock."""
    lived = [row(minute, "sendgrid_email_sent", release="r1") for minute in range(-2880, -2820, 10)]
    late = world(by_clock(timedelta(days=-20_000)))
    assert "behind the log" not in "\n".join(judged(tmp_path, [*lived, *late])["remarks"])


def test_old_rows_of_a_release_that_was_here_before_are_its_past(tmp_path: Path) -> None:
    lived = [row(minute, "sendgrid_email_sent", release="r1") for minute in range(-2880, -2400, 2)]
    late = world(by_clock(timedelta(hours=-25)), detail={"to": "ayse@example.org"})
    document = judged(tmp_path, [*lived, *late])
    assert said(document, "sendgrid.privacy")[0] == "inconclusive"
    assert "behind the log" not in "\n".join(document["remarks"])


@pytest.mark.parametrize("written", [" sendgrid_email_sent ", "SENDGRID_EMAIL_SENT", "sendgrid-email-sent"])
def test_personal_data_is_found_in_events_of_another_spelling(tmp_path: Path, written: str) -> None:
    document = judged(tmp_path, world(lambda one: replace(one, event=written), detail={"to": "ayse@example.org"}))
    assert said(document, "sendgrid.privacy")[0] == "fail"
    assert f"{written} is read as sendgrid_email_sent" in "\n".join(document["remarks"])


@pytest.mark.parametrize("written", ["r1\n", " r1", "shop@r1 "])
def test_blanks_around_a_tag_are_none_of_it(tmp_path: Path, written: str) -> None:
    document = judged(tmp_path, world(lambda one: replace(one, release=written), bad=True))
    assert said(document, "sendgrid.errors")[0] == "fail"


def test_blanks_do_not_make_two_names_one() -> None:
    assert not tags_of(None).same("r 1", "r1")
    assert not tags_of(None).same("", "r1")


@pytest.mark.parametrize("name", ["Production", "prod", "production ", "PRODUCTION"])
def test_an_environment_called_alike_is_no_dead_log(tmp_path: Path, name: str) -> None:
    rows = [replace(one, environment=name) if one.occurred_at >= NOON else one for one in world(lambda one: one)]
    here = [replace(one, environment="production") if one.provider == "releaseguard" else one for one in rows]
    document = judged(tmp_path, here)
    verdict, reason = said(document, "sendgrid.volume")
    assert verdict == "inconclusive"
    assert f"nothing of it comes in this environment, and rows come in others called alike or new: {name!r}" in reason
    assert "pipeline" not in reason
    assert document["log"]["down"] is False


def test_a_part_of_the_release_in_an_environment_called_alike_is_told(tmp_path: Path) -> None:
    rows = world(lambda one: replace(one, environment="Production"))
    assert "other environments: Production (30)" in "\n".join(judged(tmp_path, rows)["remarks"])


def half_of_the_mails_in(name: str, *, bad: bool = False) -> list[Event]:
    """Every minute a mail here and one under the other name."""
    here = steady(since=-2880, until=0, every=0.5)
    texts = steady(["twilio_sms_sent"], provider="twilio", every=2, since=-2880)
    event = "sendgrid_error" if bad else "sendgrid_email_sent"
    mails = [row(half / 2, event, ok=not bad) for half in range(60)]
    moved = [replace(one, environment=name) if number % 2 else one for number, one in enumerate(mails)]
    return [*here, *texts, *moved, mark()]


@pytest.mark.parametrize("name", ["prod", "Production", "live"])
def test_a_release_that_writes_half_its_events_under_another_environment_loses_none(tmp_path: Path, name: str) -> None:
    verdict, reason = said(judged(tmp_path, half_of_the_mails_in(name)), "sendgrid.volume")
    assert verdict == "inconclusive", reason
    assert f"about 30 of its rows came in environments called alike or new: {name!r} (30)" in reason


def test_the_half_that_stands_here_does_not_pass_the_other(tmp_path: Path) -> None:
    document = judged(tmp_path, half_of_the_mails_in("prod"))
    verdict, reason = said(document, "sendgrid.errors")
    assert verdict == "inconclusive"
    assert "came in environments called alike" in reason
    assert "other environments: prod (30)" in "\n".join(document["remarks"])


def test_what_fails_in_both_environments_fails(tmp_path: Path) -> None:
    assert said(judged(tmp_path, half_of_the_mails_in("prod", bad=True)), "sendgrid.errors")[0] == "fail"


def test_staging_that_runs_the_same_release_excuses_no_loss(tmp_path: Path) -> None:
    rows = half_of_the_mails_in("staging")
    ever = [replace(one, environment="staging") for one in steady(since=-1440, until=0, every=0.5)]
    lost = [
        one for one in rows if one.environment == "staging" or one.event != "sendgrid_email_sent" or one.release == "r0"
    ]
    document = judged(tmp_path, [*lost, *ever])
    assert said(document, "sendgrid.volume")[0] == "fail"
    assert "staging" not in "\n".join(document["remarks"])


def test_another_environment_is_not_called_alike() -> None:
    assert called_alike({"staging": 3, "prod": 2, "preview": 1, " ": 1}, "production") == {"prod": 2}
