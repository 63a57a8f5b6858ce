"""A furnished world that lives on, in simulated time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from releaseguard.sandbox.course import evening_at
from releaseguard.sandbox.hands import Hands
from releaseguard.sandbox.life import Life
from releaseguard.sandbox.seed import Week
from releaseguard.sandbox.story import furnished
from releaseguard.sandbox.world import World
from tests.support.commands import Commands

NOW = datetime(2026, 11, 27, 16, 30, 20, tzinfo=UTC)
"""A Friday, so that the weekend is not far."""
RELEASE = "5eed" * 10
SHIFT = evening_at(NOW.replace(hour=20))


class Clock:
    """The time in the world and in its log."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Playground:
    """A world, its log, and the time in both."""

    world: World
    folder: Path
    clock: Clock
    life: Life
    hands: Hands
    cli: Commands

    def pass_(self, time: timedelta) -> None:
        """Let time go by; users go on."""
        self.clock.now += time
        self.life.catch_up(self.clock.now)


def week_at(path: Path) -> Week:
    """What the users' week is in every playground, for the log at ``path``."""
    return Week(path, seed=4, shift=SHIFT, versions=furnished().labels)
