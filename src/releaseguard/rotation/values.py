"""The vocabulary of the rotation room: what is asked, in which world, and what comes out."""

from __future__ import annotations

import os
import shlex
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from releaseguard.audit.chain import ChainKey, Head
from releaseguard.cards.spec import Card
from releaseguard.deployments.interface import Deployer
from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import Destination
from releaseguard.errors import ExitCode, ReleaseguardError
from releaseguard.eventlog.interface import EventLog
from releaseguard.http.pacing import Limits
from releaseguard.model import utc_now
from releaseguard.secret import Secret
from releaseguard.vault.interface import Vault


class RotationState(StrEnum):
    """Where a rotation stands. Always derived from its events, never stored."""

    PLANNED = "PLANNED"
    STAGED = "STAGED"
    PUSHED = "PUSHED"
    DEPLOYED = "DEPLOYED"
    PROVEN = "PROVEN"
    UNPROVEN = "UNPROVEN"
    RETIRED = "RETIRED"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    WAITING_CONSOLE = "WAITING_CONSOLE"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    ABORTED = "ABORTED"


EXIT_CODES: Mapping[RotationState, ExitCode] = {
    RotationState.PROVEN: ExitCode.OK,
    RotationState.RETIRED: ExitCode.OK,
    RotationState.ABORTED: ExitCode.OK,
    RotationState.FAILED: ExitCode.BAD,
    RotationState.ROLLED_BACK: ExitCode.BAD,
}
"""What a run that ends in a state without an error exits with; every other state is undecided."""


class Direction(StrEnum):
    """Which way versions are carried: the new ones out, or the previous ones back."""

    FORWARD = "forward"
    BACK = "back"


class ValueSource(StrEnum):
    """Where the new value comes from (``--from``)."""

    INFISICAL = "infisical"
    STDIN = "stdin"
    GENERATE = "generate"
    INFISICAL_ROTATION = "infisical-rotation"


class RotateAction(StrEnum):
    """What a call of ``rotate`` is for."""

    ROTATE = "rotate"
    RESUME = "resume"
    ABORT = "abort"
    ROLLBACK = "rollback"
    CONFIRM_REVOKED = "confirm-revoked"


@dataclass(frozen=True, slots=True)
class Pin:
    """One secret of a rotation. ``secret_id`` tells a re-created namesake, whose versions restart at 1, apart."""

    name: str
    from_version: int | None
    to_version: int | None = None
    """``None`` until the rotation is STAGED."""
    secret_id: str | None = None
    from_secret_id: str | None = None

    def version(self, direction: Direction) -> int | None:
        """The version that is carried in ``direction``."""
        return self.to_version if direction is Direction.FORWARD else self.from_version


@dataclass(frozen=True, slots=True)
class Leak:
    """Why a rotation cannot be undone: these versions are known to strangers."""

    reason: str
    versions: Mapping[str, int | None]
    """The leaked version by secret; ``None`` where no earlier version is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRequest:
    """One call of ``rotate``: its flags as a plain value."""

    action: RotateAction = RotateAction.ROTATE
    secret: str | None = None
    """A name on the card; it picks the unit. The card's first unit otherwise."""
    origin: ValueSource = ValueSource.INFISICAL
    values: Mapping[str, Secret] = field(default_factory=dict)
    """New values by secret name, for :attr:`Origin.STDIN`."""
    leak: bool = False
    reason: str | None = None
    leaked_version: int | None = None
    dry_run: bool = False
    deploy: bool = True
    prove_within: timedelta | None = None
    """Overrides the configured one."""
    push_again: bool = False
    """Write a version that is out already once more: a destination has drifted."""
    new_destinations: Sequence[str] = ()
    """Destinations that are meant although the chain has never written them."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A destination of the unit, with the names used there and who uses the secret from there."""

    destination: Destination
    names: Mapping[str, str] = field(default_factory=dict)
    """Secret name -> name there (``as NAME``); the same name where absent."""
    sources: Sequence[str] | None = None
    """The event sources that run on it; ``None`` where the project does not say."""

    @property
    def key(self) -> str:
        """Its name in the history: the URI, with its renames."""
        renames = ",".join(f"{there}" for _, there in sorted(self.names.items()))
        return f"{self.destination.uri} as {renames}" if renames else self.destination.uri

    def name_of(self, secret: str) -> str:
        """What ``secret`` is called there."""
        return self.names.get(secret, secret)


@dataclass(frozen=True, slots=True)
class Claim:
    """One name that the configuration says is written at one destination, for checking that no two owners meet."""

    uri: str
    name: str
    owner: ChainKey
    shared: bool = False
    also: Sequence[Address] = ()
    """Other spellings of the place, where its service had to be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccess:
    """An access that we stand on while its key is rotated: the old one, in use, and the new one.

    Both come from the environment; each is ``None`` where it is not set.
    """

    variable: str
    old: Secret | None
    new_variable: str
    new: Secret | None
    try_new: Callable[[], None] = lambda: None
    """Asks the service, by reading, whether it accepts the new one. Raises ``ServiceError`` or one of its kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRules:
    """The settings of ``[rotation]``, and what this installation can do."""

    lease: timedelta = timedelta(seconds=30)
    request_timeout: timedelta = timedelta(seconds=30)
    """The longest that one request to a service may take: what a predecessor may still have in flight."""
    prove_within: timedelta = timedelta(minutes=15)
    deploy_within: timedelta = timedelta(minutes=20)
    accept_timing: bool = False
    limits: Mapping[str, Limits] = field(default_factory=dict)
    """By service: for the forecast of a plan's time."""
    seconds_per_request: float = 0.3
    side_by_side: int = 50
    """How many destinations are read or written at once; 1 keeps everything on the calling thread."""
    heartbeat: bool = True
    """Renew the lease from a background thread while a step takes long."""


