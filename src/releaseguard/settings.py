"""``releaseguard.toml`` and the environment, read once into frozen values.

The file says where things are; credentials come from the environment only, and one found in the file is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from releaseguard import tomlfile
from releaseguard.errors import ConfigError, UsageError
from releaseguard.model import duration
from releaseguard.secret import Secret, confidential
from releaseguard.tomlfile import Document, Step, did_you_mean
from releaseguard_events.places.written import CREDENTIAL_KEY, check_variables, expanded, holds_password

FILE_NAME = "releaseguard.toml"
_DURATION = r"^(\d+(\.\d+)?[smhdw])+$"
Duration = Annotated[str, msgspec.Meta(pattern=_DURATION, description="a duration such as 30s, 15m or 7d")]
"""``30s``, ``15m``, ``7d``; read with :func:`releaseguard.model.duration`."""


Name = Annotated[str, msgspec.Meta(min_length=1)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are errors everywhere in the file."""


class ProjectSection(Section, frozen=True, kw_only=True):
    name: str = "project"
    environment: Name = "production"
    language: Literal["en", "tr"] = "en"


class EventsSection(Section, frozen=True, kw_only=True):
    url: str = "sqlite:///releaseguard.db"
    table: Name = "integration_events"
    columns: Mapping[str, str | bool] = {}
    """Our column -> theirs; ``false`` or an empty text where there is none."""
    results_table: Name | None = None


class AppSection(Section, frozen=True, kw_only=True):
    url: str | None = None
    database_url_env: str = "APP_DATABASE_URL"
    invariants: Mapping[str, str | bool] = {}
    """Id of an invariant -> its SQL here, or ``true`` for the card's own. What is not named is not run."""


class NetworkSection(Section, frozen=True, kw_only=True):
    proxy: str | None = None
    timeout: Duration = "10s"
    """For one request, connecting and reading together."""
    patience: Duration = "4m"
    """For all repeats and waiting for limits of one request together: enough for a limit of so many a minute, and for
    those where no time is stated (a minute, then two)."""


class RotationSection(Section, frozen=True, kw_only=True):
    lease: Duration = "30s"
    prove_within: Duration = "15m"
    deploy_within: Duration = "15m"
    accept_timing: bool = False


class VerifySection(Section, frozen=True, kw_only=True):
    window: Duration = "30m"
    baseline: Duration = "7d"
    false_alarm_rate: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.01
    """Promised for the whole checklist, over all looks together."""


class ProviderSection(Section, frozen=True, kw_only=True):
    destinations: Sequence[str] = ()
    sources: Mapping[str, Sequence[str]] = {}
    """Destination without targets -> the event sources that run there."""
    shared: bool | Sequence[str] = False
    """Destinations that another provider or environment may claim too."""
    test_path: bool = False
    """Flows of this provider that move money go to a test path."""


class _Common(Section, frozen=True, kw_only=True):
    project: ProjectSection = ProjectSection()
    events: EventsSection = EventsSection()
    app: AppSection = AppSection()
    network: NetworkSection = NetworkSection()
    rotation: RotationSection = RotationSection()
    verify: VerifySection = VerifySection()
    providers: Mapping[str, ProviderSection] = {}


@dataclass(frozen=True, slots=True)
class Known:
    """What the services say of their settings."""

    sections: Mapping[str, type[Section]] = field(default_factory=dict)
    """Service -> the fields of its section."""
    databases: Sequence[str] = ()
    """Variables with a database's address, which ``events.url`` may take beside our own."""
    examples: Sequence[str] = ()
    """Addresses of destinations, for messages."""


@dataclass(frozen=True, slots=True)
class _Forms:
    """The whole file with all of its services' sections, and the part of it that each environment may say anew."""

    whole: type[Any]
    file: type[Any]


