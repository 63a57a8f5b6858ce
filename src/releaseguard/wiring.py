"""The only module that names concrete adapters. Heavy libraries are imported inside the factories."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec import structs

from releaseguard import addresses, safemode
from releaseguard.audit.chain import ChainKey
from releaseguard.cards.load import Cards, load_cards, shipped_folder
from releaseguard.cards.rules import is_query
from releaseguard.cards.spec import InvariantCheck
from releaseguard.destinations.address import Address, Scheme, parse
from releaseguard.errors import AccessDenied, ConfigError, NotFound, Refused, SafeModeRefusal, UsageError
from releaseguard.model import Remark, new_id
from releaseguard.safemode import checkout, trust
from releaseguard.secret import Secret
from releaseguard.settings import REPLACEABLE, SUCCESSOR, Credentials, Settings, credentials, seconds, span
from releaseguard.tomlfile import did_you_mean
from releaseguard_events.places.hosts import Place as HostPlace
from releaseguard_events.places.urls import scheme_of, split

if TYPE_CHECKING:
    from datetime import datetime

    from releaseguard.appdb import AppDatabase
    from releaseguard.cards.spec import Card, FlowCheck
    from releaseguard.ci.interface import WorkflowHistory
    from releaseguard.deployments.interface import Deployer
    from releaseguard.destinations.interface import Destination, RunQueue
    from releaseguard.doctor.values import DoctorContext
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.functions.interface import FunctionLogs
    from releaseguard.health.run import HealthContext
    from releaseguard.http import Access, Limits, ServiceClient
    from releaseguard.incident.run import HostingTarget, IncidentContext
    from releaseguard.incident.sources.outside import Project, Repository
    from releaseguard.incident.sources.secrets import ConfiguredDestination
    from releaseguard.leaks.interface import AlertSource, Haystack
    from releaseguard.rotation.context import Binding, Claim, OwnAccess, RotationContext, RotationRules
    from releaseguard.rotation.drift.survey import Managed
    from releaseguard.rotation.exposure.report import ExposureSources
    from releaseguard.rotation.history.journal import Journal
    from releaseguard.services.github.app import GitHubInstallation
    from releaseguard.services.github.destination import PublicKeys
    from releaseguard.services.infisical.vault import Identity
    from releaseguard.vault.interface import Vault
    from releaseguard.verification.checks.live_checks import LiveChecks, RunFlows, SecretCopy
    from releaseguard.verification.flows.runner import FlowContext, SyntheticUser
    from releaseguard.verification.interface import Deployment, Finding, Promise
    from releaseguard.verification.run import VerifyContext
    from releaseguard_events.stores.table import EventTable

Guard = Callable[[], None]

INFRASTRUCTURE = {
    "[github] url": {"github"},
    "[vercel] url": {"vercel"},
    "[supabase] url": {"supabase"},
    "[events] url": {"supabase"},
    "[app] url": {"supabase", "vercel"},
}
"""The settings whose address may be a provider's: there we stand on it, at that address and nowhere else."""


def open_up(settings: Settings, environ: Mapping[str, str]) -> Wiring:
    """Read the cards, put SAFE MODE in force for this process, and give the way to every service.

    Raises ``ConfigError`` for a card or setting that is wrong, ``SafeModeRefusal`` where a setting names a
    provider's host, or one to which the credential in the environment does not go.
    """
    cards = _cards(settings)
    policy = check(settings, environ, cards)
    addresses.refuse_to_send(settings, environ)
    ignored = safemode.ignored_proxy_variables(environ)
    safemode.install(policy)
    notes = [f"SAFE MODE ignores {', '.join(ignored)}; a proxy is set as [network] proxy."] if ignored else []
    return Wiring(settings, credentials(environ), cards, policy, environ, notes, _run_refusal(environ))


def _run_refusal(environ: Mapping[str, str]) -> Refused | None:
    return checkout.refusal(environ, checkout.payload_of(environ))


def check(settings: Settings, environ: Mapping[str, str], cards: Cards) -> safemode.Policy:
    """SAFE MODE's rules for these settings, which name providers that the cards know; nothing is put in force.

    Raises as :func:`open_up`.
    """
    _check_providers(settings, cards)
    return safemode.build_policy(
        addresses.of(settings, environ), _denied(cards), _infrastructure(settings), proxy=settings.network.proxy
    )


def open_doctor(settings: Settings, environ: Mapping[str, str], provider: str | None) -> DoctorContext:
    """What the doctor looks at, with SAFE MODE on for every address that it allows; a problem is no error here.

    Raises ``UsageError`` for a provider that neither a card nor the file knows.
    """
    from releaseguard.doctor.values import DoctorContext

    cards, problems = _cards_or_problems(settings)
    if provider is not None and provider not in settings.providers and not problems:
        cards.get(provider)
    named = addresses.of(settings, environ)
    refused = {setting: error for setting, url in named.items() if (error := _refusal(settings, cards, setting, url))}
    trusted = safemode.trust_of(environ)
    refused |= {
        setting: error
        for setting, url in named.items()
        if setting not in refused
        and (error := addresses.refusal(settings, trusted, setting, url, trust.what_goes_to(setting, environ)))
    }
    proxy = settings.network.proxy
    if proxy and (error := _refusal(settings, cards, "[network] proxy", proxy)):
        refused["[network] proxy"] = error
    allowed = {setting: url for setting, url in named.items() if setting not in refused}
    well = proxy if "[network] proxy" not in refused else None
    policy = safemode.build_policy(allowed, _denied(cards), _infrastructure(settings), proxy=well)
    ignored = safemode.ignored_proxy_variables(environ)
    safemode.install(policy)
    wiring = Wiring(_hasty(settings), credentials(environ), cards, policy, environ, run_refusal=_run_refusal(environ))
    chosen = [name for name in settings.providers if provider in {None, name}]
    places = [address for name in chosen for address in wiring.readable_addresses(name)]
    return DoctorContext(
        settings=settings,
        environ=environ,
        provider=provider,
        cards=cards,
        card_problems=problems,
        own_cards=_own_cards(settings),
        addresses={**named, **({"[network] proxy": proxy} if proxy else {})},
        refused=refused,
        run_refusal=wiring.refused_run,
        ignored_proxies=ignored,
        date={service: partial(wiring.date_of, service) for service in _DATED},
        accounts={name: partial(_lazily, account, wiring, places) for name, account in _ACCOUNTS.items()},
        vault=lambda: wiring.vault,
        destination=wiring.destination,
        alerts=lambda: wiring.alerts_at(places),
        claims=lambda: list(wiring._claims()),
        log=lambda: wiring.bare_log,
        exposed=wiring.exposure if wiring.may_ask_for_exposure else None,
        database=(lambda: wiring.app_database) if environ.get(settings.app.database_url_env) else None,
        close=wiring.close,
    )


