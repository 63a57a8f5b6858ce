"""Events over time as the shapes of an SVG: bars, the expected band, an axis with times, marks, and gaps. Pure.

A chart is 360 units wide, which is a phone's width, so that its letters stay readable there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from releaseguard.report.rows import CourseRow

WIDTH, HEIGHT = 360, 118
LEFT, RIGHT, TOP, BOTTOM = 30, 356, 14, 98
"""The edges of the plot: letters stand left of it and below."""
TICKS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of the window; heights above the plot's bottom, successes below and errors on top."""

    x: float
    width: float
    good: float
    bad: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws, in the units of the drawing."""

    bars: Sequence[Bar]
    gaps: Sequence[tuple[float, float]]
    """Left edge and width of each silence: parts without an event where some were to be expected."""
    band: str
    """The points of the polygon in which nine of ten parts lie by chance; empty where nothing is expected."""
    ticks: Sequence[tuple[float, float]]
    """Where a time stands, and its share of the window, from 0 to 1."""
    marks: Sequence[float]
    most: int
    """Events at the top of the plot."""


def chart_of(course: Sequence[CourseRow], expected: Sequence[float], marks: Sequence[float]) -> Chart:
    """The shapes for the parts of a window; ``marks`` are shares of the window, from 0 to 1."""
    totals = [part["successes"] + part["errors"] for part in course]
    top = max([*totals, *(_high(one) for one in expected), 1])
    return Chart(
        bars=[_bar(i, part, len(course), top) for i, part in enumerate(course)],
        gaps=list(_gaps(totals, expected)),
        band=_band(expected, top),
        ticks=[(_x(i / (TICKS - 1)), i / (TICKS - 1)) for i in range(TICKS)],
        marks=[_x(share) for share in marks],
        most=math.ceil(top),
    )


def _x(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _height(events: float, top: float) -> float:
    return round(events / top * (BOTTOM - TOP), 1)


def _bar(index: int, part: CourseRow, parts: int, top: float) -> Bar:
    left, right = _x(index / parts), _x((index + 1) / parts)
    return Bar(left, round(right - left - 1, 1), _height(part["successes"], top), _height(part["errors"], top))


def _gaps(totals: Sequence[int], expected: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Runs of parts without any event, where chance alone would hardly leave them all empty."""
    start = None
    for i in range(len(expected) + 1):
        empty = i < len(expected) and totals[i] == 0
        if empty and start is None:
            start = i
        if not empty and start is not None:
            if sum(expected[start:i]) >= SURE:
                yield _x(start / len(expected)), round(_x(i / len(expected)) - _x(start / len(expected)), 1)
            start = None


SURE = 3.0
"""Expected events of which a twentieth of all silences is by chance: exp(-3) is 0.05."""


def _high(expected: float) -> float:
    """Below which nine of ten parts lie, by the normal law of a count."""
    return expected + 1.64 * math.sqrt(expected)


def _low(expected: float) -> float:
    return max(expected - 1.64 * math.sqrt(expected), 0.0)


def _band(expected: Sequence[float], top: float) -> str:
    if not any(expected):
        return ""
    middles = [(i + 0.5) / len(expected) for i in range(len(expected))]
    upper = [(x, _high(one)) for x, one in zip(middles, expected, strict=True)]
    lower = [(x, _low(one)) for x, one in zip(middles, expected, strict=True)]
    return " ".join(f"{_x(x)},{round(BOTTOM - _height(y, top), 1)}" for x, y in [*upper, *reversed(lower)])