@cache
def _forms(sections: tuple[tuple[str, type[Section]], ...]) -> _Forms:
    fields: list[tuple[str, type, Any]] = [(name, kind, kind()) for name, kind in sections]
    environments: tuple[str, Any, Any] = ("environments", Mapping[str, Mapping[str, Any]], {})
    file = msgspec.defstruct("_File", fields, bases=(_Common,), frozen=True, kw_only=True)
    return _Forms(msgspec.defstruct("_Whole", [environments], bases=(file,), frozen=True, kw_only=True), file)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a command may know about its surroundings, for one environment."""

    path: Path | None
    """The configuration file; ``None`` where there is none."""
    environment: str
    project: ProjectSection
    events: EventsSection
    services: Mapping[str, Any]
    """Service -> its section."""
    app: AppSection
    network: NetworkSection
    rotation: RotationSection
    verify: VerifySection
    providers: Mapping[str, ProviderSection]
    document: Document
    siblings: Mapping[str, Mapping[str, ProviderSection]]
    """Every environment of the file -> its providers, to find two that claim the same destination."""
    examples: Sequence[str] = ()
    """Addresses of destinations, for messages."""
    hidden: Sequence[Secret] = ()
    """What of the environment no text may show: while these live, the last line of defence masks them."""

    @property
    def root(self) -> Path:
        """The directory that relative paths are relative to."""
        return self.path.parent if self.path else Path.cwd()

    def where(self, *steps: Step) -> str:
        """``file:line`` of a key, preferring the environment's own section."""
        own = ("environments", self.environment, *steps)
        return self.document.where(*(own if own in self.document.lines else steps))

    def refuse_undeclared(self) -> None:
        """Raises ``UsageError`` for an environment that the file does not name: it would act on another's places."""
        declared = [self._usual, *self.document.data.get("environments", {})]
        if self.environment not in declared:
            raise UsageError(
                f"no environment is called {self.environment}",
                where=str(self.path or FILE_NAME),
                next_step=f"{did_you_mean(self.environment, declared)} Or declare it: [environments.NAME].",
            )

    @property
    def _usual(self) -> str:
        """The environment that the sections outside ``[environments]`` describe."""
        return str(self.document.data.get("project", {}).get("environment", ProjectSection().environment))

    def claims_destinations(self, environment: str, provider: str) -> bool:
        """Whether ``environment`` writes to the provider's destinations of its own accord.

        One that only inherits them, because its sections are about something else, claims them when it is the one at
        work: its mere mention must not stop the environment whose destinations they are.
        """
        own = self.document.data.get("environments", {}).get(environment, {}).get("providers", {}).get(provider, {})
        return environment in (self._usual, self.environment) or "destinations" in own

    def destinations_of(self, provider: str) -> Sequence[str]:
        """The provider's configured destinations. Raises ``ConfigError`` where there are none."""
        self.refuse_undeclared()
        section = self.providers.get(provider)
        if section is None or not section.destinations:
            raise ConfigError(
                f"no destinations are configured for {provider}",
                where=f"{self.path or FILE_NAME}: [providers.{provider}]",
                next_step=f"Give it some: destinations = {json.dumps(self.examples)}."
                if self.path
                else f"There is no {FILE_NAME} here or above. Run: releaseguard init --provider {provider}",
            )
        return section.destinations


def load(
    path: Path | None,
    *,
    environment: str | None,
    environ: Mapping[str, str],
    known: Known,
    start: Path | None = None,
) -> Settings:
    """Read the configuration: ``path``, else ``RELEASEGUARD_CONFIG``, else upward from ``start`` (here).

    Without any file the defaults hold. The event log is at ``RELEASEGUARD_EVENTS_URL`` where no file names another.
    Raises ``ConfigError`` naming file, line and key.
    """
    hidden = confidential(environ)
    found = _find(path, environ, start or Path.cwd())
    if found is not None and not found.exists():
        raise ConfigError(
            "there is no such file",
            where=str(found),
            next_step=f"Correct {'--config' if path else 'RELEASEGUARD_CONFIG'}, or make one: releaseguard init",
        )
    document = tomlfile.read(found) if found else _without_file(environ)
    read = of(document, environment=environment, environ=environ, known=known, path=found)
    return replace(read, hidden=hidden)


def of(
    document: Document,
    *,
    environment: str | None,
    environ: Mapping[str, str],
    known: Known,
    path: Path | None = None,
) -> Settings:
    """What a document says, which stands in the file ``path`` or in none. Raises ``ConfigError`` as :func:`load`."""
    _refuse_credentials(document)
    settings = _settings(path, document, environment, known)
    _check_durations(settings)
    _check_variables(settings, known)
    return replace(settings, events=_with_url(settings, environ))


def _find(path: Path | None, environ: Mapping[str, str], start: Path) -> Path | None:
    given = path or (Path(environ["RELEASEGUARD_CONFIG"]) if environ.get("RELEASEGUARD_CONFIG") else None)
    if given is not None:
        return given.resolve()
    folders = [start.resolve(), *start.resolve().parents]
    return next((folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()), None)


def _without_file(environ: Mapping[str, str]) -> Document:
    url = environ.get("RELEASEGUARD_EVENTS_URL")
    return Document(
        Path("(no releaseguard.toml)"), {"events": {"url": "${RELEASEGUARD_EVENTS_URL}"}} if url else {}, {}
    )


def _settings(path: Path | None, document: Document, environment: str | None, known: Known) -> Settings:
    forms = _forms(tuple(known.sections.items()))
    whole = tomlfile.convert(document, forms.whole)
    chosen = environment or whole.project.environment
    names = {whole.project.environment, chosen, *whole.environments}
    files = {name: _file_for(document, forms.file, whole.environments.get(name, {}), name) for name in names}
    mine = files[chosen]
    return Settings(
        path=path,
        environment=chosen,
        document=document,
        siblings={name: file.providers for name, file in files.items()},
        services={name: getattr(mine, name) for name in known.sections},
        examples=known.examples,
        **{name: getattr(mine, name) for name in _Common.__struct_fields__},
    )


