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
