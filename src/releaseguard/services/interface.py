"""What a service is: its description, and what its ports are made from.

A service is a folder with a ``service.py`` and one line in :data:`releaseguard.services.SERVICES`. Nothing else names
it: settings, SAFE MODE, ``doctor`` and the stories receive its description as values.
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
"""The type of a service's section in the configuration."""
T = TypeVar("T")
Headers = Callable[[], Mapping[str, str | Secret]]
Places = Mapping[str, Callable[[], T]]
"""The display name of each place -> what opens it, which may raise ``ConfigError`` without a credential."""

APP_DATABASE = "[app] database_url_env"
"""An entry of :attr:`Service.stands_at`: the address in the variable that this setting names."""


class Connect(Protocol):
    """Makes a client that is closed with the run: for the service itself, or for the address of another ``setting``.

    ``carries``: whether anything confidential is sent there. Raises ``Refused`` where that is not allowed.
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
    """One run as the ports of one service see it: its section, its credentials, and how to connect."""

    section: S
    where: Callable[..., str]
    """``file:line`` of a key in the section."""
    has_file: bool
    """Whether there is a configuration file."""
    environ: Mapping[str, str]
    root: Path
    """The folder to which relative paths refer."""
    tell: Callable[[str], None]
    connect: Connect
    access: Callable[[str, str], Access]
    """The credential in a variable, and who needs it; its successor takes over where the service refuses it."""
    places: Callable[[], Sequence[Address]]
    """The service's configured destinations, of all providers."""
    events_url: str
    events_table: Callable[[], EventTable]
    app_url: str | None = None
    folders: Mapping[str, str] = {}
    """For the vault: secret -> its folder, where that is not the section's own."""
    job_token: Callable[[str], Secret] | None = None
    """The CI job's own token for an audience; ``None`` where jobs have none."""
    _made: dict[Callable[..., Any], Any] = {}

    def once(self, make: Callable[[ServiceContext[S]], T]) -> T:
        """The result of ``make`` for this context, made once: a client keeps its connections and counts against the
        rate limits."""
        if make not in self._made:
            self._made[make] = make(self)
        found: T = self._made[make]
        return found

    def secret(self, variable: str) -> Secret | None:
        """A credential of the environment; an empty variable counts as unset."""
        return Secret(self.environ[variable]) if self.environ.get(variable) else None


def required(value: Secret | None, variable: str, needed_by: str) -> Secret:
    """``value``. Raises ``MissingCredential`` where it is ``None``."""
    if value is None:
        raise MissingCredential(
            f"{needed_by} needs a credential, and {variable} is not set",
            where="environment",
            next_step=f"Set {variable}. Credentials come from the environment only; "
            "`releaseguard doctor` says what else is missing.",
        )
    return value


def bearer(token: Callable[[], Secret]) -> Headers:
    """Headers with the current ``token``, asked for at each request."""
    return lambda: {"Authorization": Secret(f"Bearer {token().reveal()}")}


