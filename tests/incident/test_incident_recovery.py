"""Trouble that seems to be over is said to be; one usual error since makes no difference, and a pause is no end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.incident.recovery import Tally, recovery_of

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def minutes(*stretches: tuple[int, int, int]) -> dict[datetime, Tally]:
    """For so many minutes, so many calls a minute, of which so many fail."""
    every = [Tally(calls, failed) for count, calls, failed in stretches for _ in range(count)]
    return {NOON + timedelta(minutes=number): one for number, one in enumerate(every)}


@pytest.mark.parametrize(
    ("stretches", "over_after"),
    [
        ([(10, 2, 2), (30, 2, 0)], 10),
        ([(10, 2, 2), (10, 2, 0), (1, 2, 1), (20, 2, 0)], 10),  # a usual error since
        ([(10, 2, 2), (2, 2, 0)], None),  # too few to say so
        ([(10, 2, 2), (10, 2, 0), (10, 2, 2)], None),  # it came back
        ([(40, 2, 2)], None),
        ([(40, 2, 0)], None),
        ([], None),
    ],
)
def test_when_trouble_seems_to_be_over(stretches: list[tuple[int, int, int]], over_after: int | None) -> None:
    found = recovery_of(minutes(*stretches), 0.02)
    assert (found and found.since) == (None if over_after is None else NOON + timedelta(minutes=over_after))


def test_a_share_that_is_usual_is_no_trouble_that_could_be_over() -> None:
    assert recovery_of(minutes((20, 10, 3), (20, 10, 2)), 0.25) is None
