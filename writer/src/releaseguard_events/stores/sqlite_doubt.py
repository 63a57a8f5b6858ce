"""What SQLite can say of values that cannot be read as what they should be: types are the writer's to choose there."""

from __future__ import annotations

from typing import Final

from releaseguard_events.stores.names import quoted

SHAPE: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]"
_TO_THE_SECOND = f"{SHAPE}:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z"
_NEEDED = ("occurred_at", "provider", "outcome", "event", "environment", "recorded_at")


def unreadable() -> str:
    """What holds of every row that cannot be read, or of which it cannot be told which question it answers."""
    return " OR ".join(doubtful(column, quoted(column)) for column in _NEEDED)


def doubtful(column: str, name: str) -> str:
    """What holds of every value of a column that cannot be read, and hardly of another."""
    match column:
        case "occurred_at" | "recorded_at":
            return _no_time(name)
        case "outcome":
            return f"({name} IS NULL OR {name} NOT IN ('success', 'error'))"
        case _:
            return f"(typeof({name}) <> 'text' OR {name} = '')"


def _no_time(name: str) -> str:
    """Whether a reader cannot read it. The calendar is asked only where a look at the form leaves it open."""
    open_ = (
        f"{name} < '0001' OR {name} NOT GLOB '{_TO_THE_SECOND}' OR substr({name}, 6, 5) NOT BETWEEN '01-01' AND '12-28'"
        f" OR substr({name}, 9, 2) NOT BETWEEN '01' AND '28' OR substr({name}, 12, 2) > '23'"
    )
    wrong = (
        f"{name} < '0001' OR strftime('%Y-%m-%dT%H:%M', {name}, '+0 days') IS NOT substr({name}, 1, 16)"
        f" OR NOT (substr({name}, -1) = 'Z' OR substr({name}, -6) = '+00:00')"
        f" OR substr({name}, 17) GLOB '*[^0-9:.+Z]*'"
    )
    return f"(typeof({name}) <> 'text' OR (({open_}) AND ({wrong})))"
