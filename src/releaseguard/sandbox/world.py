"""A whole world on loopback: an app called Lovendo and every service that releaseguard stands on.

    with World() as world:
        config = world.write(folder)                  # folder/releaseguard.toml
        version = world.new_key("SENDGRID_API_KEY")   # made at the provider, stored in Infisical
        run("rotate", "sendgrid", "--yes", config=config, environ=world.environ())
        assert world.holders("SENDGRID_API_KEY", version) == set(world.destinations["sendgrid"])

Each service is an attribute: :attr:`World.infisical`, :attr:`World.github`, :attr:`World.vercel`,
:attr:`World.supabase`, :attr:`World.app`. Each has a journal (``requests``), faults
(``world.github.fail_next("PUT", "/secrets/", faults.reset(), times=2)``), hooks (``before`` and ``after`` each
request), and its own switches. All credentials and keys are random and differ from run to run.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from releaseguard.model import utc_now
from releaseguard.sandbox.app import WEB_PROCESSES, AppStandIn, Runtime, Traffic
from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.sandbox.github.values import GitHubVariable
from releaseguard.sandbox.household import SMALL, Holding
from releaseguard.sandbox.infisical.stand_in import InfisicalStandIn
from releaseguard.sandbox.providers import Providers
from releaseguard.sandbox.serving.exchange import Clock
from releaseguard.sandbox.serving.stand_in import StandIn
from releaseguard.sandbox.supabase import SupabaseStandIn
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.sandbox.vercel.values import VercelProject
from releaseguard_events.private import write_file

OWNER = "lovendo"
REPOSITORY = "lovendo/app"
FUNCTIONS = (
    "sendgrid-email",
    "sendgrid-webhook",
    "twilio-sms",
    "paytr-withdraw",
    "get-idenfy-token",
    "geocode",
    "revenuecat-webhook",
    "idenfy-webhook",
    "push",
    "moderation",
)


class Login(StrEnum):
    """How commands sign in at Infisical."""

    UNIVERSAL = "universal"
    TOKEN = "token"  # noqa: S105 - a way to sign in, not a password
    OIDC = "oidc"


class World:
    """Everything together. ``release`` is what the app runs at first.

    With ``wide``, SendGrid's key is held by three GitHub, two Vercel and one Supabase destinations instead of
    two, one and one. ``holdings`` are the secrets that it begins with; everything in it was made ``age`` ago.
    """

    def __init__(
        self,
        *,
        release: str | None = None,
        wide: bool = False,
        holdings: Sequence[Holding] = SMALL,
        age: timedelta = timedelta(0),
        clock: Clock = utc_now,
    ) -> None:
        self._behind = age
        self._clock = clock
        self.providers = Providers()
        self.infisical = InfisicalStandIn(self.clock)
        self.github = GitHubStandIn(self.clock)
        self.vercel = VercelStandIn(self.clock)
        self.supabase = SupabaseStandIn(self.clock)
        self.app = AppStandIn(self.providers, self._runtime, self.clock)
        self.release = release or secrets.token_hex(20)
        """What the edge functions run; the web process runs what Vercel serves."""
        self.web = self.vercel.add_project("lovendo-web", ("qa",))
        self.admin = self.vercel.add_project("lovendo-admin")
        self.edge = self.supabase.add_project("lovendo", FUNCTIONS)
        self.at_providers: dict[str, str] = {}
        """What is kept at a provider: push keys, for instance, which Expo signs with."""
        self.installed: Runtime | None = None
        """What the installed apps are made of, which no deployment replaces."""
        self._holdings = holdings
        self._stack = ExitStack()
        self._furnish_github()
        self.destinations = self._default_destinations(wide=wide)
        """The configured destinations by provider; change them before :meth:`toml`."""
        self.sources = self._default_sources(wide=wide)
        """Who uses SendGrid's key from which destination."""
        self._fill()
        self._behind = timedelta(0)

    def clock(self) -> datetime:
        """What time it is in it."""
        return self._clock() - self._behind

    @property
    def stand_ins(self) -> tuple[StandIn, ...]:
        return (self.infisical, self.github, self.vercel, self.supabase, self.app)

    def start(self) -> Self:
        for stand_in in self.stand_ins:
            self._stack.enter_context(stand_in)
        return self

    def stop(self) -> None:
        """Close every port. Calling it twice is harmless."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def heal(self) -> None:
        """Forget all planned faults."""
        for stand_in in self.stand_ins:
            stand_in.heal()

    @property
    def crashes(self) -> list[BaseException]:
        """Mistakes of the stand-ins themselves."""
        return [mistake for stand_in in self.stand_ins for mistake in stand_in.crashes]

    def _furnish_github(self) -> None:
        self.github.add_organization(OWNER)
        self.github.add_repository(REPOSITORY, ("production", "staging"))
        self.github.add_repository(f"{OWNER}/website")

    def _default_destinations(self, *, wide: bool) -> dict[str, list[str]]:
        repository, edge = f"github:{REPOSITORY}", f"supabase:{self.edge.ref}"
        web = f"vercel:{self.web.id}/production,preview"
        extra = [f"github-dependabot:{REPOSITORY}", f"vercel:{self.admin.id}/production"] if wide else []
        places = {
            "repository": repository,
            "repository@production": f"{repository}@production",
            "web": web,
            "edge": edge,
        }
        found = {one.provider: [places[name] for name in one.places] for one in self._holdings if one.places}
        return {**found, "sendgrid": [*found["sendgrid"], *extra]}

    def _default_sources(self, *, wide: bool) -> dict[str, list[str]]:
        edge = ["sendgrid-email"] if self._holdings is SMALL else ["sendgrid-email", "sendgrid-webhook"]
        sources = {f"vercel:{self.web.id}": ["web"], f"supabase:{self.edge.ref}": edge}
        return {**sources, f"vercel:{self.admin.id}": ["admin"]} if wide else sources

    def _fill(self) -> None:
        """First keys everywhere, as if they had been set up long ago, and the first deployment."""
        self.infisical.put("SYNTHETIC_USER_EMAIL", self.app.email)
        self.infisical.put("SYNTHETIC_USER_PASSWORD", self.app.password)
        self.infisical.put("SUPABASE_ANON_KEY", self.app.anon_key)
        self.providers.admit(self.app.anon_key)
        for holding in self._holdings:
            self._fill_with(holding)
        for project in (self.web, self.admin):
            self.vercel.deploy(project, self.release)
        self.installed = Runtime(self._runtime("web").environment, self.release)

    @property
    def labels(self) -> dict[str, str]:
        """The version of every secret that its processes know by number."""
        names = {name for holding in self._holdings for name in holding.companions}
        return {name: str(self.infisical.newest(name)) for name in sorted(names)}

    def _fill_with(self, holding: Holding) -> None:
        for name in holding.at_provider:
            self.replace_at_provider(name)
        for name in holding.names:
            if not self.infisical.newest(name):
                self.new_key(name)
            for uri in self.destinations[holding.provider]:
                self._place_at(uri, name, labelled=name in holding.companions)

    def _place_at(self, uri: str, name: str, *, labelled: bool) -> None:
        value, version = self.infisical.value(name), str(self.infisical.newest(name))
        self.put_at(uri, name, value)
        if labelled and not uri.startswith("github-dependabot:"):
            self.put_at(uri, f"{name}_VERSION", version, plain=True)

    def put_at(self, uri: str, name: str, value: str, *, plain: bool = False) -> None:
        """Write a value at a destination as a person at the service's own web page would."""
        kind, _, place = uri.partition(":")
        if kind == "vercel":
            project, targets = self._vercel(place)
            self.vercel.put(project, name, value, targets, "plain" if plain else "encrypted")
        elif kind == "supabase":
            self.supabase.put(place, name, value)
        else:
            owner, _, environment = place.partition("@")
            self._put_at_github(owner, environment, name, value, dependabot=kind == "github-dependabot", plain=plain)

    def _put_at_github(
        self, owner: str, environment: str, name: str, value: str, *, dependabot: bool, plain: bool
    ) -> None:
        if plain:
            now = self.clock()
            self.github.place(owner, environment).variables[name] = GitHubVariable(value, now, now)
        else:
            self.github.put(owner, name, value, environment, dependabot=dependabot)

    def _vercel(self, place: str) -> tuple[VercelProject, Sequence[str]]:
        project, _, targets = place.partition("/")
        return self.vercel.projects[project], targets.split(",")

    def _runtime(self, process: str) -> Runtime:
        if process == "client" and self.installed:
            return self.installed
        if process == "deploy":
            held = self.github.place(REPOSITORY).secrets
            return Runtime({name: secret.value for name, secret in held.items()}, self.release)
        if process not in WEB_PROCESSES:
            return Runtime({**self.supabase.environment(self.edge.ref), **self.at_providers}, self.release)
        served = self.vercel.serving(self.web if process == "web" else self.admin)
        if served is None:
            return Runtime({}, None)
        return Runtime(served.environment, served.release, served.id)

    def new_key(self, name: str) -> int:
        """A person makes a new key at the provider and stores it in Infisical; returns its version there."""
        return self.infisical.put(name, self.providers.issue(name))

    def replace_at_provider(self, name: str) -> None:
        """A person makes a new key and hands it to the provider that keeps it, instead of the one before."""
        self.at_providers[name] = self.providers.issue(name)

    def revoke(self, name: str, version: int) -> None:
        """A person revokes a version at the provider."""
        self.providers.revoke(self.infisical.value(name, version))

    def deploy(self, release: str) -> None:
        """The team ships a release: web and edge functions."""
        self.release = release
        for project in (self.web, self.admin):
            self.vercel.deploy(project, release)

    def traffic(self, interval: float = 0.2) -> Traffic:
        """Real users, in a thread, while the returned context lasts: every process with SendGrid's key at work."""
        return Traffic(self.app, interval, tuple(name for names in self.sources.values() for name in names))

    def value_at(self, uri: str, name: str) -> str | None:
        """What a destination really holds; ``None`` for nothing, or where a Vercel record's targets disagree."""
        kind, _, place = uri.partition(":")
        if kind == "supabase":
            return self.supabase.environment(place).get(name)
        if kind == "vercel":
            project, targets = self._vercel(place)
            values = {self.vercel.environment(project, target).get(name) for target in targets}
            return values.pop() if len(values) == 1 else None
        owner, _, environment = place.partition("@")
        store = self.github.place(owner, environment, dependabot=kind == "github-dependabot")
        held = store.secrets.get(name) or store.variables.get(name)
        return held.value if held else None

    def holders(self, name: str, version: int) -> set[str]:
        """The destinations of any provider that hold this version of the secret."""
        wanted = self.infisical.value(name, version)
        configured = {uri for uris in self.destinations.values() for uri in uris}
        return {uri for uri in configured if self.value_at(uri, name) == wanted}

    def values(self) -> Iterator[str]:
        """Every confidential value of this world, so that a test can search for them where none may be."""
        yield from self.providers.issued
        for stored in self.infisical.secrets.values():
            yield from (version.value for version in stored.versions)
        yield from (self.infisical.client_secret, *self.infisical.tokens, *self.github.tokens)
        yield from (*self.vercel.tokens, *self.supabase.tokens, self.app.password)

    def toml(self, events_url: str = "sqlite:///releaseguard.db", extra: str = "") -> str:
        """The text of a ``releaseguard.toml`` for this world; ``extra`` is appended."""
        sections = [
            _section("project", name="lovendo", environment="production"),
            _section("events", url=events_url),
            _section("infisical", url=self.infisical.url, project_id=self.infisical.project_id, environment="prod"),
            _section("github", url=self.github.url),
            _section("vercel", url=self.vercel.url, team_id=self.vercel.team_id),
            _section("supabase", url=self.supabase.url),
            _section("app", url=self.app.url),
            *self._provider_sections(),
        ]
        return "\n".join([*sections, extra])

    def _provider_sections(self) -> Iterator[str]:
        for provider, uris in self.destinations.items():
            quoted = ", ".join(f'"{uri}"' for uri in uris)
            yield f"[providers.{provider}]\ndestinations = [{quoted}]\n{self._test_path(provider)}"
            if provider == "sendgrid":
                yield _section("providers.sendgrid.sources", **self.sources)

    def _test_path(self, provider: str) -> str:
        """No lira is real here: the flow that moves money may run where every flow is to be shown."""
        return "" if self._holdings is SMALL or provider != "paytr" else "test_path = true\n"

    def write(self, folder: Path, events_url: str = "sqlite:///releaseguard.db", extra: str = "") -> Path:
        """Write ``releaseguard.toml`` into ``folder`` and return its path."""
        path = folder / "releaseguard.toml"
        write_file(path, self.toml(events_url, extra))
        return path

    def environ(self, login: Login = Login.UNIVERSAL) -> dict[str, str]:
        """The credentials that commands need, as environment variables."""
        return {
            **self._infisical_environ(login),
            "RELEASEGUARD_GITHUB_TOKEN": self.github.token,
            "VERCEL_TOKEN": self.vercel.token,
            "SUPABASE_ACCESS_TOKEN": self.supabase.token,
        }

    def second_accesses(self) -> dict[str, str]:
        """What the keys that releaseguard itself stands on are rotated with, as environment variables: the old access
        and a new one."""
        self.vercel.tokens.add(new := secrets.token_urlsafe(18))
        name = "SUPABASE_SERVICE_ROLE_KEY"
        return {
            "VERCEL_TOKEN_NEW": new,
            name: self.infisical.value(name),
            f"{name}_NEW": secrets.token_urlsafe(33),
        }

    def _infisical_environ(self, login: Login) -> Mapping[str, str]:
        if login is Login.TOKEN:
            return {"INFISICAL_TOKEN": self.infisical.token}
        if login is Login.UNIVERSAL:
            return {
                "INFISICAL_CLIENT_ID": self.infisical.client_id,
                "INFISICAL_CLIENT_SECRET": self.infisical.client_secret,
            }
        self.github.issue_oidc = self._issue_oidc
        return {
            "INFISICAL_IDENTITY_ID": self.infisical.identity_id,
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.github.url}/_services/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.github.oidc_request_token,
        }

    def _issue_oidc(self, _audience: str) -> str:
        token = self.infisical.new_token()
        self.infisical.tokens.discard(token)
        self.infisical.oidc_tokens.add(token)
        return token


def _section(name: str, /, **values: object) -> str:
    """A TOML table of texts and lists of texts."""
    lines = [f"[{name}]"]
    for key, value in values.items():
        shown = f"[{', '.join(_quoted(one) for one in value)}]" if isinstance(value, list) else _quoted(value)
        lines.append(f"{key if key.isidentifier() else _quoted(key)} = {shown}")
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
