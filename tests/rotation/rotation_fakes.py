"""A small world in memory behind the real interfaces: a store, a vault, three services, an app, one clock.

Every request and every append can be the last thing a process does: ``Killer`` raises ``Killed`` before or after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import Card, EventSpec, Playbook, ProofSpec, SecretSpec
from releaseguard.clocks import Clocks
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.deployments.interface import Deployer, HostingDeployment, Phase
from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import CostEstimate, Destination, Item, Observed, SyncStatus, WriteResult
from releaseguard.errors import NotFound
from releaseguard.eventlog.interface import Capabilities, Conflict, EventLog, Query, SetAside
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.context import Binding, Guard, OwnAccess, RotationContext, RotationRules
from releaseguard.secret import Secret
from releaseguard.vault.interface import AccessRecord, SecretVersion, Vault
from releaseguard_events.scrub.fingerprints import fingerprint_of

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CHAIN_KEY = ChainKey("sendgrid", "production")


class Killed(BaseException):
    """The process is gone: nothing of it runs on, nothing is cleaned up."""


@dataclass
class Time:
    """Moves only when somebody sleeps; every sleep lets the world around live on."""

    now: float = 0.0
    passing: list[Callable[[], None]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for happens in self.passing:
            happens()

    def elapsed(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now)


@dataclass
class Killer:
    """Counts requests and appends; at the chosen ones it raises. ``at``: number -> ``before`` or ``after``."""

    at: dict[int, str] = field(default_factory=dict)
    count: int = 0
    trace: list[str] = field(default_factory=list)
    guard: Callable[[], None] = lambda: None
    on: dict[str, BaseException] = field(default_factory=dict)
    """Errors by the name of a request, raised instead of doing it."""

    def around(self, what: str, request: Callable[[], object], *, guarded: bool = True) -> object:
        if guarded:
            self.guard()
        self.count += 1
        number = self.count
        self.trace.append(what)
        if self.at.get(number) == "before":
            raise Killed(what)
        if what in self.on:
            raise self.on[what]
        result = request()
        if self.at.get(number) == "after":
            raise Killed(what)
        return result


class FakeLog(EventLog):
    """Rows in a dict, on a clock of its own."""

    label = "fake log"
    capabilities = Capabilities(frozenset({"recorded_at", "synthetic", "detail"}))

    def __init__(self, time: Time, killer: Killer, offset: float = 0.0) -> None:
        self.rows: dict[object, Event] = {}
        self.aside: list[SetAside] = []
        self._time = time
        self._offset = offset
        self.killer = killer

    def append(self, events: Sequence[Event]) -> None:
        for event in events:
            self.rows.setdefault(event.id, replace(event, recorded_at=event.recorded_at or self._now()))

    def restore(self, events: Iterable[Event], *, beside_others: bool = False) -> int:
        raise NotImplementedError

    def append_exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        what = "append " + ",".join(event.event for event in events)
        return self.killer.around(what, lambda: self._exclusively(events), guarded=False)  # type: ignore[return-value]

    def _exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        if any(event.id in self.rows for event in events):
            raise Conflict("another writer was first")
        stored = [replace(event, recorded_at=self._now()) for event in events]
        self.rows.update({event.id: event for event in stored})
        return stored

    def select(self, query: Query) -> Iterator[Event]:
        rows = sorted(self.rows.values(), key=lambda row: (row.occurred_at, row.id))
        return iter([row for row in rows if _matches(query, row)])

    def set_aside(self, query: Query) -> Iterator[SetAside]:
        del query
        return iter(self.aside)

    def _now(self) -> datetime:
        return self._time.wall() + timedelta(seconds=self._offset)

    def now(self) -> datetime:
        return self._now()

    def migrate(self) -> Sequence[str]:
        return ()

    def schema_sql(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing to release."""

    def chain(self) -> list[Event]:
        return [row for row in self.rows.values() if row.provider == "releaseguard"]


def _matches(query: Query, row: Event) -> bool:
    recorded = row.recorded_at or row.occurred_at
    wanted = (
        query.environment in (None, row.environment),
        not query.ids or row.id in query.ids,
        not query.providers or row.provider in query.providers,
        not query.events or row.event in query.events,
        query.outcome in (None, row.outcome),
        query.since is None or row.occurred_at >= query.since,
        query.until is None or row.occurred_at < query.until,
        query.recorded_since is None or recorded >= query.recorded_since,
        query.recorded_until is None or recorded <= query.recorded_until,
        all(str(row.detail.get(key)) == value for key, value in query.detail.items()),
    )
    return all(wanted)


