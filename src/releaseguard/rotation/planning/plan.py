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
    """One destination of a plan, and what writing it takes."""

    key: str
    uri: str
    service: str
    runtime: bool
    names: Sequence[str]
    """What is written there, secrets before their companions."""
    reads: int
    writes: int
    create: Sequence[str]
    update: Sequence[str]
    new: bool = False
    """Whether the chain has written elsewhere, and never here."""
    by_hand: bool = False
    """Whether a person writes there."""


@dataclass(frozen=True, slots=True)
class ServiceCost:
    """What a plan asks of one service. ``seconds`` is the least that its published limits allow."""

    service: str
    reads: int
    writes: int
    seconds: float


class PlannedDestinationRow(TypedDict):
    """What would be made and what overwritten at one destination."""

    uri: str
    create: Sequence[str]
    update: Sequence[str]
    new: bool


class ServiceCostRow(TypedDict):
    """What would be asked of one service."""

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
"""The plan's own fields of ``rotate --dry-run --json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, decided before anything is written."""

    unit: str
    origin: ValueSource
    pins: Sequence[Pin]
    seen: Mapping[str, Written | None]
    """The vault's newest version and id of each secret, as the plan was made."""
    destinations: Sequence[PlannedDestination] = ()
    deployments: Sequence[DeploymentTarget] = ()
    deployed_by: Mapping[str, str] = field(default_factory=dict)
    """By place: what deploys it in place of its service."""
    costs: Sequence[ServiceCost] = ()
    leak: Leak | None = None
    console: bool = False
    """Whether a person has to do something at the provider before anything is pushed."""
    steps: str | None = None
    """What that person does."""
    manual: bool = False
    """No destination is written: everything happens at the provider."""
    hopeless: bool = False
    """Whether no event can prove it, which a remark explains."""
    unchanged: bool = False
    """Whether this very version is out everywhere: nothing would be done."""
    left_out: Sequence[LeftOut] = ()
    """Destinations that are not written, each with the reason."""
    remarks: Sequence[str] = ()
    accepted: Sequence[str] = ()
    """Secrets whose values look wrong, and are taken because a person said so."""

    @property
    def seconds(self) -> float:
        """The least time that writing takes: services are written side by side."""
        return max((cost.seconds for cost in self.costs), default=0.0)

    def to_json(self) -> PlanRow:
        """As in ``rotate --dry-run --json``."""
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