def _boottime() -> float:
    """Seconds on a clock that goes on while the machine sleeps: a lease does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time, injected."""

    elapsed: Callable[[], float] = _boottime
    """Seconds since some moment, never standing still: the holder's own view of its lease."""
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], datetime] = utc_now
    """This machine's wall clock: only ever written into ``occurred_at``."""


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
    places: Sequence[Binding]
    deployers: Mapping[str, Deployer] = field(default_factory=dict)
    """By the destination's URI without targets: ``vercel:prj_123``."""
    rules: RotationRules = RotationRules()
    clocks: Clocks = Clocks()
    guard: Guard = field(default_factory=Guard)
    claims: Sequence[Claim] = ()
    own_accesses: Sequence[OwnAccess] = ()
    """Those that rotating this card's keys could cut off; empty where we do not stand on its provider."""
    run_flow: Callable[[str], object] | None = None
    """Runs the card's flow of that id once, as the test user; ``None`` where none is configured."""
    holder: str = field(default_factory=lambda: describe_holder(os.environ))
    asks_for_new: bool = False
    """Whether a destination that the chain has never written has to be named: nobody reads the plan here."""
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
    who = environ.get("GITHUB_ACTOR") or environ.get("USER") or environ.get("LOGNAME") or f"uid{os.getuid()}"
    text = f"{who}@{socket.gethostname()} pid {os.getpid()} ({os.urandom(6).hex()})"
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    if not (repository and run):
        return text
    return f"{text} {environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{run}"


@dataclass(frozen=True, slots=True)
class WrittenName:
    """One name at one destination, in a result."""

    uri: str
    name: str
    status: str
    """``pending``, ``started`` (whether it was written is not known), ``pushed``, ``failed``, ``rolled_back``."""
    writes: int
    """How many writing requests for it reached the service, or may have: of all runs that were not killed."""


@dataclass(frozen=True, slots=True)
class ProofSummary:
    """The proof as far as it goes. ``grade`` is ``A``, ``B`` or ``C``; ``None`` while nothing is proven."""

    grade: str | None = None
    events: Sequence[str] = ()
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PlannedPlace:
    """One destination of a plan, and what writing it takes."""

    key: str
    uri: str
    service: str
    runtime: bool
    names: Sequence[str]
    """What is written there, secrets before their companions."""
    reads: int
    writes: int
    create: Sequence[str]
    update: Sequence[str]
    new: bool = False
    """Whether the chain has written elsewhere, and never here."""


@dataclass(frozen=True, slots=True)
class ServiceCost:
    """What a plan asks of one service. ``seconds`` is the least that its published limits allow."""

    service: str
    reads: int
    writes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, decided before anything is written."""

    unit: str
    origin: ValueSource
    pins: Sequence[Pin]
    seen: Mapping[str, tuple[int, str] | None]
    """The vault's newest version and id of each secret, as the plan was made."""
    places: Sequence[PlannedPlace] = ()
    deployments: Sequence[tuple[str, str]] = ()
    """Place and target of every redeployment."""
    costs: Sequence[ServiceCost] = ()
    leak: Leak | None = None
    console: bool = False
    """Whether a person has to do something at the provider before anything is pushed."""
    steps: str | None = None
    """What that person does."""
    manual: bool = False
    """No destination is written: everything happens at the provider."""
    remarks: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        """The least time that writing takes: services are written side by side."""
        return max((cost.seconds for cost in self.costs), default=0.0)

    def to_json(self) -> Mapping[str, Any]:
        """The plan's own fields of ``rotate --dry-run --json``."""
        return {
            "unit": self.unit,
            "from": self.origin.value,
            "destinations": [
                {"uri": place.uri, "create": list(place.create), "update": list(place.update), "new": place.new}
                for place in self.places
            ],
            "deployments": [f"{place}/{target}" for place, target in self.deployments],
            "requests": [
                {"service": cost.service, "reads": cost.reads, "writes": cost.writes, "seconds": round(cost.seconds, 3)}
                for cost in self.costs
            ],
            "waits_for_console": self.console,
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationResult:
    """What a run did and where the rotation stands now."""

    rotation_id: str | None
    provider: str
    environment: str
    state: RotationState | None
    secrets: Sequence[Pin] = ()
    destinations: Sequence[WrittenName] = ()
    proof: ProofSummary = ProofSummary()
    lease_holder: str | None = None
    next_step: str | None = None
    remarks: Sequence[str] = ()
    problem: ReleaseguardError | None = None
    """What ended the run before its end, where something did."""
    head: Head | None = None
    plan: Plan | None = None
    """What would be done, for a dry run."""
    exit_code: ExitCode = ExitCode.OK

    def to_json(self) -> Mapping[str, Any]:
        """The fields of ``rotate --json``."""
        return {
            "rotation_id": self.rotation_id,
            "provider": self.provider,
            "environment": self.environment,
            "state": self.state.value if self.state else None,
            "secrets": [
                {"name": pin.name, "from_version": pin.from_version, "to_version": pin.to_version}
                for pin in self.secrets
            ],
            "destinations": [
                {"uri": written.uri, "name": written.name, "status": written.status, "writes": written.writes}
                for written in self.destinations
            ],
            "proof": {
                "grade": self.proof.grade,
                "events": list(self.proof.events),
                "missing": list(self.proof.missing),
            },
            "lease_holder": self.lease_holder,
            "next_step": self.next_step,
            "remarks": list(self.remarks),
            "problem": str(self.problem) if self.problem else None,
            "head": str(self.head) if self.head else None,
            **({"plan": self.plan.to_json()} if self.plan else {}),
        }