class FakeVault(Vault):
    """Versions in lists; ``secret_id`` changes when a secret is created anew."""

    label = "fake vault"
    environment = "prod"

    def __init__(self, killer: Killer) -> None:
        self.kept: dict[str, list[SecretVersion]] = {}
        self.killer = killer
        self.write_raises: BaseException | None = None
        self._ids = itertools.count(1)

    def put(self, name: str, *values: str) -> None:
        versions = self.kept.setdefault(name, [])
        for value in values:
            identity = versions[-1].secret_id if versions else f"secret-{next(self._ids)}"
            versions.append(SecretVersion(name, len(versions) + 1, Secret(value), identity))

    def create_anew(self, name: str, value: str) -> None:
        del self.kept[name]
        self.put(name, value)

    def read(self, name: str, version: int | None = None) -> SecretVersion:
        return self.killer.around(f"read {name}", lambda: self._read(name, version))  # type: ignore[return-value]

    def _read(self, name: str, version: int | None) -> SecretVersion:
        versions = self.kept.get(name)
        if not versions or (version is not None and not 1 <= version <= len(versions)):
            raise NotFound(f"no secret {name}", where=self.label)
        return versions[-1] if version is None else versions[version - 1]

    def write(self, name: str, value: Secret) -> SecretVersion:
        def write() -> SecretVersion:
            if self.write_raises is not None:
                raise self.write_raises
            self.put(name, value.reveal())
            return self.kept[name][-1]

        return self.killer.around(f"write {name}", write)  # type: ignore[return-value]

    def trigger_rotation(self, name: str) -> SecretVersion:
        def rotate() -> SecretVersion:
            self.put(name, f"rotated-{len(self.kept[name]) + 1}")
            return self.kept[name][-1]

        return self.killer.around(f"trigger {name}", rotate)  # type: ignore[return-value]

    def names(self) -> Sequence[str]:
        return sorted(self.kept)

    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        return None


@dataclass
class Cell:
    value: str
    marker: int


class FakeDestination(Destination):
    """A dict of names. ``shows`` says whether it lets values be compared."""

    def __init__(
        self,
        uri: str,
        killer: Killer,
        *,
        runtime: bool = False,
        needs_deployment: bool = False,
        shows: bool = False,
    ) -> None:
        self.address = ADDRESSES.parse(uri)
        self.service = uri.partition(":")[0]
        self.runtime = runtime
        self.needs_deployment = needs_deployment
        self.holds_companions = not uri.startswith("github-dependabot")
        self.shows = shows
        self.killer = killer
        self.cells: dict[str, Cell] = {}
        self.writes: dict[str, int] = {}
        self.on_write: Callable[[], None] = lambda: None
        self.spellings: Sequence[Address] = ()

    def also_called(self) -> Sequence[Address]:
        return self.killer.around(f"names {self.uri}", lambda: self.spellings)  # type: ignore[return-value]

    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        def look() -> CostEstimate:
            names = [item.name for item in items]
            create = tuple(name for name in names if name not in self.cells)
            return CostEstimate(1, len(names), create, tuple(name for name in names if name in self.cells))

        return self.killer.around(f"forecast {self.uri}", look)  # type: ignore[return-value]

    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        for item in items:
            self.killer.around(f"write {self.uri} {item.name}", lambda item=item: self.set(item))  # type: ignore[misc]
        seen = self.observe(items)
        return [WriteResult(item.name, seen[item.name], 1) for item in items]

    def set(self, item: Item) -> None:
        before = self.cells.get(item.name)
        self.cells[item.name] = Cell(item.value.reveal(), before.marker + 1 if before else 1)
        self.writes[item.name] = self.writes.get(item.name, 0) + 1
        self.on_write()

    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        def look() -> Mapping[str, Observed]:
            return {item.name: self._seen(item) for item in items}

        return self.killer.around(f"observe {self.uri}", look)  # type: ignore[return-value]

    def _seen(self, item: Item) -> Observed:
        cell = self.cells.get(item.name)
        if cell is None:
            return Observed(item.name, present=False)
        step = SyncStatus.YES if cell.value == item.value.reveal() else SyncStatus.NO
        return Observed(
            item.name, present=True, marker=str(cell.marker), sync=step if self.shows else SyncStatus.UNKNOWN
        )

    def shown(self, names: Sequence[str]) -> Mapping[str, Secret]:
        found = {name: Secret(self.cells[name].value) for name in names if self.shows and name in self.cells}
        return self.killer.around(f"shown {self.uri}", lambda: found)  # type: ignore[return-value]

    def copies(self, names: Sequence[str]) -> Sequence[str]:
        return ()

    def values(self) -> Mapping[str, str]:
        return {name: cell.value for name, cell in self.cells.items()}


