"""A table that fits: cells are cut, then columns left out, the least important first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.report.layout import table
from releaseguard.report.layout.cells import fitted, room_of

ROWS = [
    {"time": "2026-11-24 10:15:00Z", "event": "sendgrid_email_sent", "code": "", "release": "abcdef0123456789"},
    {"time": "2026-11-24 10:14:00Z", "event": "sendgrid_error", "code": "401", "release": "abcdef0123456789"},
]
COLUMNS = ("time", "event", "code", "release", "source")


def test_everything_is_shown_where_there_is_room_and_empty_columns_are_not() -> None:
    assert table.render(ROWS, COLUMNS, 200).splitlines() == [
        "TIME                  EVENT                CODE  RELEASE",
        "2026-11-24 10:15:00Z  sendgrid_email_sent        abcdef0123456789",
        "2026-11-24 10:14:00Z  sendgrid_error       401   abcdef0123456789",
    ]


def test_the_widest_cells_are_cut_first() -> None:
    lines = table.render(ROWS, COLUMNS[:3], 46).splitlines()
    assert all(len(line) <= 46 for line in lines)
    assert "sendgrid_email_se…" in lines[1]
    assert "CODE" in lines[0]


def test_a_time_is_never_cut() -> None:
    assert all(row["time"] in table.render(ROWS, COLUMNS, 30) for row in ROWS)


def test_the_least_important_columns_go_where_cutting_is_not_enough() -> None:
    assert table.render(ROWS, COLUMNS, 40).splitlines()[0].split() == ["TIME", "EVENT"]


def test_line_ends_in_a_cell_do_not_break_the_row() -> None:
    assert len(table.render([{"a": "x\ny\r\n\tz"}], ["a"], 40).splitlines()) == 2


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdef"), st.text(st.characters(codec="ascii"), max_size=60)), max_size=6
    ),
    st.integers(8, 200),
)
def test_no_line_is_longer_than_the_width(rows: list[dict[str, str]], width: int) -> None:
    assert all(len(line) <= width for line in table.render(rows, "abcdef", width).split("\n"))


@pytest.mark.parametrize("width", [24, 30, 40, 60, 100])
def test_wide_letters_take_the_room_that_they_take(width: int) -> None:
    rows = [
        {"time": "10:15Z", "event": "送信エラー送信エラー送信エラー", "code": "é" * 9},
        {"time": "10:16Z", "event": "sent 🔥🔥", "code": "e\u0301" * 9},
    ]
    lines = table.render(rows, ("time", "event", "code"), width).splitlines()
    assert all(room_of(line) <= width for line in lines)
    if "CODE" in lines[0]:
        begins = {room_of(lines[1][: lines[1].index("é")]), room_of(lines[2][: lines[2].rindex("  ") + 2])}
        assert begins == {lines[0].index("CODE")}


@given(st.text(max_size=30), st.integers(2, 40))
def test_what_is_fitted_takes_exactly_its_room(text: str, width: int) -> None:
    flat = " ".join(text.split())
    told = fitted(flat, width)
    assert room_of(told) == width
    assert told.rstrip() == flat or told.rstrip().endswith("…")
