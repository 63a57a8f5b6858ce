"""How a project's rows are told apart."""

from __future__ import annotations

from dataclasses import dataclass, field

from releaseguard.verification.whose.components import Components
from releaseguard.verification.whose.tags import Tags


@dataclass(frozen=True, slots=True)
class Population:
    """How releases and components are named in this project, and how long before its mark a release may have served."""

    tags: Tags = field(default_factory=Tags)
    components: Components = field(default_factory=Components)
    lead_minutes: int = 120


ALIKE = Population()
"""The population where nothing is configured."""
