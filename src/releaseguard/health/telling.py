"""The grounds of a provider's condition, as a message."""

from __future__ import annotations

from releaseguard.health.values import HealthCondition, Why
from releaseguard.messages.message import Message, message

_TIMED = frozenset({Why.FAILED, Why.VOLUME, Why.SILENT})
"""Grounds whose sentence holds the time of the beginning."""


def health_message(condition: HealthCondition, *, brief: bool = False) -> Message:
    """The grounds of ``condition``; ``brief``: for a reader who knows since when."""
    grounds = condition.grounds
    return message(
        _key(condition, "brief" if brief and grounds.why in _TIMED else "health"),
        events=grounds.events,
        errors=grounds.errors,
        expected=grounds.expected,
        usual=grounds.usual or 0.0,
        since=condition.since,
        problem=grounds.problem,
        trace=grounds.trace or "-",
        contradicting=grounds.contradicting,
        codes=", ".join(grounds.codes),
    )


def _key(condition: HealthCondition, section: str) -> str:
    grounds = condition.grounds
    if grounds.why is Why.FAILED and grounds.usual is None:
        return f"{section}.failed_no_history"
    if grounds.why is Why.CALLS and not grounds.errors:
        return f"{section}.calls_clean"
    return f"{section}.{grounds.why.value}"
