"""Rows as a table that fits a width: the least important columns are left out, then cells cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from releaseguard.report.layout.cells import fitted, room_of

GAP = "  "
LEAST = 16
"""Characters below which a cell says too little: then a column goes instead."""


def render(rows: Sequence[Mapping[str, str]], columns: Sequence[str], width: int) -> str:
    """The ``columns`` of ``rows``, named in order of importance, for ``width`` characters; empty ones are left out."""
    shown = [column for column in columns if any(row.get(column) for row in rows)]
    widths = {column: max(len(column), *(room_of(row.get(column, "")) for row in rows)) for column in shown}
    while len(shown) > 1 and _total(shown, {name: _least(shown, name, size) for name, size in widths.items()}) > width:
        shown.pop()
    _shrink(widths, shown, width)
    lines = [{column: column.upper() for column in shown}, *rows]
    return "\n".join(_line(line, shown, widths) for line in lines)


def _total(shown: Sequence[str], widths: Mapping[str, int]) -> int:
    return sum(widths[column] for column in shown) + len(GAP) * (len(shown) - 1)


def _least(shown: Sequence[str], column: str, size: int) -> int:
    """The first column, mostly a time, is never cut: half a time says nothing."""
    return size if column == shown[0] else min(size, LEAST)


def _shrink(widths: dict[str, int], shown: Sequence[str], width: int) -> None:
    """Take from the widest column until all fit."""
    while shown and _total(shown, widths) > width:
        widest = max(shown[1:] or shown, key=lambda column: widths[column])
        widths[widest] -= 1


def _line(row: Mapping[str, str], shown: Sequence[str], widths: Mapping[str, int]) -> str:
    return GAP.join(_cell(row.get(column, ""), widths[column]) for column in shown).rstrip()


def _cell(text: str, width: int) -> str:
    return fitted(" ".join(text.split()), width)
