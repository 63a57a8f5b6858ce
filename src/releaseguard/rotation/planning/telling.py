"""A plan as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.rotation.planning.plan import Plan, PlannedDestination
from releaseguard.rotation.values import Pin


def describe(plan: Plan) -> Sequence[str]:
    """The plan as lines of text."""
    lines = [_pin_line(pin) for pin in plan.pins]
    lines += [f"{one.uri}{NEW if one.new else ''}: {_writes_line(one)}" for one in plan.destinations]
    lines += [f"{base}: redeploy what {target} serves" for base, target in plan.deployments]
    for cost in plan.costs:
        if not cost.reads + cost.writes:
            continue
        requests = f"{cost.reads} reads, {cost.writes} writes"
        lines.append(f"{cost.service}: {requests}, at least {cost.seconds:.1f} s")
    lines += [f"{one.uri}: left out ({one.reason}); it keeps the old value" for one in plan.left_out]
    if plan.console:
        lines.append(f"Waits for a person at the provider first. {plan.steps or ''}".strip())
    return [*lines, *plan.remarks]


def new_in(plan: Plan) -> Sequence[str]:
    """A line for each destination that is new to the chain, for a run whose plan nobody is shown."""
    return [f"{one.uri}{NEW}" for one in plan.destinations if one.new]


NEW = " (NEW: no rotation before has written there)"


def _pin_line(pin: Pin) -> str:
    before = "nothing known" if pin.from_version is None else f"version {pin.from_version}"
    after = "a new version" if pin.to_version is None else f"version {pin.to_version}"
    label = f" (the number is taken: the app is to report {pin.label})" if pin.label else ""
    return f"{pin.name}: {before} -> {after}{label}"


def _writes_line(planned: PlannedDestination) -> str:
    parts = (("create", planned.create), ("update", planned.update))
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names) or "nothing to write"
