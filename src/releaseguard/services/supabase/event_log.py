"""The event log over Supabase's REST interface, which is PostgREST in front of the project's Postgres.

Protocol: PostgREST's documentation, "Tables and Views" (filters, bulk insert, ``Prefer``), "Pagination and count"
and "Errors". A project caps the rows of one answer (``max-rows``, 1000 unless changed), silently.
"""

from __future__ import annotations

import base64
import json as json_module
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from releaseguard.clocks import REAL, Clocks
from releaseguard.errors import AccessDenied, ConfigError, ServiceError, Unreachable
from releaseguard.eventlog.interface import Changes, Query
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row, event_of
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.packs import Kept, kept_of
from releaseguard.eventlog.rows.written import conflict
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.stores.tables import Deleted, KeptQuestion
from releaseguard.eventlog.watching import Watch, unwatched
from releaseguard.http.paging import Parameters
from releaseguard.model import Event, Remark, Standing
from releaseguard.secret import Secret
from releaseguard.services.supabase.apps_table import PAGE, AppsTable
from releaseguard.services.supabase.counts import Counts
from releaseguard.services.supabase.postgrest import (
    Order,
    beyond,
    column_of,
    doubtful,
    holds,
    may_hold,
    moment_of,
    parts,
    readable,
    row,
    selected,
    time_of,
    total,
)
from releaseguard_events.places.urls import split
from releaseguard_events.stores import fitting, rest_rows
from releaseguard_events.stores.fitting import Batch
from releaseguard_events.stores.names import bare, beside
from releaseguard_events.stores.rest_rows import NoSuchValue, Taken
from releaseguard_events.stores.table import EventTable

if TYPE_CHECKING:
    from releaseguard.http import Reply, ServiceClient


Headers = Mapping[str, str | Secret]
Connect = Callable[[str, Callable[[], Headers]], "ServiceClient"]
"""Base address and credentials -> client."""

_ANSWERS = (400, 401, 403, 404, 409)
"""Refusals whose body says what is wrong with the table or the row."""


def connect(url: str, headers: Callable[[], Headers], clocks: Clocks = REAL) -> ServiceClient:
    """A client with the usual limits, which waits by these clocks before it asks again."""
    from releaseguard.http import Authorization, ServiceClient

    return ServiceClient(service="supabase", base_url=url, authorization=Authorization(headers), clocks=clocks)


