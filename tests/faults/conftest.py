"""A whole rotation in this process, against stand-ins that fail on order, with short time limits."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from releaseguard.cards.load import load_cards
from releaseguard.clocks import Clocks
from releaseguard.compose.clients import Clients
from releaseguard.compose.known import configuration
from releaseguard.compose.safety import Safety
from releaseguard.errors import ExitCode, ReleaseguardError
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.http import Limits, ServiceClient
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.values import RotateAction, RotateRequest
from releaseguard.safemode import build_policy
from releaseguard.sandbox.world import World
from releaseguard.wiring import Wiring
from tests.support.canaries import Canaries, values_of

SECRET = "SENDGRID_API_KEY"
NO_STRAGGLER = timedelta(0)
"""Whoever goes on waits for what the run before may have under way: here that has ended, in this process."""
QUICK = '[rotation]\nlease = "1s"\nprove_within = "20s"\n[network]\ntimeout = "3s"\npatience = "9s"\n'


POLLING = Clocks(sleep=lambda seconds: time.sleep(min(seconds, 0.05)))
"""Looks often; the time that a flow is waited with is not over the sooner for it."""


class Waits:
    """A clock of clients on which what a service orders is over at once; of the services too, which look after that."""

    def __init__(self) -> None:
        self._left_out = 0.0
        self._lock = threading.Lock()

    def elapsed(self) -> float:
        return time.monotonic() + self._left_out

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._left_out

    def leave_out(self, seconds: float) -> None:
        with self._lock:
            self._left_out += seconds

    @contextmanager
    def of_clients(self) -> Iterator[None]:
        """Clients wait by this clock, and send nothing before what they sent is answered: whatever comes too early is a
        decision of ours."""
        connect = Clients.connect

        def connected(clients: Clients, *given: Any, limits: Limits | None = None, **named: Any) -> ServiceClient:
            with pytest.MonkeyPatch.context() as meanwhile:  # others ask it what time it is
                meanwhile.setattr(clients, "clocks", Clocks(self.elapsed, self.leave_out))
                return connect(clients, *given, limits=structs.replace(limits or Limits(), concurrency=1), **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Clients, "connect", connected)
            yield


@dataclass
class Ended:
    """How one call of ``rotate`` ended, in everything it let be seen."""

    code: ExitCode
    state: str | None
    shown: str


@dataclass
class Stage:
    """The world, and runs of ``rotate`` in it: each with connections and a memory of its own, like a process."""

    world: World
    folder: Path
    version: int
    waits: Waits
    shown: list[str] = field(default_factory=list)

    def rotate(self, action: RotateAction = RotateAction.ROTATE) -> Ended:
        environ = self.world.environ()
        chosen = configuration.load(self.folder / "releaseguard.toml", environment=None, environ=environ)
        policy = build_policy({}, {}, {})
        safety, cards = Safety(chosen, environ, policy), load_cards(self.folder)
        with self.waits.of_clients(), Wiring(cards, safety, POLLING) as wiring:
            world = wiring.rotation.context(wiring.cards.get("sendgrid"), None)
            world = replace(world, rules=replace(world.rules, side_by_side=4, request_timeout=NO_STRAGGLER))
            ended = self._ended(lambda: rotate(RotateRequest(action=action), world, self.shown.append))
        self.shown.append(ended.shown)
        return ended

    def _ended(self, run: Callable[[], object]) -> Ended:
        try:
            result = run()
        except ReleaseguardError as error:
            return Ended(error.exit_code, None, "".join(traceback.format_exception(error)))
        problem = "".join(traceback.format_exception(result.problem)) if result.problem else ""
        return Ended(result.exit_code, str(result.state), f"{result.to_json()}{result!r}{problem}")

    def give_up_sooner(self) -> None:
        """For silence, which is waited for: a limit that a busy machine may just keep."""
        config = self.folder / "releaseguard.toml"
        config.write_text(config.read_text().replace('timeout = "3s"', 'timeout = "0.8s"'))

    def assert_right(self) -> None:
        """Every destination holds the new version, one deployment was made, and nobody was pressed."""
        assert self.world.holders(SECRET, self.version) >= set(self.world.destinations["sendgrid"])
        assert len(self.world.web.deployments) == 2, "the first one and one redeployment"
        for service in self.world.stand_ins:
            assert service.violations == [], "sent while the service's order to wait was running"

    def assert_nothing_shown(self) -> None:
        """No value, nor a piece of one, in progress, results, exceptions or the database."""
        canaries = Canaries(values_of(self.world))
        assert canaries.found_in("\n".join(self.shown)) == set()
        assert canaries.found_below(self.folder) == {}


@contextmanager
def a_stage(folder: Path) -> Iterator[Stage]:
    with World() as world, SqliteEventLog(folder / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(folder, extra=QUICK)
        waits = Waits()
        for service in world.stand_ins:
            service.elapsed = waits.elapsed
        yield Stage(world, folder, world.new_key(SECRET), waits)
    assert world.crashes == []


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(random, "uniform", lambda low, _high: low)  # the shortest back-off, always the same
    with a_stage(tmp_path) as stage:
        yield stage