@dataclass
class Deployed:
    deployment: HostingDeployment
    environment: Mapping[str, str]
    meta: Mapping[str, str]
    ready_at: float


class FakeDeployer(Deployer):
    """A project whose deployments carry the variables as they were when they were created."""

    def __init__(self, place: str, variables: FakeDestination, time: Time, killer: Killer) -> None:
        self.place = place
        self.killer = killer
        self.made: list[Deployed] = []
        self.builds_for = 5.0
        self.fails: str | None = None
        self.inherits = False
        self._variables = variables
        self._time = time

    def deploy(self, release: str = "r1", meta: Mapping[str, str] | None = None) -> HostingDeployment:
        identity = f"dpl_{len(self.made) + 1}"
        made = HostingDeployment(identity, "production", Phase.RUNNING, "BUILDING", self._time.wall(), release)
        environment = self.made[-1].environment if self.inherits and self.made else self._variables.values()
        self.made.append(Deployed(made, dict(environment), dict(meta or {}), self._time.now + self.builds_for))
        return made

    def _state(self, made: Deployed) -> HostingDeployment:
        if self._time.now < made.ready_at:
            return made.deployment
        if self.fails and made.meta:
            return replace(made.deployment, phase=Phase.FAILED, state="ERROR", reason=self.fails)
        return replace(made.deployment, phase=Phase.READY, state="READY")

    @property
    def serving(self) -> Deployed | None:
        ready = [made for made in self.made if self._state(made).phase is Phase.READY]
        return ready[-1] if ready else None

    def current(self, target: str) -> HostingDeployment | None:
        def look() -> HostingDeployment | None:
            return self._state(self.serving) if self.serving else None

        return self.killer.around(f"current {self.place}", look)  # type: ignore[return-value]

    def find(self, target: str, meta: Mapping[str, str]) -> HostingDeployment | None:
        def look() -> HostingDeployment | None:
            found = [made for made in self.made if meta.items() <= made.meta.items()]
            return self._state(found[-1]) if found else None

        return self.killer.around(f"find {self.place}", look)  # type: ignore[return-value]

    def redeploy(self, source: HostingDeployment, meta: Mapping[str, str]) -> HostingDeployment:
        def make() -> HostingDeployment:
            return self.deploy(source.release or "r1", meta)

        return self.killer.around(f"redeploy {self.place}", make)  # type: ignore[return-value]

    def get(self, deployment_id: str) -> HostingDeployment:
        def look() -> HostingDeployment:
            return self._state(next(made for made in self.made if made.deployment.id == deployment_id))

        return self.killer.around(f"get {self.place}", look)  # type: ignore[return-value]


SENDGRID = Card(
    id="sendgrid",
    name="SendGrid",
    hosts=("api.sendgrid.com",),
    events=EventSpec(success=("sendgrid_email_sent", "sendgrid_webhook_received"), error=("sendgrid_error",)),
    playbook=Playbook(symptoms=(), controls=(), actions=()),
    secrets=(
        SecretSpec(name="SENDGRID_API_KEY", companion=True, proven_by=("sendgrid_email_sent",)),
        SecretSpec(
            name="SENDGRID_WEBHOOK_KEY",
            from_="generated",
            overlap=False,
            steps={"en": "Set it there."},
            proven_by=("sendgrid_webhook_received",),
        ),
    ),
    proof=ProofSpec(successes=3),
)
NAME = "SENDGRID_API_KEY"


