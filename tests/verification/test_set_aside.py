"""Rows that cannot be read pass nothing, and are counted in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import SetAside
from releaseguard.eventlog.rows.aside import MOST_NAMED, MOST_PROVIDERS, SetAsideTally, tally_of
from releaseguard.eventlog.rows.decode import set_aside
from releaseguard.model import Event, Outcome, Verdict
from releaseguard.stats.completeness import as_recorded, is_ahead
from releaseguard.verification.backtesting.replays import BacktestRequest, backtest_of
from releaseguard.verification.evidence import Evidence
from releaseguard.verification.rows.set_aside import (
    UNDATED,
    Unread,
    held_back,
    not_seen_before,
    seen_since,
    undated_in,
    unread_of,
)
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import Finding
from releaseguard_events.stores.table import COLUMNS
from tests.support.verifying import NOON, PROMISE, SHIPPED, judge, mark, steady, stored

MARK = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
ROW = SetAside(
    row="17", column="outcome", theirs="status", problem="is empty", provider="sendgrid", event="e", outcome=None,
    error_code=None, source=None, occurred_at=MARK, recorded_at=MARK,
)  # fmt: skip
PASSED = Finding(
    id="sendgrid.errors", provider="sendgrid", kind="signal", verdict=Verdict.PASS, blocking=True, undecided="block",
    reason="observed 200 events", evidence=Evidence(event_ids=["17"]),
)  # fmt: skip


def rows_of(**counts: int) -> list[SetAside]:
    return [replace(ROW, provider=None if name == "nobody" else name) for name in counts for _ in range(counts[name])]


def of(**counts: int) -> Unread:
    return unread_of(rows_of(**counts))


def tally(**counts: int) -> SetAsideTally:
    return tally_of(rows_of(**counts))


@pytest.mark.parametrize(
    ("aside", "read", "verdict"),
    [
        (of(), 0, Verdict.PASS),
        (of(sendgrid=1), 99, Verdict.PASS),
        (of(sendgrid=1), 98, Verdict.INCONCLUSIVE),
        (of(nobody=1), 10, Verdict.INCONCLUSIVE),
        (of(twilio=50), 10, Verdict.PASS),
        (of(sendgrid=10, nobody=10), 2000, Verdict.PASS),
        (of(sendgrid=10, nobody=10), 1900, Verdict.INCONCLUSIVE),
    ],
)
def test_more_than_a_hundredth_of_a_providers_rows_excludes_its_pass(
    aside: Unread, read: int, verdict: Verdict
) -> None:
    (found,) = held_back([PASSED], aside, {"sendgrid": read})
    assert found.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert "cannot be read and are set aside" in found.reason
        assert found.evidence.set_aside == aside.perhaps_of("sendgrid").total


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.WARN])
def test_what_is_no_pass_stays_what_it_is(verdict: Verdict) -> None:
    (found,) = held_back([replace(PASSED, verdict=verdict)], of(sendgrid=50), {})
    assert (found.verdict, found.reason) == (verdict, PASSED.reason)


def test_what_is_undecided_tells_what_could_not_be_read() -> None:
    (found,) = held_back([replace(PASSED, verdict=Verdict.INCONCLUSIVE)], of(SendGrid=50), {"sendgrid": 50})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "50 of 100 rows since the deployment cannot be read" in found.reason
    assert "no time" not in found.reason


def test_rows_without_any_time_are_not_said_to_be_of_now() -> None:
    undated = replace(ROW, occurred_at=None, recorded_at=None)
    rows = [undated, undated, replace(undated, recorded_at=ROW.recorded_at), replace(undated, provider="twilio")]
    (found,) = held_back([PASSED], unread_of(rows), {"sendgrid": 50})
    assert "; 2 of them have no time and may be of long ago: no later deployment" in found.reason


@pytest.mark.parametrize(
    ("lost", "column", "written", "since", "verdict"),
    [
        (range(30), "occurred_at", "20.11.2026 15:04", 0, Verdict.INCONCLUSIVE),
        (range(30), "event", "", 0, Verdict.INCONCLUSIVE),
        (range(0, 30, 2), "occurred_at", 1763640000, 0, Verdict.INCONCLUSIVE),
        (range(2), "occurred_at", "20.11.2026 15:04", 10, Verdict.FAIL),
        ((), "event", "", 5, Verdict.FAIL),
    ],
    ids=["a date of another country", "no event", "every second one", "two, and then it falls silent", "none"],
)
def test_rows_that_cannot_be_read_are_no_loss_of_the_release(
    tmp_path: Path, lost: Sequence[int], column: str, written: object, since: int, verdict: Verdict
) -> None:
    """A release whose rows come, and whose writer is wrong, was failed for having fallen silent."""
    texts = steady(("twilio_sms_sent",), provider="twilio")
    mails = steady(until=since or 30)
    broken = [str(one.id) for one in mails if one.occurred_at >= NOON][: max(lost, default=-1) + 1]
    with stored(tmp_path / "log.db", [*texts, *mails, mark()]) as log:
        with sqlite3.connect(tmp_path / "log.db") as raw:
            for number in lost:
                raw.execute(f"UPDATE integration_events SET {column} = ? WHERE id = ?", (written, broken[number]))
        found = {one.id: one for one in judge(log).findings}
    assert found["sendgrid.volume"].verdict is verdict, found["sendgrid.volume"].reason
    assert found["twilio.volume"].verdict is Verdict.PASS
    if verdict is Verdict.INCONCLUSIVE:
        said = found["sendgrid.volume"].reason
        assert "cannot be read and are set aside" in said
        assert "fails" not in said


def test_where_no_row_can_be_read_nobody_is_told_to_write_some(tmp_path: Path) -> None:
    with stored(tmp_path / "log.db", [*steady(), mark()]) as log:
        with sqlite3.connect(tmp_path / "log.db") as raw:
            raw.execute("UPDATE integration_events SET event = '' WHERE provider = 'sendgrid'")
        document = document_of(judge(log))
    assert document["verdict"] == "inconclusive"
    assert "rows since the deployment cannot be read" in document["summary"]
    assert "[events.columns]" in (document["next_step"] or "")


BEFORE, AFTER = "a row of long ago", "a row of since"


@pytest.mark.parametrize(
    ("looked", "there", "held"),
    [
        ([], [BEFORE], True),
        ([[BEFORE]], [BEFORE], False),
        ([[BEFORE]], [BEFORE, AFTER], True),
        ([[BEFORE]], [""], True),
        ([["x"]], [BEFORE], True),
        ([["x"], [BEFORE]], [BEFORE], False),
    ],
)
def test_a_row_without_any_time_that_a_look_before_the_release_saw_is_not_its_own(looked, there, held) -> None:
    undated = [replace(ROW, row=one, occurred_at=None, recorded_at=None) for one in there]
    looks = [
        replace(mark(), detail={UNDATED: undated_in([replace(undated[0], row=one) for one in seen])}) for seen in looked
    ]
    (found,) = held_back([PASSED], unread_of(not_seen_before(undated, looks)), {"sendgrid": 50})
    assert (found.verdict is Verdict.INCONCLUSIVE) is held


@pytest.mark.parametrize("said", [None, "abc", 7, [7, None], {"a": 1}])
def test_what_a_look_says_of_rows_without_any_time_is_not_believed_where_it_is_no_list_of_marks(said) -> None:
    rows = [replace(ROW, occurred_at=None, recorded_at=None)]
    assert list(not_seen_before(rows, [replace(mark(), detail={UNDATED: said})])) == rows


def test_a_row_with_a_time_is_not_forgiven_for_its_id() -> None:
    seen = replace(mark(), detail={UNDATED: undated_in([replace(ROW, occurred_at=None, recorded_at=None)])})
    for dated in (ROW, replace(ROW, occurred_at=None), replace(ROW, recorded_at=None)):
        assert not undated_in([dated])
        assert list(not_seen_before([dated], [seen])) == [dated]


@pytest.mark.parametrize(("release", "waits"), [(None, False), ("r1", True)])
def test_rows_that_carry_no_release_are_not_waited_for(tmp_path: Path, release: str | None, waits: bool) -> None:
    rows = [*steady(every=5, until=0, release=release and "r0"), *steady(every=5, since=0, until=15, release=release)]
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        document = document_of(judge(log, now=15))
    assert document["verdict"] == "inconclusive"
    assert ("have the app write its release" in document["summary"]) is not waits
    assert ("--watch" in (document["next_step"] or "")) is waits


@pytest.mark.parametrize("kind", ["secret", "invariant"])
def test_a_check_that_rests_on_no_row_passes(kind: str) -> None:
    (found,) = held_back([replace(PASSED, kind=kind)], of(sendgrid=50), {})
    assert found.verdict is Verdict.PASS


def test_the_rows_since_the_mark_are_counted_repeats_included() -> None:
    row = MinuteCount(MARK, MARK, "production", "sendgrid", "e", Outcome.SUCCESS, None, False, None, 5, 2, 5, 5)
    minutes = [MARK.replace(second=0) + timedelta(minutes=minute) for minute in (-1, 0, 1)]
    assert seen_since([structs.replace(row, occurred_minute=at) for at in minutes], MARK) == {"sendgrid": 14}


@given(st.lists(st.integers(0, 3 * MOST_PROVIDERS), max_size=400))
def test_a_tally_counts_every_row_and_holds_few(providers: list[int]) -> None:
    found = tally_of(replace(ROW, row=str(i), provider=f"p{name}") for i, name in enumerate(providers))
    assert found.rows == len(providers) == sum(found.by_provider.values())
    assert len(found.by_provider) <= MOST_PROVIDERS + 1
    assert len(found.named) <= MOST_NAMED
    for name in set(providers):
        perhaps = found.by_provider.get(f"p{name}", 0) + found.by_provider.get(None, 0)
        assert perhaps >= providers.count(name)


def test_a_row_without_an_id_is_named_in_words() -> None:
    unnamed = set_aside((None,) * len(COLUMNS), lambda _: None, "id", "is empty", "key")
    assert unnamed.row == ""
    assert tally_of([unnamed]).sentence().endswith("is set aside: a row without an id (key is empty)")


def test_a_tally_names_rows_by_id_and_column() -> None:
    assert tally().sentence() == ""
    assert (
        tally(sendgrid=1).sentence() == "1 row of the event log cannot be read and is set aside: 17 (status is empty)"
    )
    assert tally(sendgrid=7).sentence().endswith("17 (status is empty) and 2 more")


def _ai(**more: Any) -> list[Event]:
    return steady(("openai_completion_ok",), provider="openai", every=0.5, **more)


def _failing(rows: Sequence[Event]) -> list[Event]:
    return [replace(one, event="openai_error", outcome=Outcome.ERROR) for one in rows]


HIDDEN = {
    "nothing": ("openai", _ai(), slice(0), Verdict.PASS, Verdict.PASS),
    "errors by another word": ("openai", _ai(), slice(2, 60, 3), Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    "all that is missing": ("sendgrid", steady(), slice(30), Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    "all for ten minutes": ("sendgrid", steady(every=0.5), slice(20), Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    "all successes, beside a few errors": (
        "openai",
        [*_ai(until=28), *_failing(_ai(since=28))],
        slice(56),
        Verdict.INCONCLUSIVE,
        Verdict.INCONCLUSIVE,
    ),
    "a few successes, beside errors": (
        "openai",
        [*_ai(until=5), *_failing(_ai(since=5))],
        slice(10),
        Verdict.FAIL,
        Verdict.FAIL,
    ),
}
"""Whose rows, all of them, which since the deployment cannot be read, and what is right of its errors and of all."""


@pytest.mark.parametrize(("provider", "rows", "hidden", "errors", "verdict"), HIDDEN.values(), ids=HIDDEN)
def test_what_cannot_be_read_neither_passes_nor_fails_in_a_verification_and_in_its_replay(
    tmp_path: Path, provider: str, rows: Sequence[Event], hidden: slice, errors: Verdict, verdict: Verdict
) -> None:
    texts = steady(("twilio_sms_sent",), provider="twilio", every=0.5)
    broken = [str(one.id) for one in rows if one.occurred_at >= NOON][hidden]
    with stored(tmp_path / "log.db", [*texts, *rows, mark()]) as log:
        with sqlite3.connect(tmp_path / "log.db") as raw:
            raw.execute("PRAGMA ignore_check_constraints = 1")
            raw.executemany("UPDATE integration_events SET outcome = 'failed' WHERE id = ?", [(one,) for one in broken])
        judged = judge(log)
        request = BacktestRequest(environment="production", promise=PROMISE, every=timedelta(minutes=1), outcomes={})
        (replayed,) = backtest_of(log, SHIPPED, request).replayed
    said = {one.id: (one.verdict, one.reason) for one in judged.findings}
    assert said[f"{provider}.errors"][0] is errors
    assert {one.id: (one.verdict, one.reason) for one in replayed.findings} == {
        one.id: said[one.id] for one in replayed.findings
    }
    assert (replayed.verdict, replayed.failed_after_s is None) == (verdict, verdict is not Verdict.FAIL)
    assert judged.verdict is verdict


@pytest.mark.parametrize("year", [1, 1970, 2019])
def test_a_row_recorded_before_there_was_any_log_is_not_moved_there(year: int) -> None:
    """Its minute would be the first of all that are counted: a thousand years of minutes fit into no memory."""
    at = MARK.replace(second=0)
    row = MinuteCount(at, at.replace(year=year), "production", "p", "e", Outcome.SUCCESS, None, False, None, 1, 0, 1, 1)
    assert not is_ahead(row)
    assert is_ahead(structs.replace(row, recorded_minute=at - timedelta(days=1)))


@pytest.mark.parametrize("occurred", [1, 2100, 9999])
@pytest.mark.parametrize("recorded", [1, 1969, 2100, 9999])
def test_a_row_whose_times_nobody_can_believe_does_not_stretch_what_is_counted(occurred: int, recorded: int) -> None:
    at = MARK.replace(second=0)
    row = MinuteCount(at, at, "production", "p", "e", Outcome.SUCCESS, None, False, None, 1, 0, 1, 1)
    far = structs.replace(row, occurred_minute=at.replace(year=occurred), recorded_minute=at.replace(year=recorded))
    known = [row, structs.replace(row, occurred_minute=at + timedelta(days=99))]
    until = at + timedelta(minutes=30)
    assert list(as_recorded([far, *known, far], at - timedelta(days=7), until)) == [row, row]