def _cards_or_problems(settings: Settings) -> tuple[Cards, Sequence[ConfigError]]:
    """The cards; where the project's own are not valid, the shipped ones and what is wrong."""
    try:
        return _cards(settings), ()
    except ConfigError as error:
        return load_cards(None).with_invariants({}, ()), getattr(error, "problems", (error,))


def _cards(settings: Settings) -> Cards:
    """The cards, with the invariants that the project names. Raises ``ConfigError`` for what is wrong with either."""
    cards = load_cards(settings.root if settings.path else None)
    known = [check.id for card in cards for check in card.checks if isinstance(check, InvariantCheck)]
    for name, sql in settings.app.invariants.items():
        where = settings.where("app", "invariants", name)
        if name not in known:
            raise ConfigError(f"no card has an invariant {name}", where=where, next_step=did_you_mean(name, known))
        if isinstance(sql, str) and not is_query(sql):
            step = f'Write {name} = "SELECT ...": what must not be there; or true for the card\'s own.'
            raise ConfigError("an invariant is one query that begins with select or with", where=where, next_step=step)
    return cards.with_invariants(settings.app.invariants, _own_cards(settings))


def _own_cards(settings: Settings) -> Sequence[str]:
    folder = settings.root / "checks"
    shipped = shipped_folder()
    if not settings.path or not folder.is_dir() or folder.resolve() == shipped.resolve():
        return ()
    return sorted(path.stem for path in folder.glob("*.toml"))


def _refusal(settings: Settings, cards: Cards, setting: str, url: str) -> SafeModeRefusal | None:
    try:
        if setting == "[network] proxy":
            safemode.build_policy({}, _denied(cards), _infrastructure(settings), proxy=url)
        else:
            safemode.build_policy({setting: url}, _denied(cards), _infrastructure(settings))
    except SafeModeRefusal as error:
        return error
    return None


HASTY = "10s"


def _hasty(settings: Settings) -> Settings:
    """With no more patience than a look deserves: a rotation may wait minutes for a limit, a person may not."""
    if seconds(settings.network.patience) <= seconds(HASTY):
        return settings
    return replace(settings, network=structs.replace(settings.network, patience=HASTY))


def _infrastructure(settings: Settings) -> Mapping[str, Collection[str]]:
    return {**INFRASTRUCTURE, settings.app.database_url_env: {"supabase"}}


def _check_providers(settings: Settings, cards: Cards) -> None:
    for provider in settings.providers:
        if provider not in cards:
            raise ConfigError(
                f"providers.{provider}: there is no such provider",
                where=settings.where("providers", provider),
                next_step=f"{did_you_mean(provider, [card.id for card in cards])} "
                "A new provider is a new file in checks/.",
            )


def _denied(cards: Cards) -> Mapping[str, Sequence[str]]:
    hosts: dict[str, list[str]] = {}
    for host, card in cards.denied_hosts().items():
        hosts.setdefault(card, []).append(host)
    return hosts


