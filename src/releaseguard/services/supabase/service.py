"""Supabase as a service: where the functions' secrets are written, what the functions logged, and the project that the
app and its event log are in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from releaseguard.credentials import CredentialOption, Requirement
from releaseguard.destinations.address import Address
from releaseguard.http.pacing import Limits
from releaseguard.model import Remark
from releaseguard.secret import Secret
from releaseguard.services.interface import (
    APP_DATABASE,
    AppBackend,
    LogStore,
    Replaceable,
    Service,
    ServiceContext,
    bearer,
)
from releaseguard.services.supabase.address import SCHEME, SupabaseAddress
from releaseguard.settings import Section
from releaseguard_events.places.supabase import EVENTS, SERVICE_KEYS, VOUCHING, hosts_of_projects, way_to_trust
from releaseguard_events.places.trust import Endpoint
from releaseguard_events.places.urls import scheme_of, split

if TYPE_CHECKING:
    from releaseguard.destinations.interface import Destination
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.functions.interface import FunctionLogs
    from releaseguard.http import ServiceClient
    from releaseguard.onboarding.part import Onboarding
    from releaseguard.services.interface import Places
    from releaseguard_events.stores.table import EventTable


class SupabaseSection(Section, frozen=True, kw_only=True):
    url: str = "https://api.supabase.com"


Context = ServiceContext[SupabaseSection]

TOKEN, PUBLIC_KEY = "SUPABASE_ACCESS_TOKEN", "SUPABASE_ANON_KEY"
SERVICE_KEY = SERVICE_KEYS[0]
APP = "[app] url"
PROJECT = "https://REF.supabase.co"
"""The address of a project, in messages."""

LIMITS = Limits(concurrency=10, per_minute=120)
"""The management API's limit for one user (https://supabase.com/docs/reference/api/introduction)."""

LOG_SCHEMES = ("https", "http")
_PROJECT = re.compile(r"([a-z]{20})\.supabase\.co")


def client(context: Context) -> ServiceClient:
    """The management API. Raises ``ConfigError`` without a credential."""
    access = context.access(TOKEN, "Supabase")
    return context.connect(bearer(access.token), limits=LIMITS, access=access)


def destination(context: Context, address: Address) -> Destination:
    from releaseguard.services.supabase.destination import SupabaseDestination

    return SupabaseDestination(context.once(client), _mine(address))


def _mine(address: Address) -> SupabaseAddress:
    if not isinstance(address, SupabaseAddress):
        raise TypeError(f"{address} is not an address of Supabase's")
    return address


def functions(context: Context, addresses: Sequence[Address]) -> Places[FunctionLogs]:
    """Of the destinations' projects, and of those that the app and its log are in."""

    def opened(ref: str) -> FunctionLogs:
        from releaseguard.services.supabase.functions import SupabaseFunctionLogs

        return SupabaseFunctionLogs(context.once(client), ref)

    refs = [address.ref for address in addresses if isinstance(address, SupabaseAddress)]
    urls = (context.app_url or "", context.events_url)
    refs += [found[1] for url in urls if (found := _PROJECT.fullmatch(split(url).host))]
    return {f"supabase:{ref}": partial(opened, ref) for ref in refs}


