"""What is at hand of the app and its services, whatever is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Card
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.secrets import Secrets
from releaseguard.verification.checks.live_checks import CountRows


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSources:
    """What is at hand of the app and its services, whichever of an incident's looks is taken."""

    card: Card
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