@dataclass
class Wiring:
    """The way to every service of one configuration. Close it, or use it in a ``with``."""

    settings: Settings
    credentials: Credentials
    cards: Cards
    policy: safemode.Policy
    environ: Mapping[str, str]
    notes: Sequence[str] = ()
    run_refusal: Refused | None = None
    """Why this run of GitHub Actions uses no credential; ``None`` where it may."""
    guard: Guard = field(default=lambda: None)
    """Called before every request to a service that a rotation writes to; set it before asking for one."""
    tell: Callable[[str], None] = field(default=lambda _: None)
    """For what has to be said while something else is going on."""
    hurry: timedelta | None = None
    """The most that repeats and limits may add to one request, for a command whose reader has no time; set it before
    asking for a service."""
    within: float | None = None
    """Seconds that one request may take, repeats and limits included: an app's writer has the disk to fall back on."""
    _accesses: dict[str, Access] = field(default_factory=dict)
    _told_of: set[str] = field(default_factory=set)
    """Keys of ``sources`` that are no destination."""
    github_installation: GitHubInstallation | None = None
    """The App's, once :attr:`github` has been asked for."""
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release every connection."""
        self._open.close()

    # --- which credentials go where

    @cached_property
    def trusted(self) -> safemode.Trust:
        """What the environment says about where credentials may go."""
        return safemode.trust_of(self.environ)

    @property
    def refused_run(self) -> Refused | None:
        """Why this run does not look at services; ``None`` where it may, or where it has no credential to use."""
        return self.run_refusal if self._uses_credentials() else None

    def _uses_credentials(self) -> bool:
        from releaseguard.doctor.requirements import requirements

        at_hand = any(one.met_by(self.environ) for one in requirements(self.settings))
        return at_hand or bool(self.environ.get(self.settings.app.database_url_env)) or not self._log_is_a_file

    @property
    def _log_is_a_file(self) -> bool:
        return scheme_of(self.settings.events.url) == "sqlite"

    def _refuse_services(self) -> None:
        """Raise ``Refused`` where this run uses no credential and has some: a command whose single looks may fail must
        not take the refusal for one of them."""
        if self.refused_run is not None:
            raise self.refused_run

    def _refuse_run(self) -> None:
        if self.run_refusal is not None:
            raise self.run_refusal

    def _vouch(self, address: str, place: HostPlace) -> None:
        """Raise ``SafeModeRefusal`` unless the event log's password may go to ``place``, a server of ``address``."""
        setting = "[events] url"
        refused = self.trusted.refusal("the database's password", setting, place, address=address)
        if refused is not None:
            refused.where = addresses.place_in_file(self.settings, setting)
            raise refused

    # --- the event log

    @cached_property
    def event_log(self) -> EventLog:
        """The event log at ``[events] url``, whichever kind of store that is; of our own rows only those that are
        believed. Raises ``UsageError`` for a signing key that could be guessed."""
        from releaseguard.eventlog.signing.keys import keyring_in
        from releaseguard.eventlog.signing.log import SignedLog

        return SignedLog(self.every_row, keyring_in(self.environ), self._say)

    def _say(self, text: str) -> None:
        """Through :attr:`tell` as it is then: a command sets it after this was opened."""
        self.tell(text)

    @cached_property
    def every_row(self) -> EventLog:
        """The same log as it stands, for those who look at rows themselves."""
        return self.event_log_at(self.settings.events.url)

    def event_log_at(self, url: str) -> EventLog:
        """A log at another address. Raises ``ConfigError`` for a scheme that no store has."""
        factory = self._log_factory(scheme_of(url))
        log = self._open.enter_context(factory(self, url, self._table))
        lacking = log.lacking()
        if not lacking:
            return log
        self.tell(_what_lacks(self._table.table, lacking))
        table = replace(self._table, columns={**self._table.columns, **dict.fromkeys(lacking, False)})
        return self._open.enter_context(factory(self, url, table))

    @cached_property
    def bare_log(self) -> EventLog:
        """The event log without a first look at its table, which can make it."""
        scheme = scheme_of(self.settings.events.url)
        return self._open.enter_context(self._log_factory(scheme)(self, self.settings.events.url, self._table))

    def _log_factory(self, scheme: str) -> Callable[[Wiring, str, EventTable], EventLog]:
        factory = _EVENT_LOGS.get(scheme)
        if factory is None:
            raise ConfigError(
                f"events.url: no event log is known for {scheme or 'an address without a scheme'}",
                where=self.settings.where("events", "url"),
                next_step="Write sqlite:///file.db, postgresql://... or https://REF.supabase.co.",
            )
        return factory

    def schema_sql(self) -> str:
        """The SQL that makes the event log's tables: printed without asking a store, so without its credential."""
        url = self.settings.events.url
        if _EVENT_LOGS.get(scheme_of(url)) is not _rest:
            return self.event_log.schema_sql()
        from releaseguard.services.supabase.event_log import SupabaseEventLog

        connect = partial(self._client, "[events] url", carries=False)
        with SupabaseEventLog(url, Secret("unused"), self._table, connect=connect) as log:
            return log.schema_sql()

    @property
    def _table(self) -> EventTable:
        from releaseguard_events.stores.table import EventTable

        section = self.settings.events
        columns = {ours: theirs if isinstance(theirs, str) else None for ours, theirs in section.columns.items()}
        return EventTable(table=section.table, columns=columns, results_table=section.results_table)

    # --- services

    @cached_property
    def vault(self) -> Vault:
        """Infisical, with whichever of its credentials the environment has."""
        from releaseguard.services.infisical.vault import InfisicalSession, InfisicalVault, limits_of

        section = self.settings.infisical
        if not section.project_id:
            raise ConfigError(
                "infisical.project_id is not set",
                where=self.settings.where("infisical"),
                next_step="Set it to the project's id (Infisical: project settings)."
                if self.settings.path
                else "Run: releaseguard init",
            )
        session = InfisicalSession(self._identity())
        client = self._client("[infisical] url", section.url, session.headers, limits_of(section.url))
        return InfisicalVault(
            client, session, project_id=section.project_id, environment=section.environment, path=section.path
        )

    def _identity(self) -> Identity:
        from releaseguard.services.infisical.vault import OidcAuth, PlainToken, UniversalAuth, actions_id_token

        known = self.credentials
        if known.infisical_token:
            return PlainToken(known.infisical_token)
        # A login must not carry a stale token, so it has a client of its own.
        login = self._client("[infisical] url", self.settings.infisical.url, dict)
        if known.infisical_client_id and known.infisical_client_secret:
            return UniversalAuth(login, known.infisical_client_id, known.infisical_client_secret)
        if known.infisical_identity_id and known.oidc_request_url and known.oidc_request_token:
            url, bearer = known.oidc_request_url, known.oidc_request_token
            place = split(url)
            issuer = self._client(trust.OIDC_ISSUER, f"{place.scheme}://{place.server}", _bearer(_always(bearer)))
            audience = self.settings.infisical.oidc_audience or self.settings.infisical.url.rstrip("/")
            return OidcAuth(login, known.infisical_identity_id, lambda: actions_id_token(issuer, url, audience))
        raise ConfigError(
            "Infisical needs a credential, and none is set",
            where="environment",
            next_step="Set INFISICAL_TOKEN, or INFISICAL_CLIENT_ID and INFISICAL_CLIENT_SECRET, or in GitHub Actions "
            "INFISICAL_IDENTITY_ID with permissions: id-token: write.",
        )

    def destination(self, address: Address) -> Destination:
        """The adapter for one address."""
        return _DESTINATIONS[address.scheme](self, address)

    # --- whole surroundings

    def rotation_context(self, card: Card, secret: str | None) -> RotationContext:
        """Everything that a rotation of one of the card's units touches, with the guard of its lease."""
        from releaseguard.rotation.context import Guard, RotationContext

        settings = self.settings
        addresses = self._addresses_for(card, secret)
        guard = Guard()
        self.guard = guard
        return RotationContext(
            card=card,
            chain_key=ChainKey(card.id, settings.environment),
            vault=self.vault,
            log=self.event_log,
            bindings=[self._place(card, address, secret) for address in addresses],
            deployers=self._deployers(addresses),
            rules=self._rotation_rules(),
            guard=guard,
            claims=list(self._claims()),
            own_accesses=self._own_accesses(card, secret, addresses),
            run_flow=self.flow_runner(card),
            usual_environment=settings.project.environment,
            asks_for_new=self.environ.get("GITHUB_ACTIONS") == "true",
        )

    def verify_world(self, *, window: timedelta | None = None, baseline: timedelta | None = None) -> VerifyContext:
        """Everything that a verification reads; ``window`` and ``baseline`` override the configured ones."""
        from releaseguard.verification.run import VerifyContext
        from releaseguard_events.scrub.scrubber import kinds_by_key

        self._refuse_services()
        return VerifyContext(
            log=self.event_log,
            cards=list(self.cards),
            environment=self.settings.environment,
            promise=self.promise(window, baseline),
            kinds=kinds_by_key,
            present=self._present(),
            now=self.event_log.now,
        )

    def health_world(self, window: timedelta, provider: str | None, as_of: datetime | None = None) -> HealthContext:
        """What a look at the providers' health reads; ``as_of``: with only what had been recorded by then."""
        from releaseguard.health.run import HealthContext

        return HealthContext(
            log=self.event_log,
            cards=list(self.cards),
            environment=self.settings.environment,
            window=window,
            baseline=span(self.settings.verify.baseline),
            now=(lambda: as_of) if as_of else self.event_log.now,
            provider=provider,
            recorded_until=as_of,
        )

    def incident_context(
        self, card: Card, window: timedelta, as_of: datetime | None, progress: Callable[[str], None]
    ) -> IncidentContext:
        """Everything that an incident of one provider is read from. What is not configured is not there."""
        from releaseguard.incident.run import IncidentContext
        from releaseguard.incident.sources.secrets import Secrets
        from releaseguard.incident.sources.tests_at_hand import tests_naming

        self._refuse_services()
        known = self._addresses_from(card.id)
        present = self._present()
        return IncidentContext(
            health=self.health_world(window, None, as_of),
            card=card,
            projects=self._projects(known),
            repositories=self._repositories(known),
            hosts=self._hosts(known),
            secrets=Secrets(self._sites(card), self.event_log, lambda: self.vault),
            count_rows=present.count_rows,
            database_setting=present.database_setting,
            tests=partial(tests_naming, self.settings.root),
            scrub=self._scrub(),
            progress=progress,
        )

    def _addresses_from(self, provider: str) -> Sequence[Address]:
        """Every configured destination, this provider's first; none for an environment that the file does not name."""
        if not self._is_declared():
            return []
        names = sorted(self.settings.providers, key=lambda name: name != provider)
        return [
            address
            for name in names
            if self.settings.providers[name].destinations
            for address in self.addresses_of(name)
        ]

    def _is_declared(self) -> bool:
        try:
            self.settings.refuse_undeclared()
        except UsageError:
            return False
        return True

    def _sites(self, card: Card) -> Sequence[ConfiguredDestination]:
        from releaseguard.incident.sources.secrets import ConfiguredDestination

        section = self.settings.providers.get(card.id)
        if section is None or not section.destinations or not self._is_declared():
            return []
        return [
            ConfiguredDestination(address.uri, _SERVICE_OF[address.scheme], partial(self._managed_at, card, address))
            for address in self.addresses_of(card.id)
        ]

    def _managed_at(self, card: Card, address: Address) -> Managed:
        from releaseguard.rotation.drift.survey import Managed

        return Managed(
            card=card,
            chain_key=ChainKey(card.id, self.settings.environment),
            bindings=[self._place(card, address, None)],
            configured=[claim.uri for claim in self._claims() if claim.owner.provider == card.id],
            sensitive=self.settings.vercel.sensitive,
        )

    def _projects(self, known: Sequence[Address]) -> Sequence[Project]:
        from releaseguard.incident.sources.outside import Project

        refs = [address.ref for address in known if address.scheme is Scheme.SUPABASE]
        refs += [ref for url in (self.settings.app.url, self.settings.events.url) if (ref := _project_at(url))]
        return [Project(f"supabase:{ref}", partial(self.function_logs, ref)) for ref in dict.fromkeys(refs)]

    def function_logs(self, ref: str) -> FunctionLogs:
        """The edge functions of one Supabase project."""
        from releaseguard.services.supabase.functions import SupabaseFunctionLogs

        return SupabaseFunctionLogs(self.supabase, ref)

    def _repositories(self, known: Sequence[Address]) -> Sequence[Repository]:
        from releaseguard.incident.sources.outside import Repository

        names = [f"{address.account}/{address.repo}" for address in known if address.repo]
        each = {name.lower(): name for name in reversed(names)}  # GitHub does not tell letter case apart
        return [Repository(f"github:{name}", partial(self.workflows, name)) for name in reversed(each.values())]

    def workflows(self, repository: str) -> WorkflowHistory:
        """The workflow runs of ``OWNER/REPO``."""
        from releaseguard.services.github.ci import GitHubWorkflows

        return GitHubWorkflows(self.github, repository)

    def _hosts(self, known: Sequence[Address]) -> Sequence[HostingTarget]:
        from releaseguard.incident.run import HostingTarget

        found: dict[str, HostingTarget] = {}
        for address in known:
            # Every branch has its preview: what one of them serves says nothing about users.
            targets = [target for target in address.targets if target not in {"preview", "development"}]
            if targets:
                open_ = partial(self._vercel_deployer, address)
                found.setdefault(address.base, HostingTarget(address.base, targets[0], open_))
        return list(found.values())

    def _vercel_deployer(self, address: Address) -> Deployer:
        from releaseguard.services.vercel.deployer import VercelDeployer

        return VercelDeployer(self.vercel, address.project, team_id=self.settings.vercel.team_id)

    def _scrub(self) -> Callable[[str], str]:
        """What of the words of apps and services may be shown: no secret, no personal data, nothing like a key."""
        from releaseguard.harmless import visible
        from releaseguard.secret import masked, without_keys
        from releaseguard_events.scrub.scrubber import Scrubber, secrets_of

        scrubber = Scrubber(secrets_of(self.environ))
        return lambda text: visible(without_keys(masked(scrubber.text(text))))

    def promise(self, window: timedelta | None, baseline: timedelta | None) -> Promise:
        """What is promised about verdicts, and over how much time."""
        from releaseguard.verification.interface import Promise

        section = self.settings.verify
        return Promise(
            false_alarm=section.false_alarm_rate,
            window_minutes=_minutes(window or span(section.window)),
            baseline_minutes=_minutes(baseline or span(section.baseline)),
        )

    def _present(self) -> LiveChecks:
        from releaseguard.verification.checks.live_checks import LiveChecks

        providers = self.settings.providers
        setting = self.settings.app.database_url_env
        database = self.environ.get(setting)
        return LiveChecks(
            secret_states=self._secret_states,
            providers_with_destinations=frozenset(name for name, one in providers.items() if one.destinations),
            count_rows=self.app_database.count_rows if database else None,
            database_setting=setting,
            run_flows=self._flow_stage(),
            flow_setting="[infisical] project_id" if self.settings.app.url else "[app] url",
            test_paths=frozenset(name for name, one in providers.items() if one.test_path),
        )

    @cached_property
    def app_database(self) -> AppDatabase:
        """The app's own database, at the address in the variable that ``[app] database_url_env`` names."""
        from releaseguard.appdb import AppDatabase

        safemode.need_psycopg()
        setting = self.settings.app.database_url_env
        url = Secret(self.environ[setting])

        def pin(target: str) -> str:
            self._refuse_run()  # whom it talks to comes whole from the environment
            return safemode.check_libpq(target, self.environ, setting=setting, policy=self.policy).conninfo.reveal()

        return AppDatabase(url, setting, pin=pin)

    def _secret_states(self, provider: str, names: Sequence[str]) -> Sequence[SecretCopy]:
        from releaseguard.rotation.drift.compare import DRIFTED, DriftStatus
        from releaseguard.rotation.drift.survey import survey
        from releaseguard.verification.checks.live_checks import SecretCopy

        found = survey(self.managed(provider), self.vault, self.event_log, copies=False).findings
        in_step = dict.fromkeys(DRIFTED, False) | {DriftStatus.IN_STEP: True}
        return [
            SecretCopy(one.secret, one.uri, in_step.get(one.status), one.reason)
            for one in found
            if not names or one.secret in names
        ]

    def _flow_stage(self) -> RunFlows | None:
        """What runs flows for a verdict; ``None`` where the app or the vault of its test user is not configured."""
        if not self.settings.app.url or not self.settings.infisical.project_id:
            return None

        def run(card: Card, check: FlowCheck, deployment: Deployment) -> Finding:
            return self._flows(card, check, deployment)

        return run

    @cached_property
    def _flows(self) -> RunFlows:
        """Made with the first flow: a verdict without any needs no client of the app."""
        from releaseguard.verification.flows.runner import FlowStage

        return FlowStage(self.flow_world)

    @cached_property
    def flow_world(self) -> FlowContext:
        """What synthetic flows run in: the app, its test user, and the event log."""
        from releaseguard.verification.flows.runner import FlowContext, UserSession

        session = UserSession(self._test_user)
        return FlowContext(
            log=self.event_log,
            client=self._app_client(session.headers),
            session=session,
            environment=self.settings.environment,
            test_paths=frozenset(name for name, one in self.settings.providers.items() if one.test_path),
        )

    def _test_user(self) -> SyntheticUser:
        from releaseguard.verification.flows.runner import SyntheticUser

        vault = self.vault
        public_key = self.credentials.supabase_anon_key or vault.read("SUPABASE_ANON_KEY").value
        return SyntheticUser(
            email=vault.read("SYNTHETIC_USER_EMAIL").value,
            password=vault.read("SYNTHETIC_USER_PASSWORD").value,
            public_key=public_key,
        )

    def leak_surroundings(self, world: RotationContext, secret: str | None) -> ExposureSources:
        """Where the exposure of a leaked secret is looked for."""
        from releaseguard.rotation.exposure.report import ExposureSources

        addresses = self._addresses_for(world.card, secret)
        configured = [parse(claim.uri) for claim in self._claims()]
        return ExposureSources(
            card=world.card,
            chain_key=world.chain_key,
            unit=world.card.unit_of(secret),
            bindings=world.bindings,
            vault=world.vault,
            log=world.log,
            waiting_runs=lambda pushed_at: self.run_queue(addresses).waiting(pushed_at),
            is_configured=lambda uri: any(parse(uri).overlaps(address) for address in configured),
        )

    def managed(self, provider: str | None = None) -> Sequence[Managed]:
        """The providers with destinations in this environment, or one of them."""
        from releaseguard.rotation.drift.survey import Managed

        self.settings.refuse_undeclared()
        names = [provider] if provider else [name for name, one in self.settings.providers.items() if one.destinations]
        return [
            Managed(
                card=self.cards.get(name),
                chain_key=ChainKey(name, self.settings.environment),
                bindings=[self._place(self.cards.get(name), address, None) for address in self.addresses_of(name)],
                configured=[claim.uri for claim in self._claims() if claim.owner.provider == name],
                sensitive=self.settings.vercel.sensitive,
            )
            for name in names
        ]

    def _addresses_for(self, card: Card, secret: str | None) -> Sequence[Address]:
        """Where the secret's unit is written: nowhere, where it is kept at the provider."""
        kept_there = all(member.from_ == "manual" for member in card.unit_of(secret))
        return () if kept_there else self.addresses_of(card.id)

    def addresses_of(self, provider: str) -> Sequence[Address]:
        """The provider's configured destinations, parsed. Raises ``ConfigError`` with file, line and key."""
        where = self.settings.where("providers", provider, "destinations")
        return [parse(text, where=where) for text in self.settings.destinations_of(provider)]

    def _place(self, card: Card, address: Address, secret: str | None) -> Binding:
        from releaseguard.rotation.context import Binding

        unit = card.unit_of(secret)
        if address.rename and len(unit) > 1:
            raise ConfigError(
                f"{address}: {' and '.join(member.name for member in unit)} cannot share one name",
                where=self.settings.where("providers", card.id, "destinations"),
                next_step="Leave the renaming out: each secret keeps its own name there.",
            )
        # The card's other secrets keep their own names: under one name the last written would replace the rest.
        named = address.rename and unit[0].name == card.unit_of(None)[0].name
        names = {unit[0].name: address.rename} if named and address.rename else {}
        return Binding(self.destination(address.place), names, self._sources_at(card.id, address))

    def _sources_at(self, provider: str, address: Address) -> Sequence[str] | None:
        """The event sources that run at ``address``; ``None`` where the project does not say."""
        for text, sources in self.settings.providers[provider].sources.items():
            if self._speaks_of(provider, text, address):
                return tuple(sources)
        return None

    def _speaks_of(self, provider: str, text: str, address: Address) -> bool:
        """Whether a key of ``sources`` is ``address``. One that is no destination of any environment is told of: a
        runtime whose sources nobody names is proven by any."""
        sections = [providers[provider] for providers in self.settings.siblings.values() if provider in providers]
        places = [parse(one) for section in sections for one in section.destinations]
        known = {name for place in places for name in (place.base, place.uri)}
        named = text if text in known else _canonical(text)
        if named not in known and text not in self._told_of:
            self._told_of.add(text)
            where = self.settings.where("providers", provider, "sources", text)
            self.tell(f"{where}: no destination of {provider} is called {text}. {did_you_mean(text, known)}")
        return named in {address.base, address.uri}

    def _deployers(self, addresses: Sequence[Address]) -> Mapping[str, Deployer]:
        found = {address.base: self.deployer(address) for address in addresses}
        return {base: deployer for base, deployer in found.items() if deployer is not None}

    def _rotation_rules(self) -> RotationRules:
        from releaseguard.rotation.context import RotationRules
        from releaseguard.services.github.destination import GITHUB_LIMITS
        from releaseguard.services.supabase.destination import SUPABASE_LIMITS
        from releaseguard.services.vercel.destination import VERCEL_LIMITS

        section = self.settings.rotation
        return RotationRules(
            lease=span(section.lease),
            request_timeout=span(self.settings.network.timeout),
            prove_within=span(section.prove_within),
            deploy_within=span(section.deploy_within),
            accept_timing=section.accept_timing,
            limits={"github": GITHUB_LIMITS, "vercel": VERCEL_LIMITS, "supabase": SUPABASE_LIMITS},
        )

    def journal(self, chain_key: ChainKey) -> Journal:
        """A chain's history, to be written by this process."""
        from releaseguard.rotation.context import Clocks, describe_holder
        from releaseguard.rotation.history.journal import Journal

        holder = describe_holder(self.environ)
        return Journal(self.event_log, chain_key, holder, span(self.settings.rotation.lease), Clocks())

    def _claims(self) -> Iterator[Claim]:
        """Every name that the file says is written at some destination, by whom, over all its environments."""
        from releaseguard.rotation.context import Claim

        for environment, providers in self.settings.siblings.items():
            for provider, section in providers.items():
                claimed = self.settings.claims_destinations(environment, provider)
                for text in section.destinations if claimed else ():
                    address = parse(text, where=self.settings.where("providers", provider, "destinations"))
                    shared = section.shared is True or (
                        not isinstance(section.shared, bool) and bool({text, address.uri} & {*section.shared})
                    )
                    names = self._names_of(provider, address.rename)
                    yield from (Claim(address.uri, name, ChainKey(provider, environment), shared) for name in names)

    def _names_of(self, provider: str, rename: str | None) -> Sequence[str]:
        """What the provider's secrets are called at a destination; ``rename`` is of the card's first one."""
        names = [secret.name for secret in self.cards.get(provider).secrets]
        return [rename, *names[1:]] if rename and names else names

    def flow_runner(self, card: Card) -> Callable[[str], object] | None:
        """What runs one of the card's flows once; ``None`` where the app's address is not configured."""
        if not self.settings.app.url or not self.settings.infisical.project_id:
            return None
        from releaseguard.verification.flows.runner import FlowRunner

        # Each rotation's flows are runs of their own: an idempotency key used before would make no event.
        runner = FlowRunner(self.flow_world, purpose=f"rotation {new_id()}", release=None)

        def run(flow_id: str) -> object:
            flow = self.cards.flow(card.id, flow_id)
            runner.recover(card, flow)
            return runner.run(card, flow)

        return run

    # --- the doctor's looks

    def date_of(self, service: str) -> tuple[datetime, datetime, datetime] | None:
        """What a service says of the time (:meth:`ServiceClient.date`), asked without a credential."""
        url, path = _DATED[service](self.settings)
        return self._client(f"[{service}] url", url, dict, carries=False).date(path)

    @property
    def may_ask_for_exposure(self) -> bool:
        """Whether :meth:`exposure` can be asked: of a log behind REST, with the app's public key at hand."""
        behind_rest = _EVENT_LOGS.get(scheme_of(self.settings.events.url)) is _rest
        return behind_rest and self.credentials.supabase_anon_key is not None

    def exposure(self, log: EventLog) -> Remark:
        """Whether the app's public key reads the event log."""
        from releaseguard.services.supabase.event_log import SupabaseEventLog

        key = self.credentials.supabase_anon_key
        if not isinstance(log, SupabaseEventLog) or key is None:
            raise ConfigError("only a log behind Supabase's REST interface is read with the public key")
        return log.exposed(key)

    def readable_addresses(self, provider: str) -> Sequence[Address]:
        """The provider's destinations without those that are no addresses."""
        from releaseguard.doctor.requirements import addresses

        return addresses(self.settings, provider).get(provider, ())

    def public_headers(self) -> Mapping[str, str | Secret]:
        """The app's public key, which its backend asks for with every request."""
        return {"apikey": self.credentials.supabase_anon_key or self.vault.read("SUPABASE_ANON_KEY").value}

    def deployer(self, address: Address) -> Deployer | None:
        """What redeploys the app behind an address; ``None`` where nothing has to be."""
        return self._vercel_deployer(address) if address.scheme is Scheme.VERCEL else None

    def run_queue(self, addresses: Sequence[Address]) -> RunQueue:
        """The workflow runs that may still hold what these addresses held."""
        from releaseguard.services.github.destination import GitHubRuns

        return GitHubRuns(self.github, addresses)

    def alerts(self) -> AlertSource:
        """Secret-scanning alerts of every repository that is a destination."""
        return self.alerts_at([one for name in self.settings.providers for one in self._github_addresses(name)])

    def alerts_at(self, addresses: Sequence[Address]) -> AlertSource:
        """Those of the repositories among ``addresses``."""
        from releaseguard.services.github.alerts import GitHubAlerts

        repositories = [f"{one.account}/{one.repo}" for one in addresses if one.repo]
        each = {name.lower(): name for name in reversed(repositories)}  # GitHub does not tell letter case apart
        return GitHubAlerts(self.github, list(reversed(each.values())))

    def _github_addresses(self, provider: str) -> Sequence[Address]:
        section = self.settings.providers[provider]
        addresses = self.addresses_of(provider) if section.destinations else []
        return [address for address in addresses if address.account]

    def repository(self, root: Path) -> Haystack:
        """A git repository that can be searched for managed values."""
        from releaseguard.leaks.repository import GitRepository

        return GitRepository(root)

    @cached_property
    def github(self) -> ServiceClient:
        """GitHub's API. Raises ``ConfigError`` without a credential."""
        from releaseguard.services.github.destination import GITHUB_LIMITS

        headers = self._github_headers()
        return self._client("[github] url", self.settings.github.url, headers, GITHUB_LIMITS)

    @cached_property
    def github_keys(self) -> PublicKeys:
        """GitHub's public keys, fetched once for each place and run."""
        from releaseguard.services.github.destination import PublicKeys

        return PublicKeys(self.github)

    @cached_property
    def vercel(self) -> ServiceClient:
        """Vercel's API. Raises ``ConfigError`` without a credential."""
        from releaseguard.services.vercel.destination import VERCEL_LIMITS

        access = self._access("VERCEL_TOKEN", "Vercel")
        return self._client("[vercel] url", self.settings.vercel.url, _bearer(access.token), VERCEL_LIMITS, access)

    @cached_property
    def supabase(self) -> ServiceClient:
        """Supabase's management API. Raises ``ConfigError`` without a credential."""
        from releaseguard.services.supabase.destination import SUPABASE_LIMITS

        access = self._access("SUPABASE_ACCESS_TOKEN", "Supabase")
        return self._client(
            "[supabase] url", self.settings.supabase.url, _bearer(access.token), SUPABASE_LIMITS, access
        )

    def _app_client(self, headers: Callable[[], Mapping[str, str | Secret]]) -> ServiceClient:
        """The app's own backend. Raises ``ConfigError`` where no address is set."""
        if not self.settings.app.url:
            raise ConfigError(
                "app.url is not set",
                where=self.settings.where("app"),
                next_step='Set it to the app\'s own base address: [app] url = "https://REF.supabase.co".',
            )
        return self._client("[app] url", self.settings.app.url, headers)

    def _github_headers(self) -> Callable[[], Mapping[str, str | Secret]]:
        from releaseguard.services.github.destination import github_headers

        known = self.credentials
        if known.github_app_id and known.github_app_private_key:
            return self._app_headers(known.github_app_id, known.github_app_private_key)
        return github_headers(_always(self._required(known.github_token, "RELEASEGUARD_GITHUB_TOKEN", "GitHub")))

    def _app_headers(self, app_id: str, key: Secret) -> Callable[[], Mapping[str, str | Secret]]:
        from releaseguard.services.github.app import GitHubApp, GitHubInstallation
        from releaseguard.services.github.destination import github_headers

        signer = GitHubApp(app_id, key)
        client = self._client("[github] url", self.settings.github.url, github_headers(signer.token))
        self.github_installation = GitHubInstallation(client, self._github_account())
        return github_headers(self.github_installation.token)

    def _github_account(self) -> str:
        """The account whose installation is asked for a token: that of the first GitHub destination."""
        for section in self.settings.providers.values():
            for text in section.destinations:
                address = parse(text)
                if address.account:
                    return f"{address.account}/{address.repo}" if address.repo else address.account
        raise ConfigError("a GitHub App is configured, and no provider has a GitHub destination")

    def _access(self, variable: str, service: str) -> Access:
        """The credential of ``variable``, which the new one replaces where the service does not take it any more."""
        from releaseguard.http import Access

        if variable not in self._accesses:
            token = self._required(self.credentials.access(variable), variable, service)
            said = f"{service} does not accept {variable} any more: going on with {variable}{SUCCESSOR}."
            successor = self.credentials.successors.get(variable)
            self._accesses[variable] = Access(token, successor, lambda: self.tell(said))
        return self._accesses[variable]

    def _own_accesses(self, card: Card, secret: str | None, addresses: Sequence[Address]) -> Sequence[OwnAccess]:
        """What rotating the card's keys could cut us off from."""
        from releaseguard.rotation.context import OwnAccess

        mine = {member.name for member in card.unit_of(secret)}
        variables = dict.fromkeys([*_STOOD_ON.get(card.infrastructure or "", ()), *(mine & {*REPLACEABLE})])
        return [
            OwnAccess(
                variable=variable,
                old=self.credentials.access(variable),
                new_variable=variable + SUCCESSOR,
                new=self.credentials.successors.get(variable),
                try_new=partial(self._try_new, variable, addresses),
            )
            for variable in (variables if card.infrastructure else ())
        ]

    def _try_new(self, variable: str, addresses: Sequence[Address]) -> None:
        """Raise ``AccessDenied`` where the new access does not reach by reading what the old one has to reach."""
        new = self.credentials.successors[variable]
        try:
            _NEW_ACCESS[variable](self, new, addresses)
        except (AccessDenied, NotFound) as error:
            raise AccessDenied(
                f"{variable}{SUCCESSOR} does not reach what {variable} reaches: {error.what}",
                where=error.where,
                next_step=f"Make the new one with the scope of the old one, and set {variable}{SUCCESSOR} to it. "
                "Nothing has been written.",
                status=error.status,
            ) from None

    def _required(self, value: Secret | None, variable: str, service: str) -> Secret:
        if value is None:
            raise ConfigError(
                f"{service} needs a credential, and {variable} is not set",
                where="environment",
                next_step=f"Set {variable}. Credentials come from the environment only; "
                "`releaseguard doctor` says what else is missing.",
            )
        return value

    def _guarded(self) -> None:
        # Asked for at each request: a rotation arms the guard after its clients were made.
        self.guard()

    def _client(
        self,
        setting: str,
        url: str,
        headers: Callable[[], Mapping[str, str | Secret]],
        limits: Limits | None = None,
        access: Access | None = None,
        *,
        carries: bool = True,
    ) -> ServiceClient:
        """A client for the address of ``setting``; ``carries``: whether anything confidential is sent there. Raises
        ``Refused`` where that may not be."""
        from releaseguard.http import Limits, ServiceClient

        if carries:
            self._refuse_to_carry(setting, url)
        network = self.settings.network
        within = math.inf if self.within is None else self.within
        client = ServiceClient(
            service=_SERVICE_AT[setting],
            base_url=url,
            headers=headers,
            limits=limits or Limits(),
            timeout=min(seconds(network.timeout), within),
            patience=min(seconds(network.patience), self.hurry.total_seconds() if self.hurry else math.inf)
            if self.within is None
            else 0.0,
            guard=self._guarded,
            refused=access.refused if access else lambda _: False,
            proxy=network.proxy,
        )
        self._open.callback(client.close)
        return client

    def _refuse_to_carry(self, setting: str, url: str) -> None:
        self._refuse_run()
        credential = trust.what_goes_to(setting, self.environ)
        if refused := addresses.refusal(self.settings, self.trusted, setting, url, credential):
            raise refused