def account(context: Context, _addresses: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.supabase.account import account

    return account(context.once(client))


def event_log(context: Context, url: str, table: EventTable) -> EventLog:
    from releaseguard.services.supabase.event_log import SupabaseEventLog

    access = context.access(SERVICE_KEY, "the event log at Supabase")
    return SupabaseEventLog(
        url,
        access.token,
        table,
        connect=lambda base, headers: context.connect(headers, access=access, setting=EVENTS.setting, url=base),
    )


def schema(context: Context, url: str, table: EventTable) -> str:
    from releaseguard.services.supabase.event_log import SupabaseEventLog

    def unused(base: str, headers: Callable[[], Mapping[str, str | Secret]]) -> ServiceClient:
        return context.connect(headers, setting=EVENTS.setting, url=base, carries=False)

    with SupabaseEventLog(url, Secret("unused"), table, connect=unused) as log:
        return log.schema_sql()


def exposed(log: EventLog, public_key: Secret) -> Remark:
    from releaseguard.services.supabase.event_log import SupabaseEventLog

    if not isinstance(log, SupabaseEventLog):
        raise TypeError("only a log behind Supabase's REST interface is read with the public key")
    return log.exposed(public_key)


def app(client: ServiceClient) -> Iterator[Remark]:
    from releaseguard.services.supabase.account import app

    return app(client)


def try_new_token(context: Context, new: Secret, addresses: Sequence[Address]) -> None:
    """Whether a new token reaches the projects that the old one has to reach."""
    from releaseguard.services.supabase.destination import SupabaseDestination, projects

    client = context.connect(bearer(lambda: new), limits=LIMITS)
    for address in addresses:
        SupabaseDestination(client, _mine(address)).observe([])
    if not addresses:
        projects(client)


def try_new_key(context: Context, new: Secret, _addresses: Sequence[Address]) -> None:
    """We use it for an event log at Supabase and for nothing else."""
    from releaseguard.services.supabase.event_log import SupabaseEventLog

    if scheme_of(context.events_url) not in LOG_SCHEMES:
        return
    with SupabaseEventLog(
        context.events_url,
        new,
        context.events_table(),
        connect=lambda base, headers: context.connect(headers, setting=EVENTS.setting, url=base),
    ) as log:
        log.now()


def by_hand(address: Address, names: Sequence[str]) -> Sequence[str]:
    """What is typed is read: a line ``NAME=value`` for each, then Ctrl-D."""
    ref = address.base.partition(":")[2]
    return [f"supabase secrets set --project-ref {ref} --env-file /dev/stdin  # type {', '.join(names)} as NAME=value"]


def onboarding() -> Onboarding[Any]:
    from releaseguard.services.supabase.onboarding import ONBOARDING

    return ONBOARDING


SERVICE = Service(
    name="supabase",
    title="Supabase",
    section=SupabaseSection,
    requirement=Requirement("supabase", (CredentialOption((TOKEN,)),), "writing edge function secrets"),
    credential=TOKEN,
    credential_help=f"{TOKEN} for the management API, {SERVICE_KEY} for the event log",
    tokens=r"sbp_|sb_secret_",
    endpoints=(
        Endpoint(
            setting="[supabase] url",
            client="supabase",
            carries=(TOKEN, f"{TOKEN}_NEW"),
            hosts=frozenset({"api.supabase.com"}),
        ),
        EVENTS,
        Endpoint(
            setting=APP,
            client="app",
            carries=("SYNTHETIC_USER_PASSWORD", PUBLIC_KEY),
            own=hosts_of_projects,
            way=way_to_trust,
            of_few=True,
        ),
    ),
    vouching=VOUCHING,
    stands_at=("[supabase] url", EVENTS.setting, APP, APP_DATABASE),
    limits=LIMITS,
    dated="/v1/projects",
    schemes=(SCHEME,),
    example="supabase:REF",
    written_by=r"\bsupabase\s+(?:--\S+\s+)*secrets\s+set\b",
    replaceable=(
        Replaceable(variable=TOKEN, try_new=try_new_token),
        Replaceable(variable=SERVICE_KEY, try_new=try_new_key, hangs_together=True),
    ),
    log=LogStore(
        schemes=LOG_SCHEMES,
        example=PROJECT,
        open=event_log,
        schema=schema,
        requirement=Requirement("events", (CredentialOption((SERVICE_KEY,)),), "reading and writing the event log"),
        address="SUPABASE_URL",
        public_key=PUBLIC_KEY,
        exposed=exposed,
    ),
    app=AppBackend(example=PROJECT, public_key=PUBLIC_KEY, look=app, dated="/auth/v1/settings"),
    by_hand=by_hand,
    destination=destination,
    functions=functions,
    account=account,
    onboarding=onboarding,
)
