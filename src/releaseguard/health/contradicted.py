"""A provider whose calls say success beside the codes of failures: it is not healthy without a word. Pure."""

from __future__ import annotations

from releaseguard import readable
from releaseguard.cards.contradictions import Contradiction, hides_a_harm
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why


def unless_contradicted(condition: HealthCondition, found: Contradiction | None) -> HealthCondition:
    """The condition; of a healthy provider also what its successes carry, which makes it unknown where they are so many
    that they prove nothing."""
    if found is None or condition.state is not HealthState.HEALTHY:
        return condition
    calls, codes = readable.count(found.of, "call"), ", ".join(found.codes)
    reason = (
        f"{found.rows} of {calls} say success beside the code of a failure ({codes}): have the app write them as errors"
    )
    state = HealthState.UNKNOWN if hides_a_harm(found) else HealthState.HEALTHY
    errors = condition.grounds.errors
    grounds = Grounds(Why.CONTRADICTED, found.of, errors, contradicting=found.rows, codes=found.codes)
    return HealthCondition(state, reason, grounds)
