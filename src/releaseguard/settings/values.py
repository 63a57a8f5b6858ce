"""The configuration as one frozen value, for one environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from releaseguard.errors import ConfigError, UsageError
from releaseguard.secret import Secret
from releaseguard.settings.sections import (
    AppSection,
    CoverageSection,
    EventsSection,
    NetworkSection,
    NotifySection,
    ProjectSection,
    ProviderSection,
    RotationSection,
    Section,
    VerifySection,
)
from releaseguard.tomlfile import Document, Step, did_you_mean
from releaseguard_events.configuration import here

FILE_NAME = "releaseguard.toml"
SUCCESSOR = "_NEW"
"""What the variable of a new access ends with, beside the one that is being replaced: ``TOKEN_NEW``."""


class Known(Struct, frozen=True):
    """What the services say of their settings."""

    sections: Mapping[str, type[Section]] = field(default_factory=dict)
    """Service -> the fields of its section."""
    databases: Sequence[str] = ()
    """Variables with a database's address, which ``events.url`` may take beside our own."""
    examples: Sequence[str] = ()
    """Addresses of destinations, for messages."""
    tokens: Sequence[str] = ()
    """How the services' credentials begin, as regular expressions: none of them may stand in the file."""


class Settings(Struct, frozen=True):
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
    coverage: CoverageSection
    notify: NotifySection
    components: Mapping[str, Sequence[str]]
    """Part of the app that is deployed by itself -> the event sources that it writes with."""
    deployments: Mapping[str, str]
    calendar: Mapping[str, str]
    """Day (2026-10-29) -> what it is: days on which traffic is not as on others."""
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
        return self.path.parent if self.path else here()

    def where(self, *steps: Step) -> str:
        """``file:line`` of a key, preferring the environment's own section."""
        own = ("environments", self.environment, *steps)
        return self.document.where(*(own if own in self.document.lines else steps))

    def refuse_undeclared(self) -> None:
        """Raises ``UsageError`` for an environment that the file does not name: it would act on another's places."""
        if self.environment not in self.declared:
            raise UsageError(
                f"no environment is called {self.environment}",
                where=str(self.path or FILE_NAME),
                next_step=f"{did_you_mean(self.environment, self.declared)} Or declare it: [environments.NAME].",
            )

    def refuse_unknown(self) -> None:
        """The same for a command that only reads or marks: where there is no file, only what looks like a slip is
        refused, since nothing says which environments there are."""
        from difflib import get_close_matches

        if self.path is not None or get_close_matches(self.environment, [self._usual], cutoff=0.8):
            self.refuse_undeclared()

    @property
    def declared(self) -> Sequence[str]:
        """The environments that the file describes, its usual one first."""
        return [self._usual, *self.document.data.get("environments", {})]

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
        secrets = own.get("secrets", {}).values()
        return (
            environment in (self._usual, self.environment)
            or "destinations" in own
            or any("destinations" in one or "names" in one for one in secrets)
        )

    def destinations_of(self, provider: str) -> Sequence[str]:
        """Those of the provider and of its secrets. Raises ``ConfigError`` where there are none."""
        self.refuse_undeclared()
        section = self.providers.get(provider)
        if section is None or not section.every_destination:
            raise ConfigError(
                f"no destinations are configured for {provider}",
                where=f"{self.path or FILE_NAME}: [providers.{provider}]",
                next_step=f"Give it some: destinations = {json.dumps(self.examples)}."
                if self.path
                else f"There is no {FILE_NAME} here or above. Run: releaseguard init --provider {provider}",
            )
        return section.every_destination