class Replaceable(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """A credential that releaseguard itself uses and may have to rotate: the new one can be given next to the old
    one."""

    variable: str
    try_new: Callable[[ServiceContext[S], Secret, Sequence[Address]], None]
    """Ask the service, by reading, whether the new credential reaches the destinations. Raises ``ServiceError``."""
    hangs_together: bool = False
    """Whether rotating any of the provider's keys may invalidate this credential."""


class LogStore(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """An event log that the service keeps, at ``[events] url``."""

    schemes: Sequence[str]
    """The schemes of its addresses."""
    example: str
    """An example address, for messages."""
    open: Callable[[ServiceContext[S], str, EventTable], EventLog]
    schema: Callable[[ServiceContext[S], str, EventTable], str]
    """The SQL that creates its tables, made without contacting it, so without a credential."""
    requirement: Requirement
    address: str
    """The variable with the log's address, which a job that writes to it gets together with the credential."""
    public_key: str
    """The variable of a public key, which must not be able to read anything."""
    exposed: Callable[[EventLog, Secret], Remark]
    """Whether that key can read the log."""


class AppBackend(msgspec.Struct, frozen=True, kw_only=True):
    """The app's own backend, where the service runs it."""

    example: str
    """An example address, for messages."""
    public_key: str
    """The name, in the environment and in the vault, of the public key that it requires with every request."""
    look: Callable[[ServiceClient], Iterator[Remark]]
    """Whether it answers and accepts the public key."""
    dated: str
    """A path whose answer has a ``Date`` header, even if it refuses the request."""


class Service(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """One service. A port that it does not have is ``None``."""

    name: str
    """The name of its section, of its group in the doctor's report, and of ``Destination.service``."""
    title: str
    section: type[S]
    """A ``msgspec.Struct`` with the fields of ``[name]``; ``url`` has a default."""
    requirement: Requirement
    credential: str
    """The variable to name where there is room for one."""
    credential_help: str
    """What to check where the service refuses the credential."""
    tokens: str = ""
    """A regular expression for the beginning of its credentials, which must not stand in the configuration file."""
    endpoints: Sequence[Endpoint]
    """Where its credentials may go."""
    vouching: Vouching = msgspec.field(default_factory=Vouching)
    stands_at: Sequence[str] = ()
    """Settings whose address may be a host of the card of the same name, where the provider is our infrastructure."""
    limits: Limits = msgspec.field(default_factory=Limits)
    """The published rate limits, for the time in a plan."""
    dated: str
    """A path whose answer has a ``Date`` header, even if it refuses the request."""
    schemes: Sequence[Scheme] = ()
    """The schemes of its destinations' addresses."""
    example: str = ""
    """An example of such an address, for messages."""
    written_by: str = ""
    """A regular expression for lines of workflows that write secrets there without us."""
    brought_by: str = ""
    """A regular expression for lines that fetch the vault's newest values into a workflow."""
    is_vault: Callable[[S], bool] = lambda _: False
    """Whether the section configures the service as the vault."""
    vault_setting: str = ""
    """The setting that does so: ``[name] key``."""
    replaceable: Sequence[Replaceable[S]] = ()
    log: LogStore[S] | None = None
    app: AppBackend | None = None
    wants_sensitive: Callable[[S], bool] = lambda _: False
    """Whether ``drift`` reports secrets that can be read back at their destinations."""

    vault: Callable[[ServiceContext[S]], Vault] | None = None
    destination: Callable[[ServiceContext[S], Address], Destination] | None = None
    deployer: Callable[[ServiceContext[S], Address], Deployer] | None = None
    workflow_deployer: Callable[[ServiceContext[S], str, WorkflowAddress], Deployer] | None = None
    """Deploys a place, its first argument, by dispatching a workflow."""
    by_hand: Callable[[Address, Sequence[str]], Sequence[str]] | None = None
    """The commands of its own command line that write those names there; none contains a value."""
    functions: Callable[[ServiceContext[S], Sequence[Address]], Places[FunctionLogs]] | None = None
    """The logs of its functions."""
    workflows: Callable[[ServiceContext[S], Sequence[Address]], Places[WorkflowHistory]] | None = None
    """The runs of its workflows."""
    board: Callable[[ServiceContext[S]], ReleaseBoard] | None = None
    """Where the people of the job's repository see the outcome of a release."""
    run_queue: Callable[[ServiceContext[S], Sequence[Address]], RunQueue] | None = None
    alerts: Callable[[ServiceContext[S], Sequence[Address]], AlertSource] | None = None
    onboarding: Callable[[], Onboarding[Any]] | None = None
    """Its part of a first configuration."""
    account: Callable[[ServiceContext[S], Sequence[Address]], Iterator[Remark]] | None = None
    """Whose credential it is and what it may do, found by reading."""
    job_token: Callable[[ServiceContext[S]], Callable[[str], Secret] | None] | None = None
