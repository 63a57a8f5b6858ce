"""Rows that cannot be read pass nothing, and are counted in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import SetAside
from releaseguard.eventlog.rows.aside import MOST_NAMED, MOST_PROVIDERS, SetAsideTally, tally_of
from releaseguard.eventlog.rows.decode import set_aside
from releaseguard.model import Outcome, Verdict
from releaseguard.verification.evidence import Evidence
from releaseguard.verification.rows.set_aside import held_back, seen_since
from releaseguard.verification.values import Finding
from releaseguard_events.stores.table import COLUMNS

MARK = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
ROW = SetAside(
    row="17", column="outcome", problem="is empty", provider="sendgrid", event="e", outcome=None, error_code=None,
    source=None, occurred_at=MARK, recorded_at=MARK,
)  # fmt: skip
PASSED = Finding(
    id="sendgrid.errors", provider="sendgrid", kind="signal", verdict=Verdict.PASS, blocking=True, undecided="block",
    reason="observed 200 events", evidence=Evidence(event_ids=["17"]),
)  # fmt: skip


def of(**counts: int) -> SetAsideTally:
    rows = [replace(ROW, provider=None if name == "nobody" else name) for name in counts for _ in range(counts[name])]
    return tally_of(rows)


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
    aside: SetAsideTally, read: int, verdict: Verdict
) -> None:
    (found,) = held_back([PASSED], aside, {"sendgrid": read})
    assert found.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert "cannot be read and are set aside" in found.reason
        assert found.evidence.set_aside == aside.perhaps_of("sendgrid")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE])
def test_what_is_no_pass_stays_what_it_is(verdict: Verdict) -> None:
    (found,) = held_back([replace(PASSED, verdict=verdict)], of(sendgrid=50), {})
    assert (found.verdict, found.reason) == (verdict, PASSED.reason)


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
    tally = tally_of(replace(ROW, row=str(i), provider=f"p{name}") for i, name in enumerate(providers))
    assert tally.rows == len(providers) == sum(tally.by_provider.values())
    assert len(tally.by_provider) <= MOST_PROVIDERS + 1
    assert len(tally.named) <= MOST_NAMED
    for name in set(providers):
        assert tally.perhaps_of(f"p{name}") >= providers.count(name)


def test_a_row_without_an_id_is_named_in_words() -> None:
    unnamed = set_aside((None,) * len(COLUMNS), lambda _: None, "id", "is empty")
    assert unnamed.row == ""
    assert tally_of([unnamed]).sentence().endswith("is set aside: a row without an id (id is empty)")


def test_a_tally_names_rows_by_id_and_column() -> None:
    assert of().sentence() == ""
    assert of(sendgrid=1).sentence() == "1 row of the event log cannot be read and is set aside: 17 (outcome is empty)"
    assert of(sendgrid=7).sentence().endswith("17 (outcome is empty) and 2 more")
