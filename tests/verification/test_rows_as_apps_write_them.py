"""Small worlds of rows as apps, pipelines and people write them: what is right was said before each was tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from releaseguard.model import Event, Outcome, Verdict
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.telling.summary import next_step_of
from tests.support.verifying import judge, mark, row, steady, stored

MAILS, ERRORS, TEXTS = ("sendgrid_email_sent",), ("sendgrid_error",), ("twilio_sms_sent",)
SECOND = timedelta(seconds=1)


def before(until: float = 0, release: str | None = "r0") -> list[Event]:
    """Two providers of the release before."""
    texts = steady(TEXTS, provider="twilio", every=0.5, since=-1600, until=until, release=release)
    return [*steady(MAILS, every=0.5, since=-1600, until=until, release=release), *texts]


def served(since: float = 0, until: float = 30, release: str | None = "r1") -> list[Event]:
    return [
        *steady(MAILS, every=0.5, since=since, until=until, release=release),
        *steady(TEXTS, provider="twilio", every=0.5, since=since, until=until, release=release),
    ]


def failing(since: float = 0, until: float = 30, release: str | None = "r1") -> list[Event]:
    """Mails fail, texts do not."""
    return [
        *steady(ERRORS, every=0.5, since=since, until=until, ok=False, release=release),
        *steady(TEXTS, provider="twilio", every=0.5, since=since, until=until, release=release),
    ]


def moved(rows: Sequence[Event], by: timedelta) -> list[Event]:
    return [replace(one, occurred_at=one.occurred_at + by) for one in rows]


def again(rows: Sequence[Event], **more: object) -> list[Event]:
    """The same rows, written once more under an id of their own."""
    return [replace(one, id=UUID(int=one.id.int << 64), **more) for one in rows]  # type: ignore[arg-type]


def with_ids(rows: Sequence[Event]) -> list[Event]:
    return [replace(one, correlation_id=f"action {one.id.int}") for one in rows]


def twice_written() -> list[Event]:
    rows = with_ids(served())
    return [*with_ids(before()), *rows, *again(rows), mark()]


def retried() -> list[Event]:
    """Every second first attempt fails, and succeeds two seconds later."""
    rows = with_ids(served())
    mails = [one for one in rows if one.provider == "sendgrid"][::2]
    failed = again(mails, event="sendgrid_error", outcome=Outcome.ERROR)
    return [*with_ids(before()), *rows, *moved(failed, -2 * SECOND), mark()]


def slow_pipeline() -> list[Event]:
    late = [replace(one, recorded_at=one.occurred_at + timedelta(minutes=10)) for one in served()]
    return [*before(), *late, mark()]


def imported(since: float, until: float) -> list[Event]:
    """Errors of the release before, of which the log learns five minutes after the mark."""
    learned = row(5, "sendgrid_error").recorded_at
    old = steady(ERRORS, every=0.5, since=since, until=until, ok=False, release="r0")
    return [*before(), *(replace(one, recorded_at=learned) for one in old), *served(), mark()]


def went_back() -> list[Event]:
    marks = [mark(-1500, "r0"), mark(-30, "r1"), mark(0, "r0")]
    return [*before(until=-30), *failing(since=-30, until=0), *served(release="r0"), *marks]


def deployed_again() -> list[Event]:
    """It failed, was rolled back, and comes again as it was."""
    marks = [mark(-1500, "r0"), mark(-90, "r1"), mark(-60, "r0"), mark(0, "r1")]
    return [*before(until=-90), *failing(-90, -60), *served(-60, 0, "r0"), *failing(), *marks]


def in_maintenance() -> list[Event]:
    return [*before(until=-10), *served(since=20), mark()]


def worker_is_later() -> list[Event]:
    """Mails are sent by a worker, which is deployed ten minutes later."""
    mails = [*steady(MAILS, every=0.5, since=0, until=10, release="r0"), *steady(MAILS, every=0.5, since=10)]
    return [*before(), *mails, *steady(TEXTS, provider="twilio", every=0.5, since=0), mark()]


def fixed_the_old_one() -> list[Event]:
    return [*before(until=-180), *failing(-180, 0, "r0"), *served(), mark()]


def odd_latencies() -> list[Event]:
    odd = [-5, 2**31 - 1, 0, None]
    return [*before(), *(replace(one, latency_ms=odd[n % 4]) for n, one in enumerate(served())), mark()]


def other_preview() -> list[Event]:
    return [*before(), *served(), *(replace(one, environment="preview") for one in failing()), mark()]


WORLDS: dict[str, tuple[Callable[[], list[Event]], str, bool | None]] = {
    "a clock five minutes fast": (lambda: [*before(), *moved(served(), 300 * SECOND), mark()], "r1", False),
    "a clock five minutes fast, failing": (lambda: [*before(), *moved(failing(), 300 * SECOND), mark()], "r1", True),
    "local time throughout": (lambda: [*moved([*before(), *served()], 10800 * SECOND), mark()], "r1", False),
    "local time throughout, failing": (lambda: [*moved([*before(), *failing()], 10800 * SECOND), mark()], "r1", True),
    "a tag that was never set": (
        lambda: [*before(release="undefined"), *served(release="undefined"), mark()],
        "r1",
        None,
    ),
    "every row written twice": (twice_written, "r1", False),
    "retries that succeed": (retried, "r1", True),
    "a pipeline ten minutes slow": (slow_pipeline, "r1", False),
    "days of errors imported": (lambda: imported(-1400, -1200), "r1", False),
    "an hour of errors imported": (lambda: imported(-60, -10), "r1", False),
    "a roll-back that worked": (went_back, "r0", False),
    "what it rolled back": (went_back, "r1", True),
    "deployed again as it was": (deployed_again, "r1", True),
    "maintenance around the mark": (in_maintenance, "r1", None),
    "a worker deployed later": (worker_is_later, "r1", False),
    "the one before was bad": (fixed_the_old_one, "r1", False),
    "odd latencies": (odd_latencies, "r1", False),
    "a preview that fails": (other_preview, "r1", False),
    "nobody serves": (lambda: [*before(until=30), mark()], "r1", None),
    "the first of an app": (lambda: [*served(), mark()], "r1", None),
}
"""Rows, the release that is asked about, and whether it is bad; ``None``: no PASS either."""


@pytest.mark.parametrize(("rows", "release", "bad"), WORLDS.values(), ids=WORLDS)
def test_rows_as_they_come(tmp_path: Path, rows: Callable[[], list[Event]], release: str, bad: bool | None) -> None:
    with stored(tmp_path / "log.db", rows()) as log:
        found = judge(log, request=VerifyRequest(release=release))
    said = {one.id: one for one in found.findings}["sendgrid.errors"]
    if bad:
        assert said.verdict is Verdict.FAIL, said.reason
    else:
        assert found.verdict is not Verdict.FAIL, [one.reason for one in found.findings]
        assert bad is False or said.verdict is not Verdict.PASS, said.reason


def test_a_provider_that_is_gone_is_failed_with_the_mark_that_says_it_was_meant(tmp_path: Path) -> None:
    mails = steady(MAILS, every=0.5, since=0)
    with stored(tmp_path / "log.db", [*before(), *mails, mark()]) as log:
        found = judge(log)
    assert found.verdict is Verdict.FAIL
    assert "releaseguard events deployed --release r1 --removes twilio" in (next_step_of(found) or "")
