"""What is available of the app and its services, for every part of an incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Card
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.secrets import Secrets
from releaseguard.verification.checks.live_checks import CountRows


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSources:
    """What is available of the app and its services, for every part of an incident."""

    card: Card
    projects: Sequence[Project]
    repositories: Sequence[Repository]
    examples: Mapping[str, str]
    """An example destination for each of ``project`` and ``repository``, for users who have configured none."""
    secrets: Secrets
    count_rows: CountRows | None
    database_setting: str
    tests: Callable[[str], Sequence[str] | None]
    """The app's test files that name a provider; ``None`` where no checkout is available."""
    scrub: Callable[[str], str]
    """Masks texts that the app and its services wrote."""