_SERVICE_AT: Mapping[str, str] = {
    "[infisical] url": "infisical",
    "[github] url": "github",
    "[vercel] url": "vercel",
    "[supabase] url": "supabase",
    "[events] url": "supabase",
    "[app] url": "app",
    trust.OIDC_ISSUER: "github",
}
"""What a client is called in messages, by the setting that names its address."""


def _canonical(text: str) -> str | None:
    try:
        return parse(text).uri
    except ConfigError:
        return None


def _project_at(url: str | None) -> str | None:
    """The ref of the Supabase project whose address it is, if it is one."""
    found = _SUPABASE_PROJECT.fullmatch(split(url or "").host)
    return found[1] if found else None


_SUPABASE_PROJECT = re.compile(r"([a-z]{20})\.supabase\.co")
_SERVICE_OF: Mapping[Scheme, str] = {
    Scheme.GITHUB: "github",
    Scheme.GITHUB_DEPENDABOT: "github",
    Scheme.VERCEL: "vercel",
    Scheme.SUPABASE: "supabase",
}


def _bearer(token: Callable[[], Secret]) -> Callable[[], Mapping[str, str | Secret]]:
    return lambda: {"Authorization": Secret(f"Bearer {token().reveal()}")}


def _minutes(time: timedelta) -> int:
    return max(math.ceil(time / timedelta(minutes=1)), 1)


