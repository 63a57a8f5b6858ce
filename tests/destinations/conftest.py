"""One place of every kind, each in front of a stand-in of its service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.address import Addresses, ReadAddress
from releaseguard.destinations.interface import Destination
from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.sandbox.serving.stand_in import StandIn
from releaseguard.sandbox.supabase import SupabaseStandIn
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.services.github.destination import GitHubDestination
from releaseguard.services.supabase.destination import SupabaseDestination
from releaseguard.services.vercel.destination import VercelDestination
from tests.services.stand_ins import NetlifyStandIn
from tests.support import contracts
from tests.support.adapters import Connections, FakeTime, StepClock


@dataclass
class Place:
    """A destination, and what its stand-in holds there."""

    destination: Destination
    stand_in: StandIn
    time: FakeTime
    value: Callable[[str], str | None]
    put: Callable[[str, str], Any]
    reopen: Callable[..., Destination]
    """The destination with another ``uri`` or ``token``."""
    elsewhere: str
    """A place of the same account that holds a copy of ``COPIED``."""
    read: ReadAddress = ADDRESSES.parse

    @property
    def writes(self) -> list[str]:
        return [f"{sent.method} {sent.path}" for sent in self.stand_in.requests if sent.writes]


@contextmanager
def checked(stand_in: StandIn) -> Iterator[Connections]:
    """Clients; afterwards the stand-in has made no mistake and every request fits the official description."""
    connections = Connections()
    try:
        yield connections
    finally:
        connections.close()
    assert stand_in.crashes == []
    if contracts.available() and stand_in.name in contracts.BASES:
        contracts.check(stand_in.name, stand_in.requests)


@contextmanager
def github_place(uri: str) -> Iterator[Place]:
    with GitHubStandIn(StepClock()) as stand_in, checked(stand_in) as opened:
        stand_in.add_organization("lovendo")
        stand_in.add_repository("lovendo/app", ["production", "pre prod/eu"])
        stand_in.add_repository("lovendo/other", ["staging"])
        stand_in.put("lovendo/other", "COPIED", "x", "staging")
        address, time = ADDRESSES.parse(uri), FakeTime()
        owner = f"{address.account}/{address.repo}" if address.repo else address.account
        at = (address.environment, address.scheme == "github-dependabot")
        store = stand_in.place(owner, at[0], dependabot=at[1])

        def reopen(uri: str = uri, token: str = stand_in.token) -> Destination:
            return GitHubDestination(opened(stand_in, token, time), ADDRESSES.parse(uri), sleep=time.sleep)

        def value(name: str) -> str | None:
            found = store.secrets.get(name) or store.variables.get(name)
            return found.value if found else None

        yield Place(
            reopen(),
            stand_in,
            time,
            value,
            lambda name, value: stand_in.put(owner, name, value, at[0], dependabot=at[1]),
            reopen,
            "github:lovendo/other@staging",
        )


@contextmanager
def vercel_place(targets: str) -> Iterator[Place]:
    with VercelStandIn(StepClock()) as stand_in, checked(stand_in) as opened:
        project = stand_in.add_project("web", ["staging"])
        other = stand_in.add_project("admin")
        stand_in.put(other, "COPIED", "x", ["preview"])
        custom = [id_ for id_, slug in project.custom_environments.items() if slug in targets.split(",")]
        standard = [target for target in targets.split(",") if target not in project.custom_environments.values()]
        time = FakeTime()

        def reopen(uri: str = f"vercel:{project.id}/{targets}", token: str = stand_in.token) -> Destination:
            return VercelDestination(
                opened(stand_in, token, time), ADDRESSES.parse(uri), team_id=stand_in.team_id, sleep=time.sleep
            )

        def value(name: str) -> str | None:
            held = {stand_in.environment(project, target).get(name) for target in [*standard, *custom]}
            assert len(held) == 1, "its targets hold different values"
            return held.pop()

        def put(name: str, value: str) -> None:
            stand_in.put(project, name, value, standard, "encrypted", custom_environments=custom)

        yield Place(reopen(), stand_in, time, value, put, reopen, f"vercel:{other.id}/preview")


@contextmanager
def supabase_place() -> Iterator[Place]:
    with SupabaseStandIn(StepClock()) as stand_in, checked(stand_in) as opened:
        project, other = stand_in.add_project("app"), stand_in.add_project("other")
        stand_in.put(other.ref, "COPIED", "x")
        time = FakeTime()

        def reopen(uri: str = f"supabase:{project.ref}", token: str = stand_in.token) -> Destination:
            return SupabaseDestination(opened(stand_in, token, time), ADDRESSES.parse(uri), sleep=time.sleep)

        yield Place(
            reopen(),
            stand_in,
            time,
            lambda name: stand_in.environment(project.ref).get(name),
            lambda name, value: stand_in.put(project.ref, name, value),
            reopen,
            f"supabase:{other.ref}",
        )


@contextmanager
def netlify_place() -> Iterator[Place]:
    """The destination that ``docs/development.md`` adds, which is not shipped."""
    from releaseguard.services.netlify.destination import NetlifyDestination
    from releaseguard.services.netlify.service import SERVICE

    addresses = Addresses(SERVICE.schemes)
    with NetlifyStandIn(StepClock()) as stand_in, checked(stand_in) as opened:
        stand_in.sites |= {"web": {}, "other": {}}
        stand_in.put("other", "COPIED", "x")
        time = FakeTime()

        def reopen(uri: str = "netlify:web", token: str = stand_in.token) -> Destination:
            client = opened(stand_in, token, time)
            return NetlifyDestination(client, addresses.parse(uri), stand_in.account, sleep=time.sleep)

        yield Place(
            reopen(),
            stand_in,
            time,
            lambda name: stand_in.environment("web").get(name),
            lambda name, value: stand_in.put("web", name, value),
            reopen,
            "netlify:other",
            addresses.parse,
        )


KINDS: dict[str, Callable[[], Any]] = {
    "repository": lambda: github_place("github:lovendo/app"),
    "environment": lambda: github_place("github:lovendo/app@production"),
    "odd environment": lambda: github_place("github:lovendo/app@pre prod/eu"),
    "organisation": lambda: github_place("github:lovendo"),
    "dependabot": lambda: github_place("github-dependabot:lovendo/app"),
    "dependabot organisation": lambda: github_place("github-dependabot:lovendo"),
    "vercel": lambda: vercel_place("production,preview"),
    "vercel development": lambda: vercel_place("production,development"),
    "vercel custom": lambda: vercel_place("preview,staging"),
    "supabase": supabase_place,
    "netlify": netlify_place,
}


@pytest.fixture(params=sorted(KINDS))
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with KINDS[request.param]() as opened:
        yield opened


@pytest.fixture
def repository() -> Iterator[Place]:
    with KINDS["repository"]() as opened:
        yield opened


@pytest.fixture
def organisation() -> Iterator[Place]:
    with KINDS["organisation"]() as opened:
        yield opened


@pytest.fixture
def vercel() -> Iterator[Place]:
    with KINDS["vercel"]() as opened:
        yield opened


@pytest.fixture
def supabase() -> Iterator[Place]:
    with KINDS["supabase"]() as opened:
        yield opened


@pytest.fixture
def connect() -> Iterator[Connections]:
    connections = Connections()
    yield connections
    connections.close()
