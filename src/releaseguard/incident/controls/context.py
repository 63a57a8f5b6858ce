"""What controls look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from releaseguard.health.values import ProviderHealth
from releaseguard.incident.evidence import IncidentEvidence
from releaseguard.incident.sources.at_hand import IncidentSources


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlContext(IncidentSources):
    """What controls look at."""

    health: ProviderHealth
    evidence: IncidentEvidence
    since: datetime
    """The time from which logs are read, some time before the beginning."""
    until: datetime
    past: bool
    """Whether ``until`` is in the past; controls that show only the present then say so."""
    began: datetime | None

    def destinations_setting(self, kind: str) -> str:
        """The setting to add to the configuration for a place of ``kind``."""
        return f'[providers.{self.card.id}] destinations = ["{self.examples[kind]}"]'