def _what_lacks(table: str, columns: Sequence[str]) -> str:
    from releaseguard.eventlog.interface import COSTS

    words = [f"{column} ({COSTS[column]})" for column in columns]
    return f"The app's table {table} does without: {', '.join(words)}."


def _always(token: Secret) -> Callable[[], Secret]:
    return lambda: token


def _sqlite(wiring: Wiring, url: str, table: EventTable) -> EventLog:
    from releaseguard.eventlog.stores.sqlite import SqliteEventLog
    from releaseguard_events.stores.sqlite import sqlite_path

    path = sqlite_path(url, wiring.settings.root)
    if wiring.within is None:
        return SqliteEventLog(path, table)
    return SqliteEventLog(path, table, busy_timeout=wiring.within)


def _postgres(wiring: Wiring, url: str, table: EventTable) -> EventLog:
    safemode.need_psycopg()
    from releaseguard.eventlog.stores.postgres import PostgresEventLog

    def pin(target: str) -> str:
        wiring._refuse_run()
        vouch = partial(wiring._vouch, target)
        return safemode.check_libpq(target, wiring.environ, policy=wiring.policy, vouch=vouch).conninfo.reveal()

    if wiring.within is None:
        return PostgresEventLog(Secret(url), table, pin=pin)
    within = wiring.within
    return PostgresEventLog(Secret(url), table, pin=pin, connect_timeout=math.ceil(within), statement_timeout=within)


