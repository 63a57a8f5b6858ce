"""Events over time as the shapes of an SVG: bars, the expected band, an axis with times, marks, and gaps. Pure.

A chart is 360 units wide, which is a phone's width, so that its letters stay readable there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releaseguard import readable
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
class PlacedMark:
    """Something that was done to the app: a line, with its number in the list below where there is room for one."""

    x: float
    number: int | None


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws, in the units of the drawing."""

    bars: Sequence[Bar]
    gaps: Sequence[tuple[float, float]]
    """Left edge and width of each silence: parts without an event where some were expected."""
    band: str
    """The points of the polygon in which nine of ten parts lie by chance; empty where nothing is expected."""
    ticks: Sequence[tuple[float, float]]
    """Where a time stands, and its share of the window, from 0 to 1."""
    marks: Sequence[PlacedMark]
    most: int
    """Events at the top of the plot."""
    trouble: float | None = None
    """Where trouble began."""

    @property
    def drawn(self) -> bool:
        """Whether there is anything to see."""
        return bool(self.band or self.gaps or any(bar.good or bar.bad for bar in self.bars))


@dataclass(frozen=True, slots=True)
class Side:
    """One half of what stands side by side: before something happened, and afterwards."""

    title: str
    mood: str
    share: str
    calls: str


WORST, BAD = 0.2, 0.02
"""Shares of errors from which on a part of the past is shown as bad, and as not well."""


def mood_of(share: float | None) -> str:
    """How a share of errors looks; ``empty`` where nothing was called."""
    if share is None:
        return "empty"
    return "fail" if share >= WORST else "warn" if share >= BAD else "pass"


def share_of(window: Sequence[str], moment: str) -> float:
    """Where a moment lies in a window: 0 at its beginning, 1 at its end. All are RFC 3339."""
    start, end = map(datetime.fromisoformat, window)
    return (datetime.fromisoformat(moment) - start) / (end - start)


def times_of(window: Sequence[str]) -> Sequence[str]:
    """The times that stand below a chart: of a day, or longer, with their dates."""
    start, end = map(datetime.fromisoformat, window)
    moments = [start + i / (TICKS - 1) * (end - start) for i in range(TICKS)]
    if end - start < timedelta(days=1):
        return [readable.clock(moment, zone="") for moment in moments]
    return [readable.date_and_clock(moment, zone="")[5:] for moment in moments]


def chart_of(
    course: Sequence[CourseRow], expected: Sequence[float], marks: Sequence[float], trouble: float | None = None
) -> Chart:
    """The shapes for the parts of a window; ``marks`` are shares of the window, from 0 to 1, and so is ``trouble``,
    where it began."""
    totals = [part["successes"] + part["errors"] for part in course]
    top = max([*totals, *(_high(one) for one in expected), 1])
    return Chart(
        bars=[_bar(i, part, len(course), top) for i, part in enumerate(course)],
        gaps=list(_gaps(totals, expected)),
        band=_band(expected, top),
        ticks=[(_x(i / (TICKS - 1)), i / (TICKS - 1)) for i in range(TICKS)],
        marks=list(_placed(marks)),
        trouble=None if trouble is None else _x(trouble),
        most=math.ceil(top),
    )


def _placed(marks: Sequence[float]) -> Iterator[PlacedMark]:
    """Each with its number, but for one whose number would stand on that of the one before."""
    last = -math.inf
    for number, share in enumerate(marks, 1):
        x = _x(share)
        apart = x - last >= NUMBER
        last = x if apart else last
        yield PlacedMark(x, number if apart else None)


NUMBER = 12
"""The width of a mark's number."""


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
