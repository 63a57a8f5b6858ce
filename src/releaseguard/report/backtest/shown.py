"""What a gate has shown on a project: harms planted into its history, and its releases replayed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from releaseguard import readable


class PlantedRow(TypedDict):
    """One harm planted into copies of the history, at several moments."""

    provider: str
    harm: str
    """``errors``: that share of calls fails; ``drop``: that share of them is lost."""
    size: float
    tried: int
    found: int
    nine_in_ten_s: int | None
    """Seconds in which nine in ten were found; ``None``: fewer were."""


class RecordRow(TypedDict):
    """What the gate has shown on this project."""

    measured_at: str
    releases: int
    failed: int
    undecided: int
    good: int
    good_failed: int
    bad: int
    bad_failed: int
    false_alarms_promised: float
    planted: Sequence[PlantedRow]


def planted_words(row: PlantedRow) -> str:
    """One planting, as people read it."""
    harm = f"errors rise to {row['size']:.0%}" if row["harm"] == "errors" else f"a drop by {row['size']:.0%}"
    within = row["nine_in_ten_s"]
    soon = f", 9 in 10 within {readable.minutes(timedelta(seconds=within))}" if within is not None else ""
    return f"{row['provider']}: {harm}: found {row['found']} of {row['tried']}{soon}"