def _rest(wiring: Wiring, url: str, table: EventTable) -> EventLog:
    from releaseguard.services.supabase.event_log import SupabaseEventLog

    access = wiring._access("SUPABASE_SERVICE_ROLE_KEY", "the event log at Supabase")
    return SupabaseEventLog(
        url,
        access.token,
        table,
        connect=lambda base, headers: wiring._client("[events] url", base, headers, access=access),
    )


_EVENT_LOGS: Mapping[str, Callable[[Wiring, str, EventTable], EventLog]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "https": _rest,
    "http": _rest,
}


_MODULES_OF_LOGS: Mapping[str, Sequence[str]] = {
    "sqlite": ("releaseguard.eventlog.stores.sqlite",),
    "postgresql": ("releaseguard.eventlog.stores.postgres", "psycopg.conninfo", "psycopg.errors", "encodings.idna"),
    "https": (
        "releaseguard.services.supabase.event_log",
        "releaseguard.http.transport",
        "encodings.idna",
        "importlib.resources.readers",  # these two for the list of certificates
        "importlib.readers",
    ),
}
"""What each kind of log imports in the course of its work."""


def load_event_log(url: str) -> None:
    """Import what writing to the log at ``url`` needs, for a process that must not import later."""
    scheme = {"postgres": "postgresql", "http": "https"}.get(scheme_of(url), scheme_of(url))
    for module in _MODULES_OF_LOGS.get(scheme, ()):
        import_module(module)


