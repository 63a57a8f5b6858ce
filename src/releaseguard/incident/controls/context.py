"""What controls look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.cards.spec import Card
from releaseguard.health.values import ProviderHealth
from releaseguard.incident.evidence import IncidentEvidence
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.secrets import Secrets
from releaseguard.verification.checks.live_checks import CountRows


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlContext:
    """What controls look at."""

    card: Card
    health: ProviderHealth
    evidence: IncidentEvidence
    since: datetime
    """From when on logs are read: some time before the beginning."""
    until: datetime
    past: bool
    """Whether ``until`` is a moment of the past: what only shows the present is then said to."""
    began: datetime | None
    projects: Sequence[Project]
    repositories: Sequence[Repository]
    examples: Mapping[str, str]
    """A destination for each of ``project`` and ``repository``, for whoever has configured none."""
    secrets: Secrets
    count_rows: CountRows | None
    database_setting: str
    tests: Callable[[str], Sequence[str] | None]
    """The app's test files that name a provider; ``None`` where no checkout is at hand."""
    scrub: Callable[[str], str]
    """For words that the app and its services wrote."""

    def destinations_setting(self, kind: str) -> str:
        """What to write into the configuration for a place of ``kind``."""
        return f'[providers.{self.card.id}] destinations = ["{self.examples[kind]}"]'