class FakeApp:
    """Two runtimes that use the key they really hold: the web deployment, and the edge function."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.refused: set[str] = set()
        self.deaf = False
        """Whether it calls a refusal a success, as who does not look at what ``fetch`` was answered."""
        self.silent = False
        self.says_version = True
        self.fingerprints: str | None = None
        """The salt under which it reports what it really holds, instead of the companion."""
        self.holds: str | None = None
        """The value that its processes have in memory, whatever stands beside them."""
        self._number = itertools.count(1)

    def live(self) -> None:
        if self.silent:
            return
        serving = self._world.deployer.serving
        if serving:
            self._use("web", serving.environment, serving.deployment.id)
        self._use("edge", self._world.supabase.values(), None)

    def _use(self, source: str, environment: Mapping[str, str], deployment: str | None) -> None:
        key = environment.get(NAME)
        if key is None:
            return
        refused = key in self.refused
        detail: dict[str, str] = {}
        if self.says_version and NAME + "_VERSION" in environment:
            detail["secret_version"] = environment[NAME + "_VERSION"]
        if self.fingerprints:
            detail["secret_version"] = fingerprint_of(self.holds or key, self.fingerprints) or ""
        if deployment:
            detail["deployment_id"] = deployment
        event = Event(
            id=new_id(),
            occurred_at=self._world.time.wall(),
            provider="sendgrid",
            event="sendgrid_error" if refused and not self.deaf else "sendgrid_email_sent",
            outcome=Outcome.ERROR if refused and not self.deaf else Outcome.SUCCESS,
            error_code="401" if refused else None,
            environment="production",
            source=source,
            correlation_id=f"action-{next(self._number)}",
            detail=detail,
        )
        self._world.log.append([event])


class World:
    """Everything that outlives a process. ``process()`` builds what one process has."""

    def __init__(self, *, github: int = 1) -> None:
        self.time = Time()
        self.killer = Killer()
        self.log = FakeLog(self.time, self.killer)
        self.vault = FakeVault(self.killer)
        self.github = [FakeDestination(f"github:lovendo/app{i}", self.killer) for i in range(1, github + 1)]
        self.vercel = FakeDestination(
            "vercel:prj_1/production,preview", self.killer, runtime=True, needs_deployment=True
        )
        self.supabase = FakeDestination("supabase:abcdefghijklmnopqrst", self.killer, runtime=True, shows=True)
        self.deployer = FakeDeployer("vercel:prj_1", self.vercel, self.time, self.killer)
        self.app = FakeApp(self)
        self.time.passing.append(self.app.live)
        self.rules = RotationRules(
            prove_within=timedelta(minutes=3),  # it looks once a second: longer shows the same
            read_address=ADDRESSES.parse,
            example="vercel:PROJECT/production",
            stood_on=frozenset({"vercel", "supabase"}),
            vault_service="infisical",
            lease=timedelta(seconds=30),
            request_timeout=timedelta(seconds=10),
            side_by_side=1,
            heartbeat=False,
        )
        self._holders = itertools.count(1)
        self.card = SENDGRID
        self.told: list[str] = []
        self.run_flow: Callable[[str], object] | None = None
        self.sources = True
        self.web_sources: Sequence[str] = ("web",)
        self.own_accesses: Sequence[OwnAccess] = ()

    @property
    def destinations(self) -> Sequence[FakeDestination]:
        return (*self.github, self.vercel, self.supabase)

    def live_with(self, *values: str) -> None:
        """The vault has these versions; the newest of them is out everywhere, by somebody else's hand."""
        self.vault.put(NAME, *values)
        for destination in self.destinations:
            destination.cells[NAME] = Cell(values[-1], 1)
            destination.cells[NAME + "_VERSION"] = Cell(str(len(values)), 1)
        self.deployer.deploy()
        self.time.now += 60

    def bindings(self) -> Sequence[Binding]:
        if not self.sources:
            return [Binding(destination) for destination in self.destinations]
        return [
            *(Binding(destination) for destination in self.github),
            Binding(self.vercel, sources=self.web_sources),
            Binding(self.supabase, sources=("edge",)),
        ]

    def process(self, name: str | None = None) -> RotationContext:
        """A fresh object graph, as another process on another machine has it."""
        guard = Guard()
        self.killer.guard = guard
        return RotationContext(
            card=self.card,
            chain_key=CHAIN_KEY,
            vault=self.vault,
            log=self.log,
            bindings=self.bindings(),
            deployers={"vercel:prj_1": self.deployer},
            rules=self.rules,
            clocks=Clocks(self.time.elapsed, self.time.sleep, self.time.wall),
            guard=guard,
            own_accesses=self.own_accesses,
            run_flow=self.run_flow,
            holder=name or f"ada@machine{next(self._holders)} pid 1 (x)",
        )

    def tell(self, text: str) -> None:
        self.told.append(text)


def failed_call(world: World, source: str) -> Event:
    """A call of the app's that the provider refused just now."""
    return Event(
        id=new_id(),
        occurred_at=world.time.wall(),
        provider="sendgrid",
        event="sendgrid_error",
        outcome=Outcome.ERROR,
        error_code="401",
        environment="production",
        source=source,
    )
