"""Counts per minute: sums over any span, what was known at a look, and which rows a check counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.stats.reading import Reading
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Cell, KnownSeries, Ledger, Series

PIECES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9), st.integers(0, 9)), max_size=30)


def cell(occurred: int, *, recorded: int | None = None, **more: Any) -> Cell:
    given: dict[str, Any] = {
        "occurred": occurred,
        "recorded": occurred if recorded is None else recorded,
        "provider": "mail",
        "event": "sent",
        "ok": True,
        "release": None,
        "synthetic": False,
        "client": False,
        "total": 1,
        "repeats": 0,
    }
    return Cell(**given | more)


@given(PIECES, st.integers(-5, 65), st.integers(-5, 65))
def test_a_span_holds_what_its_minutes_hold(pieces, start, end):
    series = Series()
    for piece in pieces:
        series.add(*piece)
    inside = [piece for piece in pieces if start <= piece[0] < max(start, end)]
    expected = sum(total for _, total, _ in inside), sum(bad for _, _, bad in inside)
    if start <= end:
        assert series.counts(start, end) == expected
        assert series.total(start, end) == expected[0]


@given(PIECES, PIECES, st.integers(0, 60))
def test_what_is_counted_after_a_look_counts_at_the_next(before, after, hour):
    series, counts = Series(), range(60)
    for piece in before:
        series.add(*piece)
    series.counts(0, 61)
    series.add_hour(hour, counts, bad=True)
    for piece in after:
        series.add(*piece)
    expected = [(0, 0)] * 121
    for minute, total, bad in [*before, *after, *((hour + at, count, count) for at, count in enumerate(counts))]:
        expected[minute] = expected[minute][0] + total, expected[minute][1] + bad
    assert series.every(0, 1, 121) == expected


@given(PIECES, PIECES)
def test_what_was_not_known_yet_is_not_counted(known, late):
    series = Series()
    for piece in (*known, *late):
        series.add(*piece)
    before = KnownSeries(series, late)
    assert before.counts(0, 61) == (sum(total for _, total, _ in known), sum(bad for _, _, bad in known))
    assert before.total(0, 61) == before.counts(0, 61)[0]


READING = Reading("mail", frozenset({"sent"}), frozenset({"bounced"}), frozenset({"sent", "bounced"}))


@pytest.mark.parametrize(
    ("event", "ok", "said"),
    [
        ("sent", True, False),
        ("sent", False, True),
        ("bounced", True, True),
        ("bounced", False, True),
        ("anything", False, True),
        ("anything", True, None),
    ],
)
def test_how_a_check_that_judges_errors_reads_a_row(event, ok, said):
    assert READING.of(event, ok) is said
    assert READING.is_stray(event, ok) is (event == "anything" and not ok)


def test_a_check_that_names_its_events_reads_no_other():
    named = Reading("mail", frozenset({"sent"}), frozenset({"bounced"}))
    assert named.of("anything", ok=False) is None


def test_a_test_users_rows_are_no_traffic_and_a_sign_of_life_all_the_same():
    ledger = Ledger([READING], [1000], 30)
    ledger.add([cell(1001), cell(1002, synthetic=True), cell(1003, event="bounced", ok=False)])
    assert ledger.read(READING).counts(0, 2000) == (2, 1)
    assert ledger.series("mail").counts(0, 2000) == (2, 1)
    assert [one.occurred for one in ledger.near(1000, 1030)] == [1001, 1002, 1003]
    assert (ledger.first, ledger.providers) == (1001, ["mail"])


def test_single_cells_are_kept_around_a_deployment_alone():
    ledger = Ledger([], [1000], 30)
    edges = [1000 - LOOKBACK - 1, 1000 - LOOKBACK, 1000 + 30 + AFTERMATH - 1, 1000 + 30 + AFTERMATH]
    ledger.add(cell(minute) for minute in edges)
    assert [one.occurred for one in ledger.near(0, 2000)] == edges[1:3]
