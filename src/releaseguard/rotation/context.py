"""Everything that a rotation works with: configuration, clients, clocks."""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import Card
from releaseguard.ci.job import person_in, run_address
from releaseguard.clocks import REAL, Clocks
from releaseguard.deployments.interface import Deployer
from releaseguard.destinations.address import Address, ReadAddress
from releaseguard.destinations.interface import Destination
from releaseguard.eventlog.interface import EventLog
from releaseguard.eventlog.watching import Watch
from releaseguard.http.pacing import Limits
from releaseguard.secret import Secret
from releaseguard.vault.interface import Vault
from releaseguard_events.scrub.fingerprints import USUAL_SALT


@dataclass(frozen=True, slots=True)
class Binding:
    """One destination of a unit, with the names used there and the event sources that read the secret there."""

    destination: Destination
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Secret -> its names there; empty where it is not written there; the secret's own name where there is no entry."""
    sources: Sequence[str] | None = None
    """The event sources that run on it; ``None`` where the configuration does not say."""

    @property
    def key(self) -> str:
        """The destination's key in the history: its URI with renames and exceptions."""
        named = [(secret, names) for secret, names in sorted(self.names.items()) if tuple(names) != (secret,)]
        renames = ",".join(name for _, names in named for name in names)
        without = ",".join(secret for secret, names in named if not names)
        parts = [self.destination.uri, f"as {renames}" if renames else "", f"without {without}" if without else ""]
        return " ".join(part for part in parts if part)

    def names_of(self, secret: str) -> Sequence[str]:
        """The names of ``secret`` there; empty where it is not written there."""
        return self.names.get(secret, (secret,))

    def holds(self, secret: str) -> bool:
        """Whether ``secret`` is written there."""
        return bool(self.names_of(secret))

    def of(self, unit: Sequence[str]) -> Binding:
        """The same destination, limited to the secrets of ``unit``."""
        return replace(self, names={name: self.names[name] for name in unit if name in self.names})


@dataclass(frozen=True, slots=True)
class Claim:
    """One name that the configuration writes at one destination, for checking that no two owners write the same."""

    address: Address
    name: str
    owner: ChainKey
    shared: bool = False
    also: Sequence[Address] = ()
    """Other addresses of the place, where its service had to be asked."""

    @property
    def uri(self) -> str:
        """The address of the place."""
        return self.address.uri


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccess:
    """A credential that releaseguard itself works with while its key is rotated: the old one, in use, and the new one.

    Both come from the environment; each is ``None`` where its variable is not set.
    """

    variable: str
    old: Secret | None
    new_variable: str
    new: Secret | None
    try_new: Callable[[], None] = lambda: None
    """Ask the service, by reading, whether it accepts the new credential. Raises ``ServiceError`` or one of its
    subclasses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRules:
    """The settings of ``[rotation]``, and what this installation can do."""

    read_address: ReadAddress
    example: str
    """The address of a destination, for messages."""
    stood_on: frozenset[str]
    """The providers whose keys releaseguard stands on, by what a card calls them."""
    vault_service: str
    """What the vault's requests count against."""
    workflow_service: str = ""
    """What the dispatch of a workflow counts against."""
    lease: timedelta = timedelta(seconds=30)
    request_timeout: timedelta = timedelta(seconds=30)
    """The longest that one request to a service may take: what a predecessor may still have in flight."""
    prove_within: timedelta = timedelta(minutes=15)
    deploy_within: timedelta = timedelta(minutes=20)
    accept_timing: bool = False
    salt: str = USUAL_SALT
    """What the fingerprints of this project's secrets are made under."""
    deployed_by: Mapping[str, str] = field(default_factory=dict)
    """By place without targets: what deploys it in place of its service, in the configuration's words."""
    limits: Mapping[str, Limits] = field(default_factory=dict)
    """By service: for the forecast of a plan's time."""
    seconds_per_request: float = 0.3
    side_by_side: int = 50
    """How many destinations are read or written at once; 1 keeps everything on the calling thread."""
    heartbeat: bool = True
    """Renew the lease from a background thread while a step takes long."""


class Guard:
    """Called before every request of a run; does nothing until the run arms it with its lease."""

    def __init__(self) -> None:
        self._check: Callable[[], None] | None = None

    def arm(self, check: Callable[[], None]) -> None:
        """From now on ``check`` decides, by raising ``LeaseHeld``."""
        self._check = check

    def __call__(self) -> None:
        if self._check is not None:
            self._check()


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationContext:
    """Everything a rotation touches. ``guard`` is the one that its services' clients call before each request."""

    card: Card
    chain_key: ChainKey
    vault: Vault
    log: EventLog
    bindings: Sequence[Binding]
    deployers: Mapping[str, Deployer] = field(default_factory=dict)
    """By the destination's URI without targets."""
    rules: RotationRules
    clocks: Clocks = REAL
    guard: Guard = field(default_factory=Guard)
    claims: Sequence[Claim] = ()
    own_accesses: Sequence[OwnAccess] = ()
    """Those that rotating this card's keys could cut off; empty where we do not stand on its provider."""
    watch: Watch | None = None
    """Shows how far a wait is to somebody who looks; ``None``: it is told now and then."""
    run_flow: Callable[[str], object] | None = None
    """Runs the card's flow of that id once, as the test user; ``None`` where none is configured."""
    other_writers: Sequence[str] = ()
    writers_elsewhere: Callable[[], Sequence[str]] = tuple
    """Asks for what else writes them, beyond the checkout: of every repository that is a destination."""
    """Sentences about what in the app's workflows writes the same secrets."""
    holder: str = field(default_factory=lambda: describe_holder(os.environ))
    leak_recorded: Callable[[], None] = lambda: None
    """Called as soon as the log holds that a value leaked, before anything is written anywhere."""
    asks_for_new: bool = False
    """Whether a destination that the chain has never written has to be named: nobody reads the plan here."""
    components: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The sources of each part of the app that is deployed for itself."""
    usual_environment: str | None = None
    """The one that a command means which names none; ``None``: this chain's."""

    @property
    def command(self) -> str:
        """What a next step begins with: copied as it stands it means this provider in this environment."""
        elsewhere = self.usual_environment not in (None, self.chain_key.environment)
        words = [
            "releaseguard",
            "rotate",
            self.card.id,
            *(["--environment", self.chain_key.environment] if elsewhere else []),
        ]
        return shlex.join(words)


def describe_holder(environ: Mapping[str, str]) -> str:
    """Who runs this, unique among all runs: ``ada@laptop pid 4711 (9f2c41d07b3e)``, with the address of a CI run."""
    text = f"{person_in(environ)}@{socket.gethostname()} pid {os.getpid()} ({os.urandom(6).hex()})"
    return " ".join([text, *filter(None, [run_address(environ)])])
