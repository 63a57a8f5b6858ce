"""Queries as filters on rows, as far as the stores have them in common. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from msgspec import Struct

from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.rows.written import ABSENT
from releaseguard.model import OURSELVES
from releaseguard_events.stores.table import EventTable

_DETAIL_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Filter(Struct, frozen=True):
    """``column operator value``; for ``detail``, on the text under its top-level ``key``.

    The operators are ``eq``, ``neq``, ``in``, ``gte``, ``lt``, ``lte``, ``none`` (null, or one of the values) and
    ``has`` (contains one of the values, in any letter case).
    """

    column: str
    operator: str
    value: Any
    key: str | None = None
    is_searched: bool = True
    """Whether a store may search rows by it, with an index where it has one."""


def of(query: Query, place: EventTable) -> list[Filter] | None:
    """The filters for rows of ``place``; ``None`` where no row can match, because the query requires a value that none
    has.

    A column that the table lacks is null in every row (``synthetic`` is false). Raises ``ConfigError`` where the query
    makes no sense without it.
    """
    kept = []
    for condition in _wanted(query):
        if place.has(condition.column):
            kept.append(condition)
        elif condition.column == "recorded_at":
            raise _no_recorded_at(place)
        elif condition.operator != "none" and ABSENT.get(condition.column) != condition.value:
            return None
    return kept


INDISPENSABLE = ("occurred_at", "provider", "outcome", "event")
"""The columns without which a row is not an event."""


def undecidable(wanted: Iterable[Filter], place: EventTable) -> list[str]:
    """The columns that, if unreadable, may keep a matching row out of the result.

    These are the indispensable ones, the environment where the query has one, and the time of recording where the query
    is about what was known by some time.
    """
    asked = [one.column for one in wanted if one.column == "environment" or (one.column, one.operator) == KNOWN_BY]
    return [*INDISPENSABLE, *(column for column in dict.fromkeys(asked) if place.has(column))]


KNOWN_BY = ("recorded_at", "lte")
"""Column and operator of a query about what the log held at some moment."""


def prunable(since: datetime | None, before: datetime, environment: str | None) -> list[Filter]:
    """The rows that may be deleted: traffic from ``since`` on and older than ``before``, never our own rows."""
    from_then = [] if since is None else [Filter("occurred_at", "gte", since)]
    of_environment = [] if environment is None else [Filter("environment", "eq", environment)]
    return [Filter("provider", "neq", OURSELVES), Filter("occurred_at", "lt", before), *from_then, *of_environment]


def _wanted(query: Query) -> Iterator[Filter]:
    plain: list[tuple[str, str, Any]] = [
        ("environment", "eq", query.environment),
        ("provider", "in", tuple(query.providers) or None),
        ("provider", "neq", OURSELVES if query.traffic else None),
        ("event", "in", tuple(query.events) or None),
        ("outcome", "eq", query.outcome),
        ("occurred_at", "gte", query.since),
        ("occurred_at", "lt", query.until),
        ("recorded_at", "gte", query.recorded_since),
        ("recorded_at", "lte", query.recorded_until),
        ("release", "eq", query.release),
        ("release", "none", query.untagged),
        ("error_code", "has", tuple(query.codes) or None),
        ("correlation_id", "eq", query.correlation_id),
        ("synthetic", "eq", query.synthetic),
        ("id", "in", tuple(query.ids) or None),
    ]
    yield from (Filter(*condition) for condition in plain if condition[2] is not None)
    for key, text in query.detail.items():
        if not _DETAIL_KEY.fullmatch(key):
            raise ValueError(f"{key!r} cannot be asked for: keys of detail are letters, digits and underscores")
        yield Filter("detail", "eq", text, key)


def _no_recorded_at(place: EventTable) -> ConfigError:
    return ConfigError(
        f"the table {place.table} has no recorded_at column, so what it held at an earlier time is unknown",
        where="[events.columns]",
        next_step="Add the column, as releaseguard events migrate --additions prints it, and map it; verify needs it "
        "only for --as-of.",
    )


def concerns(query: Query) -> tuple[bool, bool]:
    """Whether the query is about traffic, and whether it is about our own rows."""
    providers = set(query.providers)
    if query.traffic:
        return True, False
    return not providers or providers != {OURSELVES}, not providers or OURSELVES in providers
