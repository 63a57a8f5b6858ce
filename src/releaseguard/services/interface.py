"""What a service says of itself, and what its ports are made from.

A service is a folder with a ``service.py``, and one line in :data:`releaseguard.services.SERVICES`. Nothing else names
it: settings, SAFE MODE, the doctor and the stories are given what stands here as values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from releaseguard.credentials import Requirement
from releaseguard.destinations.address import Address, Scheme
from releaseguard.errors import MissingCredential
from releaseguard.http.pacing import Limits
from releaseguard.model import Remark
from releaseguard.secret import Secret
from releaseguard_events.places.trust import Endpoint, Vouching

if TYPE_CHECKING:
    from releaseguard.ci.interface import ReleaseBoard, WorkflowHistory
    from releaseguard.deployments.interface import Deployer
    from releaseguard.deployments.workflow import WorkflowAddress
    from releaseguard.destinations.interface import Destination, RunQueue
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.functions.interface import FunctionLogs
    from releaseguard.http import Access, ServiceClient
    from releaseguard.leaks.interface import AlertSource
    from releaseguard.onboarding.part import Onboarding
    from releaseguard.vault.interface import Vault
    from releaseguard_events.stores.table import EventTable

S = TypeVar("S")
"""A service's section of the configuration."""
T = TypeVar("T")
Headers = Callable[[], Mapping[str, str | Secret]]
Places = Mapping[str, Callable[[], T]]
"""By what each place is called in messages: what opens it, which may raise ``ConfigError`` without a credential."""

APP_DATABASE = "[app] database_url_env"
"""Among :attr:`Service.stands_at`: the address in the variable that this setting names."""


class Connect(Protocol):
    """Makes a client, closed with the run: the service's own, or one for the address of another ``setting``.

    ``carries``: whether anything confidential is sent there. Raises ``Refused`` where that may not be.
    """

    def __call__(
        self,
        headers: Headers,
        *,
        limits: Limits | None = None,
        access: Access | None = None,
        setting: str | None = None,
        url: str | None = None,
        carries: bool = True,
    ) -> ServiceClient: ...


class ServiceContext(msgspec.Struct, Generic[S], frozen=True, kw_only=True, eq=False):
    """One run as the ports of one service see it: its section, its credentials, and the way to it."""

    section: S
    where: Callable[..., str]
    """``file:line`` of a key of the section."""
    has_file: bool
    """Whether there is a configuration file at all."""
    environ: Mapping[str, str]
    root: Path
    """What relative paths are relative to."""
    tell: Callable[[str], None]
    connect: Connect
    access: Callable[[str, str], Access]
    """The credential of a variable, for what needs it; its successor takes over where the service refuses it."""
    places: Callable[[], Sequence[Address]]
    """The service's configured destinations, of every provider."""
    events_url: str
    events_table: Callable[[], EventTable]
    app_url: str | None = None
    folders: Mapping[str, str] = {}
    """Secret -> the folder it stands in, for the vault: those that do not stand in the section's own."""
    job_token: Callable[[str], Secret] | None = None
    """The CI job's own token for an audience; ``None`` where no job has one."""
    _made: dict[Callable[..., Any], Any] = {}

    def once(self, make: Callable[[ServiceContext[S]], T]) -> T:
        """What ``make`` makes of this context, made once: a client keeps connections, and counts against limits."""
        if make not in self._made:
            self._made[make] = make(self)
        found: T = self._made[make]
        return found

    def secret(self, variable: str) -> Secret | None:
        """A credential of the environment; an empty variable counts as unset."""
        return Secret(self.environ[variable]) if self.environ.get(variable) else None


def required(value: Secret | None, variable: str, needed_by: str) -> Secret:
    """``value``. Raises ``MissingCredential`` where there is none."""
    if value is None:
        raise MissingCredential(
            f"{needed_by} needs a credential, and {variable} is not set",
            where="environment",
            next_step=f"Set {variable}. Credentials come from the environment only; "
            "`releaseguard doctor` says what else is missing.",
        )
    return value


def bearer(token: Callable[[], Secret]) -> Headers:
    """Headers that carry what ``token`` gives at each request."""
    return lambda: {"Authorization": Secret(f"Bearer {token().reveal()}")}


