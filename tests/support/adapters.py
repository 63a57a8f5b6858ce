"""Adapters in front of the stand-ins, with a clock that only moves when something waits."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from releaseguard.clocks import Clocks
from releaseguard.destinations.interface import Item, ItemKind
from releaseguard.http import Authorization, ServiceClient, TimeLimits
from releaseguard.sandbox.serving.stand_in import StandIn
from releaseguard.secret import Secret


@dataclass
class FakeTime:
    """Seconds that pass only where somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class StepClock:
    """A wall clock that moves on by ``step`` seconds with every look, far behind the real one."""

    now: datetime = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    step: float = 2.0

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.step)
        return self.now


def client_for(
    stand_in: StandIn,
    token: str | None,
    time: FakeTime | None = None,
    headers: Callable[[], Mapping[str, str | Secret]] | None = None,
) -> ServiceClient:
    time = time or FakeTime()
    bearer = {"authorization": Secret(f"Bearer {token}")} if token else {}
    return ServiceClient(
        service=stand_in.name,
        base_url=stand_in.url,
        authorization=Authorization(headers or (lambda: bearer)),
        times=TimeLimits(request=5.0),
        clocks=Clocks(time, time.sleep),
    )


class Connections:
    """Makes clients and closes them all, also after a failed test."""

    def __init__(self) -> None:
        self._opened: list[ServiceClient] = []

    def __call__(
        self,
        stand_in: StandIn,
        token: str | None,
        time: FakeTime | None = None,
        headers: Callable[[], Mapping[str, str | Secret]] | None = None,
    ) -> ServiceClient:
        self._opened.append(client_for(stand_in, token, time, headers))
        return self._opened[-1]

    def close(self) -> None:
        for client in self._opened:
            client.close()


def secret_item(name: str, value: str, version: int = 2, note: str = "") -> Item:
    return Item(name, Secret(value), ItemKind.SECRET, version, note)


def companion_item(name: str, version: int = 2) -> Item:
    return Item(name, Secret(str(version)), ItemKind.COMPANION, version)


def everything_said(error: BaseException) -> str:
    """All that a log or a terminal could show of an exception, its causes and its context."""
    parts = [*traceback.format_exception(error)]
    seen: BaseException | None = error
    while seen is not None:
        parts += [repr(seen), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)
