"""What is rolled up, asked of the functions that the schema brings: one answer, whatever the number of rows behind it.

Protocol: PostgREST's documentation, "Functions as RPC": arguments by name in a JSON object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from releaseguard.eventlog.interface import Changes, Query
from releaseguard.eventlog.rows.packing import is_of_joined
from releaseguard.eventlog.rows.packs import changes_of
from releaseguard.harmless import JsonDocument
from releaseguard.model import to_text
from releaseguard_events.stores import rest_rows
from releaseguard_events.stores.names import bare, beside
from releaseguard_events.stores.table import EventTable

if TYPE_CHECKING:
    from releaseguard.http import Reply, ServiceClient

AT_ONCE: Final = 60
"""Minutes counted in one request, which a project ends after some seconds."""
EVERY: Final = 60.0
"""Seconds: how often a log that is read again and again has what is new rolled up."""
_REFUSALS: Final = range(400, 600)
"""Where there are no such functions, or not for this key, rows are counted here."""


@dataclass(slots=True)
class Counts:
    """The functions of one project."""

    client: ServiceClient
    _due: float = field(default=0.0, init=False)
    _has_clock: bool = field(default=True, init=False)

    def asked(
        self, place: EventTable, questions: Sequence[tuple[Query, bool]]
    ) -> Sequence[Sequence[Sequence[Any]]] | None:
        """For each question, with whether it asks in detail, the kept hours that answer it, in order; ``None`` where
        nobody answers."""
        self._keep_up(place)
        asked = [{**_arguments(query), "detailed": detailed} for query, detailed in questions]
        reply = self._called(place, "counts", {"asked": asked})
        return cast("list[list[list[Any]]]", reply.json()) if reply.status == 200 else None

    def changes(self, place: EventTable, known: str | None) -> Changes | None:
        """The minutes that changed since an answer; ``None`` where nobody tells."""
        self._keep_up(place)
        reply = self._called(place, "changes", {"known": known})
        return changes_of(reply.json()) if reply.status == 200 else None

    def clock(self, place: EventTable) -> datetime | None:
        """The database's time; ``None`` where it has no function that tells it, which is asked for once."""
        if not self._has_clock:
            return None
        reply = self.client.request(
            "GET", f"/rpc/{bare(beside(place.table, 'clock'))}", headers=rest_rows.profile(place), allow=_REFUSALS
        )
        self._has_clock = reply.status != HTTPStatus.NOT_FOUND
        return datetime.fromisoformat(str(reply.json())) if reply.status == HTTPStatus.OK else None

    def _keep_up(self, place: EventTable) -> None:
        if monotonic() >= self._due:
            self._roll_up(place)
            self._due = monotonic() + EVERY

    def _roll_up(self, place: EventTable) -> None:
        while (reply := self._called(place, "roll_up", {"most": AT_ONCE})).status == 200 and reply.json() == AT_ONCE:
            pass

    def _called(self, place: EventTable, function: str, given: JsonDocument) -> Reply:
        from releaseguard.http import quoted

        return self.client.request(
            "POST",
            f"/rpc/{quoted(bare(beside(place.table, function)))}",
            json=given,
            headers=rest_rows.profile(place),
            repeatable=True,
            allow=_REFUSALS,
        )


def _arguments(query: Query) -> JsonDocument:
    given = {
        "since": to_text(query.since) if query.since else None,
        "until": to_text(query.until) if query.until else None,
        "of_environment": query.environment,
        "of_providers": _array(query.providers) if query.providers else None,
        "of_release": query.release,
        "is_synthetic": query.synthetic,
        "known_at": to_text(query.recorded_until) if query.recorded_until else None,
        "learned_from": to_text(query.recorded_since) if query.recorded_since else None,
        "as_one": is_of_joined(query),
    }
    return {name: value for name, value in given.items() if value is not None}


def _array(names: Sequence[str]) -> str:
    """An array as Postgres reads it from a text."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in escaped) + "}"