def _github(wiring: Wiring, address: Address) -> Destination:
    from releaseguard.services.github.destination import GitHubDestination

    return GitHubDestination(wiring.github, address, keys=wiring.github_keys)


def _vercel(wiring: Wiring, address: Address) -> Destination:
    from releaseguard.services.vercel.destination import VercelDestination

    return VercelDestination(wiring.vercel, address, team_id=wiring.settings.vercel.team_id)


def _supabase(wiring: Wiring, address: Address) -> Destination:
    from releaseguard.services.supabase.destination import SupabaseDestination

    return SupabaseDestination(wiring.supabase, address)


_DESTINATIONS: Mapping[Scheme, Callable[[Wiring, Address], Destination]] = {
    Scheme.GITHUB: _github,
    Scheme.GITHUB_DEPENDABOT: _github,
    Scheme.VERCEL: _vercel,
    Scheme.SUPABASE: _supabase,
}


# --- the doctor's looks

_DATED: Mapping[str, Callable[[Settings], tuple[str, str]]] = {
    "infisical": lambda settings: (settings.infisical.url, "/api/status"),
    "github": lambda settings: (settings.github.url, "/rate_limit"),
    "vercel": lambda settings: (settings.vercel.url, "/v2/user"),
    "supabase": lambda settings: (settings.supabase.url, "/v1/projects"),
    "app": lambda settings: (settings.app.url or "", "/auth/v1/settings"),
}
"""Service -> its address and a path that answers with a date, if only to refuse a stranger."""


