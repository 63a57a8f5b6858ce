"""The sections of ``releaseguard.toml`` as frozen values: what a key is, and what it is where nothing is written."""

# No "from __future__ import annotations": as texts, each field's type would be compiled again at every start.

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from releaseguard.model import duration

_DURATION = r"^(\d+(\.\d+)?[smhdw])+$"
Duration = Annotated[str, msgspec.Meta(pattern=_DURATION, description="a duration such as 30s, 15m or 7d")]
"""``30s``, ``15m``, ``7d``; read with :func:`releaseguard.model.duration`."""

Name = Annotated[str, msgspec.Meta(min_length=1)]
Folder = Annotated[str, msgspec.Meta(pattern=r"^/", description="a folder of the vault, from its root: /payments")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are errors everywhere in the file."""


class ProjectSection(Section, frozen=True, kw_only=True):
    name: str = "project"
    """What reports call the app."""
    environment: Name = "production"
    """What the app writes as the environment of its rows; `--environment` names another."""
    language: Literal["en", "tr"] = "en"
    """What is printed for people; `--lang` for one command."""
    salt: Name | None = None
    """What fingerprints of secrets are made under; the project's name where it is unsaid."""
    timezone: Name = "UTC"
    """Where the users' clocks are: Europe/Istanbul. What is usual is told by its hours."""


Entry = Any
"""One entry of a table of the app's own; ``releaseguard_events.mapping.parsing`` reads it, and says what is wrong."""


class EventsSection(Section, frozen=True, kw_only=True):
    url: str = "sqlite:///releaseguard.db"
    """`sqlite:///FILE`, `postgresql://...`, or the https address of a hosted log; `${NAME}` is from the environment."""
    table: Name = "integration_events"
    """The table, with its schema where it is in another one; may be the app's own."""
    columns: Mapping[str, Entry] = {}
    """Our column -> theirs, a rule that makes it, or ``false`` where there is none."""
    names: Mapping[str, Entry] = {}
    """Provider, or ``*`` for all of them -> how its events are called where the table has no names of events."""
    results_table: Name | None = None
    """Where our own rows are kept, where the app's table is not written to."""


class AppSection(Section, frozen=True, kw_only=True):
    url: str | None = None
    """The app's own base address, for synthetic flows; without it none is run."""
    database_url_env: str = "APP_DATABASE_URL"
    """The variable that holds the address of the app's database, for invariants."""
    invariants: Mapping[str, str | bool] = {}
    """Id of an invariant -> its SQL here, or ``true`` for the card's own. What is not named is not run."""


class NetworkSection(Section, frozen=True, kw_only=True):
    proxy: str | None = None
    """What every request goes through; variables of the environment are not read."""
    timeout: Duration = "10s"
    """For one request, connecting and reading together."""
    patience: Duration = "4m"
    """For all repeats and waiting for limits of one request together: enough for a limit of so many a minute, and for
    those where no time is stated (a minute, then two)."""


class RotationSection(Section, frozen=True, kw_only=True):
    lease: Duration = "30s"
    """How long a run keeps others out after its last sign of life."""
    prove_within: Duration = "15m"
    """How long to wait for the proof."""
    deploy_within: Duration = "15m"
    """How long to wait for a deployment."""
    accept_timing: bool = False
    """Whether successes count by their time alone (grade C), where the app reports no version."""


class VerifySection(Section, frozen=True, kw_only=True):
    window: Duration = "30m"
    """How long after a deployment to look."""
    baseline: Duration = "28d"
    """How long before it to compare with, where the log has it."""
    false_alarm_rate: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.01
    """Promised for the whole checklist, over all looks together."""
    release_pattern: str | None = None
    """A regular expression: what its first group takes out of a row's release is the release."""
    lead: Duration = "2h"
    """How long before its mark a release may have been live at most."""


class Occasion(StrEnum):
    """What others may be told of."""

    FAIL = "fail"
    """A release fails."""
    LEAK_OPENED = "leak_opened"
    LEAK_CLOSED = "leak_closed"
    PROVIDER_DOWN = "provider_down"
    """Most calls fail, or nothing comes although users are there."""
    PROVIDER_UP = "provider_up"


class NotifySection(Section, frozen=True, kw_only=True):
    """What is told to the webhook in ``RELEASEGUARD_NOTIFY_URL``."""

    on: Sequence[Occasion] = tuple(Occasion)
    format: Literal["slack", "plain"] = "slack"
    """``{"text": ...}``, or the same with its parts as fields of their own."""


class LogSection(Section, frozen=True, kw_only=True):
    """The app's own function that logs an integration event, and what its words mean."""

    function: Name
    provider: Name
    """The key or parameter that names the provider."""
    outcome: Name
    """The one that says how it ended."""
    event: Name | None = None
    """The one that names the event, where it has one."""
    success: Sequence[Name] = ("success",)
    error: Sequence[Name] = ("error",)
    providers: Mapping[Name, Name] = {}
    """What the app calls a provider -> its card."""


class CoverageSection(Section, frozen=True, kw_only=True):
    log: LogSection | None = None
    unreadable: Literal["fail", "tell"] = "fail"
    """What a log does whose names are known at run time only."""


class SecretSection(Section, frozen=True, kw_only=True):
    """Of one secret: what differs from the provider's others."""

    destinations: Sequence[str] | None = None
    """Where it goes instead of to the provider's destinations; empty: nowhere."""
    names: Sequence[str] = ()
    """What it is called at its destinations; its own name where empty."""
    max_age: Duration | None = None
    path: Folder | None = None
    """The folder of the vault that it stands in, where that is not the provider's."""


class FlowSection(Section, frozen=True, kw_only=True):
    """Of one flow: how the app's first request differs from the card's."""

    path: str | None = None
    method: Literal["GET", "POST", "PATCH", "DELETE"] | None = None
    body: Entry = None
    """A table: the whole body."""


class ProviderSection(Section, frozen=True, kw_only=True):
    destinations: Sequence[str] = ()
    path: Folder | None = None
    """The folder of the vault that its secrets stand in, where that is not the vault's own `path`."""
    secrets: Mapping[str, SecretSection] = {}
    sources: Mapping[str, Sequence[str]] = {}
    """Destination without targets -> the event sources that run there."""
    flows: Mapping[str, FlowSection] = {}
    shared: bool | Sequence[str] = False
    """Destinations that another provider or environment may claim too."""
    test_path: bool = False
    """Flows of this provider that move money go to a test path."""

    @property
    def every_destination(self) -> Sequence[str]:
        """Those of the provider and those of single secrets, each once."""
        own = (text for secret in self.secrets.values() for text in secret.destinations or ())
        return tuple(dict.fromkeys((*self.destinations, *own)))


class CommonSections(Section, frozen=True, kw_only=True):
    """What every file may say, whichever services there are."""

    project: ProjectSection = ProjectSection()
    events: EventsSection = EventsSection()
    app: AppSection = AppSection()
    network: NetworkSection = NetworkSection()
    rotation: RotationSection = RotationSection()
    verify: VerifySection = VerifySection()
    coverage: CoverageSection = CoverageSection()
    notify: NotifySection = NotifySection()
    components: Mapping[Name, Sequence[Name]] = {}
    """Part of the app that is deployed by itself -> the event sources that it writes with."""
    deployments: Mapping[Name, Name] = {}
    """How a place is deployed, where its service does not: place without targets -> a workflow or ``manual:NAME``."""
    calendar: Mapping[str, Name] = {}
    """Day (2026-10-29) -> what it is: days on which traffic is not as on others."""
    providers: Mapping[str, ProviderSection] = {}


def seconds(text: str) -> float:
    """A duration of the file in seconds."""
    return duration(text).total_seconds()


def span(text: str) -> timedelta:
    """A duration of the file."""
    return duration(text)
