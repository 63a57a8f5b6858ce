"""What is held of a stretch of time, with what changed read again, is what reading all of it anew gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from hypothesis import given
from hypothesis import strategies as st

from releaseguard.verification.again.held import MINUTE, MOST_SPANS, HeldRows, Stretch, renewed, to_read

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = tuple[datetime, int]

moments = st.integers(-3000, 3000).map(lambda some: NOON + timedelta(seconds=20 * some))
looks = st.tuples(st.lists(st.tuples(moments, st.booleans()), max_size=12), moments, st.booleans())


def within(rows: Sequence[Row], spans: Sequence[Stretch]) -> list[Row]:
    """As a store answers, which is asked for each stretch."""
    return [
        row for span in spans for row in rows if (span.since is None or span.since <= row[0]) and row[0] < span.until
    ]


@given(
    st.lists(looks, min_size=2, max_size=6),
    st.one_of(st.none(), moments),
    st.sampled_from([MINUTE, HOUR]),
    st.booleans(),
)
def test_what_is_held_is_what_would_be_read(
    script: Sequence[tuple[Sequence[tuple[datetime, bool]], datetime, bool]],
    since: datetime | None,
    unit: timedelta,
    stays: bool,
) -> None:
    rows: list[Row] = []
    held: HeldRows[Row] | None = None
    touched = set[datetime]()
    for number, (changes, until, may_be_any) in enumerate(script):
        for at, comes in changes:
            rows = [*rows, (at, number)] if comes else [row for row in rows if row[0] != at]
            touched.add(at.replace(second=0))
        asked = Stretch(since, script[0][1] if stays else until)
        if since is not None and asked.until <= since:
            continue
        read = to_read(held, asked, None if may_be_any else touched)
        held, touched = renewed(held, asked, read, within(rows, read), itemgetter(0), unit), set()
        assert sorted(held.rows) == sorted(within(rows, [asked]))
        assert len(read) <= MOST_SPANS


def test_nothing_is_read_where_nothing_changed_and_a_minute_where_one_did() -> None:
    asked = Stretch(NOON, NOON + HOUR)
    held = renewed(None, asked, [asked], [(NOON, 1)], itemgetter(0))
    assert to_read(held, asked, set()) == []
    assert to_read(held, asked, {NOON + MINUTE}) == [Stretch(NOON + MINUTE, NOON + 2 * MINUTE)]
    assert to_read(held, Stretch(NOON, NOON + 2 * HOUR), set()) == [Stretch(NOON + HOUR, NOON + 2 * HOUR)]
