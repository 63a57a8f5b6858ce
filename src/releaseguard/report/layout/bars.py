"""A window's events, part by part, as bars."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.report.rows import CourseRow

BARS = " ▁▂▃▄▅▆▇█"


def sparkline(course: Sequence[CourseRow]) -> str:
    """The events of each part of the window as bars of a height in proportion; nothing is a gap."""
    totals = [part["successes"] + part["errors"] for part in course]
    most = max(totals, default=0)
    return "".join(BARS[-(-total * (len(BARS) - 1) // most)] for total in totals) if most else ""


def heights(course: Sequence[CourseRow], full: int) -> Sequence[tuple[int, int]]:
    """For each part of the window how high its successes and errors stand, of ``full``; one event is never 0."""
    most = max((part["successes"] + part["errors"] for part in course), default=0) or 1
    return [(-(-part["successes"] * full // most), -(-part["errors"] * full // most)) for part in course]
