"""Conditions that something besides the counts overrides: a provider that a deployment declared removed is not missing,
and calls that report success with the code of a failure are no sign of health. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from releaseguard import readable
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why

if TYPE_CHECKING:
    from releaseguard.cards.contradictions import Contradiction
    from releaseguard.model import Event
    from releaseguard.verification.values import Deployment

ROLLED_OUT: Final = timedelta(minutes=10)
"""How long after its mark the previous release may still use what a deployment removes."""
_GONE: Final = frozenset({Why.SILENT, Why.VOLUME})
REMOVED: Final = HealthCondition(
    HealthState.IDLE,
    "no event, as the mark of a deployment says: the provider is no longer used",
    Grounds(Why.REMOVED),
)


def removals_in(deployments: Iterable[Deployment]) -> Mapping[str, datetime]:
    """When each provider was removed, unless the release was rolled back."""
    removed: dict[str, datetime] = {}
    for one in sorted(deployments, key=lambda one: one.deployed_at):
        if one.rolls_back:
            removed.clear()
        removed |= dict.fromkeys(one.removes, one.deployed_at)
    return removed


def removals_marked(marks: Sequence[Event]) -> Mapping[str, datetime]:
    """The same from the rows of the marks; the code for it is imported only where one removes something."""
    if not any(mark.detail.get("removes") for mark in marks):
        return {}
    from releaseguard.verification.rows.releases import deployments_of
    from releaseguard.verification.values import Promise

    return removals_in(deployments_of(marks, Promise().window))


def unless_removed(condition: HealthCondition, last: datetime | None, at: datetime | None) -> HealthCondition:
    """The condition of a provider whose newest event came at ``last`` and which was removed ``at``, if it was."""
    is_gone = at is not None and condition.grounds.why in _GONE and (last is None or last <= at + ROLLED_OUT)
    return REMOVED if is_gone else condition


def unless_contradicted(condition: HealthCondition, found: Contradiction | None) -> HealthCondition:
    """The condition, for a healthy provider with the failure codes that its successes carry; unknown where these are so
    many that the successes prove nothing."""
    if found is None or condition.state is not HealthState.HEALTHY:
        return condition
    from releaseguard.verification.checks.codes import hides_a_harm

    calls, codes = readable.count(found.of, "call"), ", ".join(found.codes)
    reason = (
        f"{found.rows} of {calls} say success beside the code of a failure ({codes}): have the app write them as errors"
    )
    state = HealthState.UNKNOWN if hides_a_harm(found) else HealthState.HEALTHY
    errors = condition.grounds.errors
    grounds = Grounds(Why.CONTRADICTED, found.of, errors, contradicting=found.rows, codes=found.codes)
    return HealthCondition(state, reason, grounds)
