"""A plan: what would be done, decided before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from releaseguard.rotation.groups import DeploymentTarget
from releaseguard.rotation.history.views import LeftOut, Written
from releaseguard.rotation.values import Leak, Pin
from releaseguard.vault.source import ValueSource


@dataclass(frozen=True, slots=True)
class PlannedDestination:
    """One destination of a plan, and what writing to it costs."""

    key: str
    uri: str
    service: str
    runtime: bool
    names: Sequence[str]
    """The names to write there, secrets before their companions."""
    reads: int
    writes: int
    create: Sequence[str]
    update: Sequence[str]
    new: bool = False
    """Whether the chain has written elsewhere and never here."""
    by_hand: bool = False
    """Whether a person writes there."""


@dataclass(frozen=True, slots=True)
class ServiceCost:
    """What a plan asks of one service. ``seconds`` is the least time that its published limits allow."""

    service: str
    reads: int
    writes: int
    seconds: float


class PlannedDestinationRow(TypedDict):
    """What would be created and overwritten at one destination."""

    uri: str
    create: Sequence[str]
    update: Sequence[str]
    new: bool


class ServiceCostRow(TypedDict):
    """The requests to one service."""

    service: str
    reads: int
    writes: int
    seconds: float


class LeftOutRow(TypedDict):
    """A destination that would not be written."""

    uri: str
    reason: str


PlanRow = TypedDict(
    "PlanRow",
    {
        "unit": str,
        "from": str,
        "destinations": Sequence[PlannedDestinationRow],
        "deployments": Sequence[str],
        "requests": Sequence[ServiceCostRow],
        "waits_for_console": bool,
        "steps": str | None,
        "left_out": Sequence[LeftOutRow],
    },
)
"""The plan's own fields in ``rotate --dry-run --json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, decided before anything is written."""

    unit: str
    origin: ValueSource
    pins: Sequence[Pin]
    seen: Mapping[str, Written | None]
    """The vault's newest version and id of each secret when the plan was made."""
    destinations: Sequence[PlannedDestination] = ()
    deployments: Sequence[DeploymentTarget] = ()
    deployed_by: Mapping[str, str] = field(default_factory=dict)
    """Place -> what deploys it instead of its service."""
    costs: Sequence[ServiceCost] = ()
    leak: Leak | None = None
    console: bool = False
    """Whether a person has to do something at the provider before anything is pushed."""
    steps: str | None = None
    """What that person does."""
    manual: bool = False
    """Whether no destination is written and everything happens at the provider."""
    hopeless: bool = False
    """Whether no event can prove it; a remark explains why."""
    unchanged: bool = False
    """Whether this version is in use everywhere already, so that nothing would be done."""
    left_out: Sequence[LeftOut] = ()
    """Destinations that are not written, each with the reason."""
    remarks: Sequence[str] = ()
    accepted: Sequence[str] = ()
    """Secrets whose values look wrong and that a person accepted."""

    @property
    def seconds(self) -> float:
        """The least time that writing takes; services are written in parallel."""
        return max((cost.seconds for cost in self.costs), default=0.0)

    def to_json(self) -> PlanRow:
        """The plan as in ``rotate --dry-run --json``."""
        return {
            "unit": self.unit,
            "from": self.origin.value,
            "destinations": [
                {"uri": one.uri, "create": list(one.create), "update": list(one.update), "new": one.new}
                for one in self.destinations
            ],
            "deployments": [one.key for one in self.deployments],
            "requests": [
                {"service": cost.service, "reads": cost.reads, "writes": cost.writes, "seconds": round(cost.seconds, 3)}
                for cost in self.costs
            ],
            "waits_for_console": self.console,
            "steps": self.steps,
            "left_out": [{"uri": one.uri, "reason": one.reason} for one in self.left_out],
        }