def _lazily(
    account: Callable[[Wiring, Sequence[Address]], Iterator[Remark]], wiring: Wiring, places: Sequence[Address]
) -> Iterator[Remark]:
    yield from account(wiring, places)


def _github_account(wiring: Wiring, places: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.github.account import account

    client = wiring.github
    mine = [place for place in places if place.account]
    return account(client, wiring.github_installation, mine)


def _vercel_account(wiring: Wiring, _places: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.vercel.account import account

    return account(wiring.vercel, wiring.settings.vercel.team_id)


def _supabase_account(wiring: Wiring, _places: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.supabase.account import account

    return account(wiring.supabase)


def _app_account(wiring: Wiring, _places: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.supabase.account import app

    return app(wiring._app_client(wiring.public_headers))


_ACCOUNTS = {
    "github": _github_account,
    "vercel": _vercel_account,
    "supabase": _supabase_account,
    "app": _app_account,
}


# --- the new access, while one of ours is rotated

_STOOD_ON: Mapping[str, Sequence[str]] = {"vercel": ("VERCEL_TOKEN",), "supabase": ("SUPABASE_SERVICE_ROLE_KEY",)}
"""By card's infrastructure: what all of its keys are taken to hang together with, whichever of them is rotated."""


def _new_vercel(wiring: Wiring, new: Secret, addresses: Sequence[Address]) -> None:
    from releaseguard.services.vercel.destination import VERCEL_LIMITS, VercelDestination, who_am_i

    section = wiring.settings.vercel
    client = wiring._client("[vercel] url", section.url, _bearer(_always(new)), VERCEL_LIMITS)
    places = [address.place for address in addresses if address.scheme is Scheme.VERCEL]
    for place in places:
        VercelDestination(client, place, team_id=section.team_id).also_called()
    if not places:
        who_am_i(client)


def _new_supabase(wiring: Wiring, new: Secret, addresses: Sequence[Address]) -> None:
    from releaseguard.services.supabase.destination import SUPABASE_LIMITS, SupabaseDestination, projects

    client = wiring._client("[supabase] url", wiring.settings.supabase.url, _bearer(_always(new)), SUPABASE_LIMITS)
    places = [address.place for address in addresses if address.scheme is Scheme.SUPABASE]
    for place in places:
        SupabaseDestination(client, place).observe([])
    if not places:
        projects(client)


def _new_service_key(wiring: Wiring, new: Secret, _addresses: Sequence[Address]) -> None:
    """We use it for an event log at Supabase and for nothing else."""
    from releaseguard.services.supabase.event_log import SupabaseEventLog

    url = wiring.settings.events.url
    if _EVENT_LOGS.get(scheme_of(url)) is not _rest:
        return
    with SupabaseEventLog(
        url, new, wiring._table, connect=lambda base, headers: wiring._client("[events] url", base, headers)
    ) as log:
        log.now()


_NEW_ACCESS: Mapping[str, Callable[[Wiring, Secret, Sequence[Address]], None]] = {
    "VERCEL_TOKEN": _new_vercel,
    "SUPABASE_ACCESS_TOKEN": _new_supabase,
    "SUPABASE_SERVICE_ROLE_KEY": _new_service_key,
}
