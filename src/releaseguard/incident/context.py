"""Everything that an incident is read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.cards.spec import Card
from releaseguard.deployments.interface import Deployer
from releaseguard.eventlog.interface import EventLog
from releaseguard.health.run import HealthContext
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.problems import ServiceLabel
from releaseguard.incident.sources.secrets import Secrets
from releaseguard.verification.checks.live_checks import CountRows


@dataclass(frozen=True, slots=True)
class HostingTarget:
    """A target that a hosting service serves; ``open`` may raise ``ConfigError`` without a credential."""

    place: str
    target: str
    open: Callable[[], Deployer]
    service: ServiceLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentContext:
    """Everything that an incident is read from."""

    health: HealthContext
    """Of all providers: they tell absent users from a broken provider."""
    card: Card
    projects: Sequence[Project]
    repositories: Sequence[Repository]
    hosts: Sequence[HostingTarget]
    examples: Mapping[str, str]
    """A destination for each of ``project`` and ``repository``, for whoever has configured none."""
    secrets: Secrets
    count_rows: CountRows | None
    database_setting: str
    tests: Callable[[str], Sequence[str] | None]
    scrub: Callable[[str], str]
    progress: Callable[[str], None] = field(default=lambda _: None)
    """Told what is being looked at."""

    @property
    def log(self) -> EventLog:
        return self.health.log
