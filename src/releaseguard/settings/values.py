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
"""The ending of the variable with a new credential, next to the one that it replaces: ``TOKEN_NEW``."""


class Known(Struct, frozen=True):
    """What the services say about their settings."""

    sections: Mapping[str, type[Section]] = field(default_factory=dict)
    """Service -> the fields of its section."""
    databases: Sequence[str] = ()
    """Variables with a database's address that ``events.url`` may contain besides our own."""
    examples: Sequence[str] = ()
    """Example addresses of destinations, for messages."""
    tokens: Sequence[str] = ()
    """How the services' credentials begin, as regular expressions; the file must not contain any."""


class Settings(Struct, frozen=True):
    """Everything a command may know about its configuration, for one environment."""

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
    """Part of the app that is deployed separately -> the event sources with which it writes."""
    deployments: Mapping[str, str]
    calendar: Mapping[str, str]
    """Day (2026-10-29) -> its description; traffic on these days differs from that on others."""
    providers: Mapping[str, ProviderSection]
    document: Document
    siblings: Mapping[str, Mapping[str, ProviderSection]]
    """Every environment in the file -> its providers, to find two that claim the same destination."""
    examples: Sequence[str] = ()
    """Example addresses of destinations, for messages."""
    hidden: Sequence[Secret] = ()
    """Values from the environment that no text may show; as long as these objects exist, all output masks them."""

    @property
    def root(self) -> Path:
        """The directory to which relative paths refer."""
        return self.path.parent if self.path else here()

    def where(self, *steps: Step) -> str:
        """``file:line`` of a key, in the environment's own section where it has one."""
        own = ("environments", self.environment, *steps)
        return self.document.where(*(own if own in self.document.lines else steps))

    def refuse_undeclared(self) -> None:
        """Raise ``UsageError`` for an environment that the file does not name, since it would act on another
        environment's destinations."""
        if self.environment not in self.declared:
            raise UsageError(
                f"no environment is called {self.environment}",
                where=str(self.path or FILE_NAME),
                next_step=f"{did_you_mean(self.environment, self.declared)} Or declare it: [environments.NAME].",
            )

    def refuse_unknown(self) -> None:
        """Like :meth:`refuse_undeclared`, for a command that only reads or marks. Without a file nothing says which
        environments exist, so only an apparent typing error of the usual one is refused."""
        from difflib import get_close_matches

        if self.path is not None or get_close_matches(self.environment, [self._usual], cutoff=0.8):
            self.refuse_undeclared()

    @property
    def declared(self) -> Sequence[str]:
        """The environments that the file describes, the usual one first."""
        return [self._usual, *self.document.data.get("environments", {})]

    @property
    def _usual(self) -> str:
        """The environment that the sections outside ``[environments]`` describe."""
        return str(self.document.data.get("project", {}).get("environment", ProjectSection().environment))

    def claims_destinations(self, environment: str, provider: str) -> bool:
        """Whether ``environment`` itself writes to the provider's destinations.

        An environment that only inherits them, because its sections are about something else, claims them only when it
        is the active one: its mere mention must not stop the environment whose destinations they are.
        """
        own = self.document.data.get("environments", {}).get(environment, {}).get("providers", {}).get(provider, {})
        secrets = own.get("secrets", {}).values()
        return (
            environment in (self._usual, self.environment)
            or "destinations" in own
            or any("destinations" in one or "names" in one for one in secrets)
        )

    def destinations_of(self, provider: str) -> Sequence[str]:
        """The destinations of the provider and of its single secrets. Raises ``ConfigError`` where there are none."""
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