_DATABASE_VARIABLE = re.compile(r"([A-Z0-9]+_)*(DATABASE|DB|POSTGRES|PG)_URL")


def _check_variables(settings: Settings, known: Known) -> None:
    """The file may name a variable, but not any: the value would be sent, or shown, where the file likes."""
    databases = (*known.databases, "DATABASE_URL")
    check_variables(settings.events.url, databases, settings.where("events", "url"))
    if not _DATABASE_VARIABLE.fullmatch(settings.app.database_url_env):
        raise ConfigError(
            f"app.database_url_env: {settings.app.database_url_env} is not the name of a database's address",
            where=settings.where("app", "database_url_env"),
            next_step="Give the variable a name that ends in DATABASE_URL, DB_URL, POSTGRES_URL or PG_URL, for "
            "instance APP_DATABASE_URL.",
        )


_DURATIONS = {
    "network": ("timeout", "patience"),
    "rotation": ("lease", "prove_within", "deploy_within"),
    "verify": ("window", "baseline"),
}
_MAY_BE_NOTHING = frozenset({"patience", "prove_within"})


def _check_durations(settings: Settings) -> None:
    for section, names in _DURATIONS.items():
        for name in names:
            try:
                nothing = not duration(getattr(getattr(settings, section), name))
            except ValueError as error:
                raise ConfigError(f"{section}.{name}: {error}", where=settings.where(section, name)) from None
            if nothing and name not in _MAY_BE_NOTHING:
                raise ConfigError(
                    f"{section}.{name}: is no time at all",
                    where=settings.where(section, name),
                    next_step="Give it more: 30s, 15m or 7d.",
                )


def _file_for(document: Document, form: type[Any], own: Mapping[str, Any], environment: str) -> Any:
    base = {key: value for key, value in document.data.items() if key != "environments"}
    tomlfile.convert(document, form, at=("environments", environment), data=own)
    return tomlfile.convert(document, form, data=_merged(base, own))


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        both_tables = isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        merged[key] = _merged(base[key], value) if both_tables else value
    return merged


def _with_url(settings: Settings, environ: Mapping[str, str]) -> EventsSection:
    where = settings.where("events", "url")
    given = environ.get("RELEASEGUARD_EVENTS_URL")
    if given and not _names_a_log(settings):  # then the app's writers go there, and so do we
        relative = given.removeprefix("sqlite:///")
        url = given if relative == given else f"sqlite:///{Path.cwd() / relative}"
        return msgspec.structs.replace(settings.events, url=url)
    if settings.events.url.startswith("sqlite:///"):
        relative = expanded(settings.events.url.removeprefix("sqlite:///"), environ, where)
        return msgspec.structs.replace(settings.events, url=f"sqlite:///{settings.root / relative}")
    return msgspec.structs.replace(settings.events, url=expanded(settings.events.url, environ, where))


def _names_a_log(settings: Settings) -> bool:
    data = settings.document.data
    own = data.get("environments", {}).get(settings.environment, {})
    return any("url" in part.get("events", {}) for part in (data, own))


_CREDENTIAL_VALUE = re.compile(
    r"^(gh[pousr]_|github_pat_|SG\.|sk-|sbp_|sb_secret_|vc[apk]_[A-Za-z0-9]{20}|sntry[su]_|[ps]k\.eyJ"
    r"|eyJ[A-Za-z0-9_-]+\.|st\.[0-9a-f]|AKIA[0-9A-Z]{12}|-----BEGIN)"
)


def _refuse_credentials(document: Document) -> None:
    for steps, value in _leaves(document.data, ()):
        key = str(steps[-1]) if steps else ""
        if isinstance(value, str) and (
            (CREDENTIAL_KEY.search(key) and value) or _CREDENTIAL_VALUE.match(value) or holds_password(value)
        ):
            raise document.error(
                "a credential stands in the configuration file",
                *steps,
                next_step="Remove it, and revoke it if the file was ever shared. Credentials come from the environment "
                "only; events.url may hold ${NAME}.",
            )


def _leaves(value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*steps, index))
    else:
        yield steps, value


SUCCESSOR = "_NEW"
"""What the variable of a new access ends with, beside the one that is being replaced: ``TOKEN_NEW``."""


def seconds(text: str) -> float:
    """A duration of the file in seconds."""
    return duration(text).total_seconds()


def span(text: str) -> timedelta:
    """A duration of the file."""
    return duration(text)
