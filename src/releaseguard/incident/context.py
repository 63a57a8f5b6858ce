"""Everything from which an incident is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from releaseguard.deployments.interface import Deployer
from releaseguard.eventlog.interface import EventLog
from releaseguard.health.run import HealthContext
from releaseguard.incident.sources.at_hand import IncidentSources
from releaseguard.incident.sources.problems import ServiceLabel


@dataclass(frozen=True, slots=True)
class HostingTarget:
    """A target that a hosting service serves; ``open`` may raise ``ConfigError`` where the credential is missing."""

    place: str
    target: str
    open: Callable[[], Deployer]
    service: ServiceLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentContext(IncidentSources):
    """Everything from which an incident is read."""

    health: HealthContext
    """Of all providers, since the others distinguish absent users from a broken provider."""
    hosts: Sequence[HostingTarget]
    progress: Callable[[str], None] = field(default=lambda _: None)
    """Called with what is being looked at."""

    @property
    def log(self) -> EventLog:
        return self.health.log
