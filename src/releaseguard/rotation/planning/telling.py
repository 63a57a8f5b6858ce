"""A plan as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard import readable
from releaseguard.destinations.hands import is_hands
from releaseguard.rotation.groups import COMPANION_SUFFIX
from releaseguard.rotation.planning.plan import Plan, PlannedDestination
from releaseguard.rotation.values import Pin


def describe(plan: Plan) -> Sequence[str]:
    """The plan as lines of text: what changes, how many requests, how long, and which proof is possible."""
    if plan.unchanged:
        return [*(f"{pin.name}: version {pin.to_version} is in use everywhere" for pin in plan.pins), *plan.remarks]
    lines = [_pin_line(pin) for pin in plan.pins]
    lines += [f"{one.uri}{NEW if one.new else ''}: {_writes_line(one)}" for one in plan.destinations]
    lines += [f"{base}: {_deployed(plan.deployed_by.get(base), target)}" for base, target in plan.deployments]
    for cost in plan.costs:
        if not cost.reads + cost.writes:
            continue
        requests = f"{readable.count(cost.reads, 'read')}, {readable.count(cost.writes, 'write')}"
        lines.append(f"{cost.service}: {requests}, at least {cost.seconds:.1f} s")
    lines += _in_all(plan)
    lines += [f"{one.uri}: left out ({one.because}); it keeps the old value" for one in plan.left_out]
    if plan.console:
        lines.append(f"Waits for a person at the provider first. {plan.steps or ''}".strip())
    return [*lines, *plan.remarks]


def _in_all(plan: Plan) -> Sequence[str]:
    """The total number of requests and time, and the possible grade of proof."""
    if plan.manual:
        return []
    many = sum(cost.reads + cost.writes for cost in plan.costs)
    where = readable.count(len(plan.destinations), "destination")
    return [f"in all: {where}, {readable.count(many, 'request')}, at least {plan.seconds:.1f} s", _proof_line(plan)]


def _proof_line(plan: Plan) -> str:
    runtimes = [one for one in plan.destinations if one.runtime]
    if not runtimes:
        return "proof: none is possible, because nothing that runs reads it from there"
    if plan.hopeless:
        return "proof: none is possible, for the reason below"
    labelled = all(any(name.endswith(COMPANION_SUFFIX) for name in one.names) for one in runtimes)
    if labelled:
        return "proof to expect: grade A, where the app reports the version that is pushed beside the secret"
    return "proof to expect: grade B, where the app reports its deployment or release"


def new_in(plan: Plan) -> Sequence[str]:
    """One line for each destination that is new to the chain, for runs that show nobody the plan."""
    return [f"{one.uri}{NEW}" for one in plan.destinations if one.new]


NEW = " (NEW: no rotation before has written there)"


def _pin_line(pin: Pin) -> str:
    before = "nothing known" if pin.from_version is None else f"version {pin.from_version}"
    after = "a new version" if pin.to_version is None else f"version {pin.to_version}"
    label = f" (the number is taken: the app must report {pin.label})" if pin.label else ""
    return f"{pin.name}: {before} -> {after}{label}"


def _deployed(by: str | None, target: str) -> str:
    if by is None:
        return f"redeploy what {target} serves"
    return f"a person deploys it ({by}) and confirms that" if is_hands(by) else f"run {by}"


def _writes_line(planned: PlannedDestination) -> str:
    if planned.by_hand:
        return f"a person writes {', '.join(planned.names)} and confirms that"
    parts = (("create", planned.create), ("update", planned.update))
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names) or "nothing to write"
