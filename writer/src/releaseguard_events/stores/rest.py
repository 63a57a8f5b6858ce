"""Writes events over Supabase's REST interface."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from releaseguard_events.errors import AccessDenied, RateLimited, ServiceError, Unreachable
from releaseguard_events.stores import fitting, rest_rows
from releaseguard_events.stores.http import Answer, HttpLink
from releaseguard_events.stores.names import bare
from releaseguard_events.stores.storable import Writable
from releaseguard_events.stores.table import EventTable


class RestStore:
    """Appends events. ``keys`` are the service role's key and the one used where it is refused. For one thread at a
    time."""

    def __init__(self, link: HttpLink, keys: Sequence[str], table: EventTable) -> None:
        self._link = link
        self._label = f"{link.place.scheme}://{link.place.host}"
        self._keys = list(keys)
        self._table = table
        self._tables: fitting.Tables | None = None

    def append(self, events: Sequence[Writable]) -> None:
        """Write the events that do not exist yet."""
        if self._tables is None:
            self._tables = self._fitting()
        for place, rows in self._tables.rows(events):
            for sent in rest_rows.posts(rows, place):
                self._post(place, sent)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _fitting(self) -> fitting.Tables:
        """The tables, without columns that the app's own table lacks; each is asked for once."""
        absent = [column for column in fitting.assumed(self._table) if not self._has(column)]
        table = fitting.without(self._table, absent) if absent else self._table
        return fitting.Tables.of(replace(table, numbers_rows=table.is_the_apps and not self._takes_our_ids()))

    def _takes_our_ids(self) -> bool:
        """Whether the table accepts our ids: one that numbers its rows refuses the question itself."""
        asked = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in rest_rows.probe(self._table).items()
        )
        try:
            self._settled(self._sent(self._table, f"?{asked}", {}, None), self._table)
        except rest_rows.NoSuchValue:
            return False
        return True

    def _has(self, column: str) -> bool:
        try:
            self._settled(self._sent(self._table, f"?select={column}&limit=0", {}, None), self._table)
        except fitting.NoColumn:
            return False
        return True

    def _post(self, place: EventTable, rows: Sequence[Mapping[str, object]]) -> None:
        path = "".join(f"?{name}={quote(value, safe='')}" for name, value in rest_rows.params(place).items())
        body = json.dumps(rows).encode()
        headers = {"content-type": "application/json", "prefer": rest_rows.IF_NEW}
        self._settled(self._sent(place, path, headers, body), place)

    def _sent(self, place: EventTable, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        path = f"/rest/v1/{quote(bare(place.table), safe='')}{path}"
        answer = self._asked(path, {**rest_rows.profile(place), **headers}, body)
        while _refuses_key(answer) and len(self._keys) > 1:
            del self._keys[0]
            answer = self._asked(path, {**rest_rows.profile(place), **headers}, body)
        return answer

    def _asked(self, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        key = self._keys[0]
        if not (key.isascii() and key.isprintable()):
            raise AccessDenied(
                "the credential holds a line break or another character that no header can carry",
                where=self._label,
                next_step="Set it again, without the line break: SUPABASE_SERVICE_ROLE_KEY.",
            )
        sent = {
            "accept": "application/json",
            "user-agent": "releaseguard-events",
            "apikey": key,
            "authorization": f"Bearer {key}",
            **headers,
        }
        return self._link.get(path, sent) if body is None else self._link.post(path, sent, body)

    def _settled(self, answer: Answer, place: EventTable) -> None:
        """Returns where the request succeeded; otherwise raises what the answer means."""
        if answer.status < 300:
            return
        what = f"the store answered {answer.status}"
        if answer.status == 429:
            raise RateLimited(f"{what}: over its limit", where=self._label, status=429)
        if answer.status >= 500:
            raise Unreachable(what, where=self._label, status=answer.status)
        if answer.status < 400:
            raise ServiceError(f"{what}, which leads elsewhere", where=self._label)
        raise rest_rows.refusal(answer.status, _document(answer), place, self._label)


def _refuses_key(answer: Answer) -> bool:
    """Whether the key itself is refused, whatever was requested."""
    return answer.status == 401


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