class SupabaseEventLog(AppsTable):
    """Events in a Supabase project's table, reached at ``https://REF.supabase.co`` with its service role's key.

    ``key`` may be asked anew for each request: a key can be replaced while work goes on.
    """

    def __init__(
        self,
        url: str,
        key: Secret | Callable[[], Secret],
        table: EventTable | None = None,
        *,
        connect: Connect = connect,
    ) -> None:
        super().__init__(table or EventTable())
        parts = split(url)
        self.label = f"{parts.scheme}://{parts.server}"
        self._key: Callable[[], Secret] = (lambda: key) if isinstance(key, Secret) else key

        def headers() -> Headers:
            now = self._key()
            return {"apikey": now, "authorization": Secret(f"Bearer {now.reveal()}")}

        self._client = connect(f"{url.rstrip('/')}/rest/v1", headers)
        self._counts = Counts(self._client)

    def now(self) -> datetime:
        if known := self._counts.clock(self._ours):
            return known
        return time_of(
            self._request("GET", self._ours, {"select": column_of(self._ours, "id"), "limit": 0}), self.label
        )

    def migrate(self, watch: Watch = unwatched) -> NoReturn:
        del watch
        raise ConfigError(
            "tables cannot be made over Supabase's REST interface",
            where=self.label,
            next_step="Run: releaseguard events migrate --sql | supabase migration new releaseguard_events, then:"
            " supabase db push. Or run what it prints in the SQL editor of the dashboard.",
        )

    def schema_sql(self) -> str:
        places = [self._traffic] if self._ours == self._traffic else [self._traffic, self._ours]
        return schema.script(places)

    def examine(self) -> Iterator[Remark]:
        kind = _kind_of_key(self._key())
        if kind == "public":
            fix = "Set SUPABASE_SERVICE_ROLE_KEY to the service role's (secret) key of this project."
            what = "the key is the project's public one: it reads nothing and writes nothing"
            yield Remark(Standing.FAIL, what, self.label, fix, "key")
            return
        yield from super().examine()
        yield self._may_append()

    def exposed(self, public_key: Secret) -> Remark:
        """Whether somebody with the app's public key reads rows: row-level security must keep them out."""
        place = self._traffic
        headers: Headers = {"apikey": public_key, "authorization": Secret(f"Bearer {public_key.reveal()}")}
        asked: dict[str, str | int | bool | None] = {"select": column_of(place, "id"), "limit": 1}
        if not self._request("GET", place, asked).json():
            return Remark(Standing.OK, "no rows yet by which to see whom row-level security keeps out", self.label)
        reply = self._client.request("GET", f"/{quoted_name(place)}", params=asked, headers=headers, allow=_ANSWERS)
        if reply.status < 300 and reply.json():
            fix = f"Run: releaseguard events migrate --sql, and apply it (it secures {place.table})."
            what = f"everybody who has the app's public key reads {place.table}: row-level security is off"
            return Remark(Standing.FAIL, what, self.label, fix)
        return Remark(Standing.OK, f"the public key does not read {place.table}", self.label)

    def _examined(self, place: EventTable) -> Iterator[Remark]:
        self._request("GET", place, {"select": column_of(place, "id"), "limit": 0})
        yield from self._columns(place, lambda column: self._misfit(place, column))
        if remark := self._migration(place, self._version(place), None):
            yield remark

    def _misfit(self, place: EventTable, column: str) -> ConfigError | None:
        try:
            self._request("GET", self._seen(place), {"select": column_of(self._seen(place), column), "limit": 0})
        except fitting.NoColumn as error:
            return error
        return None

    def _version(self, place: EventTable) -> int | None:
        versions = EventTable(table=beside(place.table, "schema"))
        try:
            found = self._request("GET", versions, {"select": "version", "order": "version.desc", "limit": 1}).json()
        except (ConfigError, AccessDenied):
            return None
        return found[0].get("version") if found and isinstance(found[0], dict) else None

    def _may_append(self) -> Remark:
        """By the description that the interface gives of itself, which lists what the key's role may do."""
        name = bare(self._ours.table)
        reply = self._client.request("GET", "/", headers={"accept": "application/openapi+json"}, allow=range(400, 500))
        try:
            listed = reply.json().get("paths", {}) if reply.status == 200 else {}
            allowed = listed.get(f"/{name}")
        except (ServiceError, AttributeError):
            allowed = None
        if not isinstance(allowed, Mapping):
            what = f"whether rows can be appended to {name} is known only with the first one: no description is given"
            return Remark(Standing.OK, what, self.label, about="append")
        if "post" in allowed:
            what = f"rows can be appended to {name} (the interface's own description lists it for this key)"
            return Remark(Standing.OK, what, self.label, about="append")
        fix = f"GRANT SELECT, INSERT ON {name} TO service_role (releaseguard events migrate --sql does)."
        return Remark(Standing.FAIL, f"this key's role may not append to {name}", self.label, fix, "append")

    def close(self) -> None:
        self._client.close()

    def _moment(self, value: Any) -> datetime | None:
        return moment_of(value)

    def _not_there(self, place: EventTable, columns: Sequence[str]) -> Sequence[str]:
        return [column for column in columns if not self._has(place, column)]

    def _has(self, place: EventTable, column: str) -> bool:
        try:
            self._request("GET", place, {"select": column, "limit": 0})
        except fitting.NoColumn:
            return False
        return True

    def _add(self, batches: Sequence[Batch]) -> None:
        for table, events in batches:
            numbers = table.is_the_apps and not self._takes_our_ids
            place = replace(table, numbers_rows=numbers)
            for sent in rest_rows.posts(events, place):
                self._post(
                    place,
                    sent,
                    params=rest_rows.params(place),
                    prefer=rest_rows.IF_NEW,
                    repeatable=not place.numbers_rows,
                )

    def _restore(self, batches: Sequence[Batch]) -> NoReturn:
        del batches
        raise ConfigError(
            "over Supabase's REST interface rows cannot be given back when they were recorded",
            where=self.label,
            next_step="Run this one command on the database itself, as the table's owner: copy releaseguard.toml to"
            ' owner.toml, with [events] url = "${SUPABASE_DB_URL}" (postgresql://..., in Supabase under Connect), and'
            " add --config owner.toml.",
        )

    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        if len(batches) > 1:
            raise ValueError("one request writes one table: our own rows and traffic cannot be one conditional append")
        ((place, events),) = batches
        try:
            reply = self._post(
                place,
                [rest_rows.values(event, place) for event in events],
                params={"select": selected(place)},
                prefer="return=representation",
                repeatable=False,
            )
        except Taken:
            raise conflict(events) from None
        except ServiceError as error:
            # A gateway's 5xx says nothing of what the database did behind it.
            if error.status is not None and error.status >= 500:
                raise Unreachable(error.what, where=error.where, next_step=error.next_step) from None
            raise
        read = (event_of(row(raw, place), moment_of) for raw in reply.json())
        return [event for event in read if event is not None]

    def _delete(self, place: EventTable, since: datetime | None, before: datetime, environment: str | None) -> Deleted:
        """Up to the time of the row that ends a page: the interface has no deletion of so many."""
        wanted = filters.prunable(since, before, environment)
        asked: Parameters = {
            "select": column_of(place, "occurred_at"),
            "order": f"{column_of(place, 'occurred_at')}.asc",
            "limit": 1,
        }
        ends = self._request("GET", place, {"and": _all_of(wanted, place), **asked, "offset": PAGE - 1}).json()
        upto = next((moment_of(value) for row in ends for value in row.values()), None)
        some = wanted if upto is None else [*wanted, Filter("occurred_at", "lte", upto)]
        prefer = {"prefer": "count=exact,return=minimal"}
        reply = self._request("DELETE", place, {"and": _all_of(some, place)}, prefer, repeatable=True)
        return Deleted(total(reply) or 0, upto)

    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        place = self._seen(place)
        streams = [self._events(place, part, query) for part in parts(wanted)]
        if len(streams) == 1:
            yield from streams[0]
            return
        ordered = merge(*streams, key=lambda event: (event.occurred_at, event.id.int), reverse=query.newest_first)
        yield from islice(ordered, query.limit)

    def _events(self, place: EventTable, wanted: Sequence[Filter], query: Query) -> Iterator[Event]:
        """The outcome is checked here: PostgREST refuses a filter by a word that the column's type (an enum) lacks."""
        if query.limit == 0:
            return
        filters = [*(holds(condition, place) for condition in wanted), *readable(place)]
        order = "desc" if query.newest_first else "asc"
        pages = self._pages(place, filters, [("occurred_at", order), ("id", order)], query.limit)
        read = (event_of(row, moment_of) for row in pages)
        yield from islice((event for event in read if event is not None), query.limit)

    def _kept_of_each(self, place: EventTable, asked: Sequence[KeptQuestion]) -> Iterator[tuple[int, Kept]] | None:
        known = self._counts.asked(place, asked)
        if known is None:
            return None
        told = ((number, kept_of(row, moment_of(row[0]))) for number, rows in enumerate(known) for row in rows)
        return ((number, hour) for number, hour in told if hour is not None)

    def _changed(self, place: EventTable, known: str | None) -> Changes | None:
        return self._counts.changes(place, known)

    def _left_out(self, place: EventTable, wanted: Sequence[Filter]) -> Iterator[Row]:
        columns = filters.undecidable(wanted, place)
        place = self._seen(place)
        possible = [may_hold(condition, place) for condition in wanted]
        broken = [doubtful(place, column) for column in columns]
        try:
            yield from self._pages(place, [*possible, f"or({','.join(broken)})"], [("id", "asc")], None)
        except NoSuchValue:
            # An enumeration that lacks our words: all rows are looked at here.
            yield from self._pages(place, possible, [("id", "asc")], None)

    def _pages(self, place: EventTable, filters: Sequence[str], order: Order, limit: int | None) -> Iterator[Row]:
        """Page after page by key: an offset would skip or repeat rows when others arrive meanwhile."""
        size = asked = PAGE if limit is None else min(PAGE, limit)
        page, total = self._page(place, filters, order, asked, after=None)
        if total is not None and len(page) < min(asked, total):
            size = asked = len(page)  # the project's own cap is lower than what we asked for
        yield from (row(raw, place) for raw in page)
        while page and len(page) == asked != total:
            asked = size
            page, _ = self._page(place, filters, order, asked, after=page[-1])
            yield from (row(raw, place) for raw in page)

    def _page(
        self, place: EventTable, filters: Sequence[str], order: Order, limit: int, after: Mapping[str, Any] | None
    ) -> tuple[list[Mapping[str, Any]], int | None]:
        """One page, and with the first one how many rows there are in all."""
        conditions = [*filters, *([] if after is None else [beyond(after, place, order)])]
        params = {
            "select": selected(place),
            "and": f"({','.join(conditions)})" if conditions else None,
            "order": ",".join(f"{column_of(place, column)}.{direction}" for column, direction in order),
            "limit": limit,
        }
        # A page shorter than asked for may be the end or the project's cap (db-max-rows): the count tells which.
        # https://docs.postgrest.org/en/stable/references/api/pagination_count.html
        counting = after is None and limit > 1
        reply = self._request("GET", place, params, {"prefer": "count=exact"} if counting else {})
        return reply.json(), total(reply)

    def _post(
        self, place: EventTable, rows: Sequence[Any], *, params: Parameters, prefer: str, repeatable: bool
    ) -> Reply:
        return self._request("POST", place, params, {"prefer": prefer}, json=rows, repeatable=repeatable)

    def _request(
        self,
        method: str,
        place: EventTable,
        params: Parameters,
        headers: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        repeatable: bool | None = None,
    ) -> Reply:
        from releaseguard.http import quoted

        reply = self._client.request(
            method,
            f"/{quoted(bare(place.table))}",
            params=params,
            json=json,
            headers={**rest_rows.profile(place), **(headers or {})},
            repeatable=repeatable,
            allow=_ANSWERS,
        )
        if reply.status >= 400:
            raise rest_rows.refusal(reply.status, _said(reply), place, self.label)
        return reply


def _all_of(wanted: Sequence[Filter], place: EventTable) -> str:
    return f"({','.join(holds(condition, place) for condition in wanted)})"


def quoted_name(place: EventTable) -> str:
    """The table as part of an address."""
    from releaseguard.http import quoted

    return quoted(bare(place.table))


def _kind_of_key(key: Secret) -> str:
    """``secret``, ``public`` or ``unknown``: by its prefix, or the role that it carries as a JSON Web Token."""
    text = key.reveal()
    if text.startswith(("sb_secret_", "sb_publishable_")):
        return "secret" if text.startswith("sb_secret_") else "public"
    payload = text.split(".")[1] if text.count(".") == 2 else ""
    try:
        role = json_module.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("role")
    except (ValueError, AttributeError):
        return "unknown"
    return {"service_role": "secret", "anon": "public", "authenticated": "public"}.get(role, "unknown")


def _said(reply: Reply) -> Mapping[str, Any]:
    try:
        body = reply.json()
    except ServiceError:
        return {}
    return body if isinstance(body, dict) else {}