class Replaceable(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """An access that we stand on and may have to rotate: it may be given a second time, the new beside the old."""

    variable: str
    try_new: Callable[[ServiceContext[S], Secret, Sequence[Address]], None]
    """Asks the service, by reading, whether the new one reaches the destinations. Raises ``ServiceError``."""
    hangs_together: bool = False
    """Whether all keys of the provider are taken to hang together with it, whichever of them is rotated."""


class LogStore(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """An event log of the service's, at ``[events] url``."""

    schemes: Sequence[str]
    """Of the address."""
    example: str
    """An address of one, for messages."""
    open: Callable[[ServiceContext[S], str, EventTable], EventLog]
    schema: Callable[[ServiceContext[S], str, EventTable], str]
    """The SQL that makes its tables, printed without asking it, so without its credential."""
    requirement: Requirement
    address: str
    """The variable with the log's address, which a job that writes to it is given beside the credential."""
    public_key: str
    """The variable of a key that everybody has, and which must read nothing."""
    exposed: Callable[[EventLog, Secret], Remark]
    """Whether that key reads the log."""


class AppBackend(msgspec.Struct, frozen=True, kw_only=True):
    """What the app's own backend is, where the service runs it."""

    example: str
    """An address of one, for messages."""
    public_key: str
    """What its public key, which it asks for with every request, is called in the environment and in the vault."""
    look: Callable[[ServiceClient], Iterator[Remark]]
    """Whether it answers, and takes the public key."""
    dated: str
    """A path that answers with a date, if only to refuse a stranger."""


class Service(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """One service. What it has no port for is ``None``."""

    name: str
    """Of its section, of its group in the doctor's report, and of ``Destination.service``."""
    title: str
    section: type[S]
    """A ``msgspec.Struct`` with the fields of ``[name]``, of which ``url`` has a default."""
    requirement: Requirement
    credential: str
    """What its credential is called where there is room for one variable."""
    credential_help: str
    """What to check where the service refuses it."""
    tokens: str = ""
    """A regular expression for how its credentials begin: what does so may not stand in the configuration file."""
    endpoints: Sequence[Endpoint]
    """Where its credentials go."""
    vouching: Vouching = msgspec.field(default_factory=Vouching)
    stands_at: Sequence[str] = ()
    """Settings whose address may be a host of the card of the same name: there we stand on it."""
    limits: Limits = msgspec.field(default_factory=Limits)
    """The published ones, for the cost estimate of a plan's time."""
    dated: str
    """A path that answers with a date, if only to refuse a stranger."""
    schemes: Sequence[Scheme] = ()
    """Of its destinations' addresses."""
    example: str = ""
    """One of them, for messages."""
    written_by: str = ""
    """A regular expression for what of a workflow's line writes secrets there without us."""
    brought_by: str = ""
    """One for the line that brings the vault's newest values into a workflow."""
    is_vault: Callable[[S], bool] = lambda _: False
    """Whether the section says enough for the service to be the vault."""
    vault_setting: str = ""
    """The setting that has to say it: ``[name] key``."""
    replaceable: Sequence[Replaceable[S]] = ()
    log: LogStore[S] | None = None
    app: AppBackend | None = None
    wants_sensitive: Callable[[S], bool] = lambda _: False
    """Whether `drift` reports secrets that can be read back at their destinations."""

    vault: Callable[[ServiceContext[S]], Vault] | None = None
    destination: Callable[[ServiceContext[S], Address], Destination] | None = None
    deployer: Callable[[ServiceContext[S], Address], Deployer] | None = None
    workflow_deployer: Callable[[ServiceContext[S], str, WorkflowAddress], Deployer] | None = None
    """Deploys a place, which is named first, by dispatching a workflow."""
    by_hand: Callable[[Address, Sequence[str]], Sequence[str]] | None = None
    """The commands of its own command line that write those names there; none holds a value."""
    functions: Callable[[ServiceContext[S], Sequence[Address]], Places[FunctionLogs]] | None = None
    """Where functions run."""
    workflows: Callable[[ServiceContext[S], Sequence[Address]], Places[WorkflowHistory]] | None = None
    """Where workflows run."""
    board: Callable[[ServiceContext[S]], ReleaseBoard] | None = None
    """Where the people of this job's repository see what became of a release."""
    run_queue: Callable[[ServiceContext[S], Sequence[Address]], RunQueue] | None = None
    alerts: Callable[[ServiceContext[S], Sequence[Address]], AlertSource] | None = None
    onboarding: Callable[[], Onboarding[Any]] | None = None
    """Its part of a first configuration."""
    account: Callable[[ServiceContext[S], Sequence[Address]], Iterator[Remark]] | None = None
    """Whose credential it is, and what it may do, by reading alone."""
    job_token: Callable[[ServiceContext[S]], Callable[[str], Secret] | None] | None = None
