"""What only a table of the app's own needs over REST: whether ids and times are ours in kind, and the view of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from releaseguard.errors import ConfigError
from releaseguard.eventlog.mapping.shares import TOLD, VERSION, CountedRow, RuleShares, shares_of
from releaseguard.eventlog.mapping.view import RULE, as_view
from releaseguard.eventlog.stores.tables import TableLog
from releaseguard.http.paging import Parameters
from releaseguard.model import to_text
from releaseguard_events.stores import rest_rows
from releaseguard_events.stores.rest_rows import NoSuchValue
from releaseguard_events.stores.table import EventTable

if TYPE_CHECKING:
    from releaseguard.http import Reply

PAGE = 1000
"""Rows asked for at a time: Supabase's default cap."""


class AppsTable(TableLog):
    """A log over REST, as far as the traffic's table may be the app's own."""

    @abstractmethod
    def _request(self, method: str, place: EventTable, params: Parameters) -> Reply:
        """One request about a table, refusals translated."""

    def _seen(self, place: EventTable) -> EventTable:
        """What is read: the table, or the view that a migration makes of one with other words or times."""
        return as_view(place) if place.is_mapped or (place.is_the_apps and self._has_texts_for_times) else place

    @cached_property
    def _has_texts_for_times(self) -> bool:
        """A column of texts takes any text for a time that is asked for."""
        name = self._traffic.theirs("occurred_at") or "occurred_at"
        try:
            self._request("GET", self._traffic, {"select": name, name: "eq.no time", "limit": 0})
        except ConfigError:
            return False
        return True

    @cached_property
    def _takes_our_ids(self) -> bool:
        """A table of the app's that numbers its rows refuses the very question."""
        try:
            self._request("GET", self._traffic, rest_rows.probe(self._traffic))
        except NoSuchValue:
            return False
        return True

    def rule_shares(self, since: datetime) -> RuleShares | None:
        """Rows of the view, a few columns and the rule's number of each: the interface counts no groups by itself."""
        place = self._traffic
        if not place.is_mapped:
            return None
        told = [column for column in TOLD if place.has(column)]
        version = [f"{VERSION}:detail->>{VERSION}"] if place.has("detail") else []
        params = {
            "select": ",".join([RULE, "provider", "outcome", *told, *version]),
            "occurred_at": f"gte.{to_text(since)}",
            "order": "occurred_at,id",
        }
        return shares_of(place, self._each(as_view(place), params))

    def _each(self, view: EventTable, params: Parameters) -> Iterator[CountedRow]:
        read = 0
        while rows := self._request("GET", view, {**params, "limit": PAGE, "offset": read}).json():
            read += len(rows)
            for row in rows:
                having = (row.get(name) is not None for name in (*TOLD, VERSION))
                yield row[RULE], row["provider"], row["outcome"], 1, *having
