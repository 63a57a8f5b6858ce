"""The stand-in app with an event log behind it, and what runs flows against both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from releaseguard.cards.load import Cards, join, shipped_folder
from releaseguard.cards.spec import Card
from releaseguard.clocks import Clocks
from releaseguard.eventlog.interface import EventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.http import Authorization, ServiceClient, TimeLimits
from releaseguard.sandbox.app import AppStandIn
from releaseguard.sandbox.world import World
from releaseguard.secret import Secret
from releaseguard.tomlfile import parse, read
from releaseguard.verification.flows.context import FlowContext
from releaseguard.verification.flows.runner import FlowRunner
from releaseguard.verification.flows.session import SyntheticUser, UserSession
from tests.support.adapters import FakeTime

CANCELLED = """
[[flows]]
id = "withdraw"
amount = 1
max_amount = 1

[[flows.steps]]
name = "withdraw"
extract = { withdrawal_id = "withdrawal_id" }

[[flows.cleanup]]
name = "cancel"
path = "/functions/v1/paytr-withdraw"
method = "DELETE"
body = { withdrawal_id = "{withdrawal_id}" }
when = "withdrawal_id"
expect = [200, 202, 204, 404, 410]
"""
"""What an app says that takes a withdrawal back."""


def _cards() -> Cards:
    shipped = [read(path) for path in sorted(shipped_folder().glob("*.toml"))]
    return join(shipped, [parse(CANCELLED, Path("paytr.toml"))])


CARDS = _cards()
RELEASE = "new-release"
MONEY = frozenset({"paytr"})


def honouring(card: Card) -> Card:
    """The card of an app that honours idempotency keys."""
    return structs.replace(card, flows=[structs.replace(flow, idempotent=True) for flow in card.flows])


@dataclass
class Surroundings:
    """A world, its log, and how to look at both."""

    world: World
    log: EventLog
    client: ServiceClient
    session: UserSession
    time: FakeTime

    @property
    def app(self) -> AppStandIn:
        return self.world.app

    def flow_world(self, log: EventLog | None = None, test_paths: frozenset[str] = MONEY) -> FlowContext:
        return FlowContext(
            log=log or self.log,
            client=self.client,
            session=self.session,
            environment="production",
            test_paths=test_paths,
            clock=self.time,
            sleep=self.time.sleep,
        )

    def runner(self, purpose: str = "deployment-1", test_paths: frozenset[str] = MONEY) -> FlowRunner:
        return FlowRunner(self.flow_world(test_paths=test_paths), purpose=purpose, release=RELEASE)

    def paths(self) -> list[str]:
        """Method and path of everything that was sent to the app."""
        return [f"{request.method} {request.path}" for request in self.app.requests]


def client_of(app_url: str, session: UserSession, time: FakeTime) -> ServiceClient:
    return ServiceClient(
        service="app",
        base_url=app_url,
        authorization=Authorization(session.headers),
        times=TimeLimits(request=5.0, repeats=30.0),
        clocks=Clocks(time, time.sleep),
    )


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    """The app runs ``RELEASE`` and logs to a file in ``folder``."""
    time = FakeTime()
    with World(release=RELEASE) as world, SqliteEventLog(folder / "events.db") as log:
        world.app.log = log.append
        session = UserSession(
            lambda: SyntheticUser(Secret(world.app.email), Secret(world.app.password), Secret(world.app.anon_key)), time
        )
        client = client_of(world.app.url, session, time)
        try:
            yield Surroundings(world, log, client, session, time)
        finally:
            client.close()
        assert world.crashes == []
