"""A history that is held compressed gives out what was put in, around each moment in a ledger's own order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.stats.series import Cell, Ledger
from releaseguard.verification.backtesting import holding
from releaseguard.verification.backtesting.holding import HeldCells, HeldNearby

DAYS = 2 * 24 * 60
FAR = 5_000_000_000
"""A minute that no four bytes hold: a table of the app's own may say anything."""
CELLS = st.builds(
    Cell,
    occurred=st.integers(0, DAYS),
    recorded=st.integers(0, DAYS) | st.just(FAR),
    provider=st.sampled_from(["mail", "maps"]),
    event=st.sampled_from(["sent", "failed"]),
    ok=st.booleans(),
    release=st.sampled_from([None, "", "r1", "r2"]),
    synthetic=st.booleans(),
    client=st.booleans(),
    total=st.integers(0, 9),
    repeats=st.integers(0, 3),
    trials=st.integers(-3, 9),
    squares=st.integers(0, 90),
    source=st.sampled_from([None, "web", "job"]),
    deployment_id=st.sampled_from([None, "dpl_1"]),
)


def is_job(source: str | None) -> bool:
    return source == "job"


def held_of(cells: list[Cell]) -> HeldNearby:
    held = HeldCells()
    for cell in cells:
        held.add(cell)
    return HeldNearby(held, is_job)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few cells are packed in several parts, and a few hours are more than are held unpacked."""
    monkeypatch.setattr(holding, "MOST_OPEN", 3)
    monkeypatch.setattr(holding, "MOST_UNPACKED", 2)


@given(st.lists(CELLS, max_size=40), st.lists(st.tuples(st.integers(-60, DAYS), st.integers(0, 600)), max_size=4))
def test_around_each_moment_there_is_what_a_ledger_would_keep(cells, spans):
    read = [cell._replace(elsewhere=is_job(cell.source)) for cell in cells]
    kept = Ledger((), [DAYS // 2], DAYS, DAYS)
    kept.add(read)
    held = held_of(cells)
    ledger = Ledger((), (), 0, nearby=held)
    ledger.add(held.each())
    for start, length in spans:
        assert ledger.near(start, start + length) == kept.near(start, start + length)
    assert (ledger.first, ledger.providers) == (kept.first, kept.providers)
    for provider in kept.providers:
        assert ledger.series(provider).every(0, 1, DAYS) == kept.series(provider).every(0, 1, DAYS)


@given(st.lists(CELLS, max_size=40))
def test_nothing_is_lost_and_nothing_is_added(cells):
    read = Counter(cell._replace(elsewhere=is_job(cell.source)) for cell in cells)
    assert Counter(held_of(cells).each()) == read
