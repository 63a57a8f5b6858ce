"""Edge functions of a Supabase project, by its management API.

Facts of the protocol: the management API's description (2026-05). Logs are rows of an SQL dialect over two tables:
``function_edge_logs`` (one row a call) and ``function_logs`` (what the function wrote), both with the facts nested in
``metadata``; times are microseconds since 1970, and no question may span more than a day. Beside them stand the logs
of the platform, by the same dialect (Supabase's guide to its logs): ``edge_logs`` (requests to the API),
``postgres_logs``, ``auth_logs`` and ``storage_logs``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from releaseguard.errors import ServiceError
from releaseguard.functions.interface import LONGEST_LOOK, Calls, EdgeFunction, FunctionLogs, LogLine, PlatformLog
from releaseguard.http import ServiceClient, quoted
from releaseguard.http.paging import entries
from releaseguard.services.supabase.answers import FunctionListed, LogAnswerRow

_INTERVAL = "1hr"
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

_CALLS = """\
select response.status_code as status_code, count(*) as calls
from function_edge_logs
cross join unnest(metadata) as m
cross join unnest(m.response) as response
where m.function_id = '{id}'
group by response.status_code
limit 100"""

_TROUBLES = """\
select function_logs.timestamp, event_message, m.level as level
from function_logs
cross join unnest(metadata) as m
where m.function_id = '{id}' and m.level in ('error', 'warning')
order by function_logs.timestamp desc
limit {limit}"""

_PLATFORM: Mapping[str, tuple[str, str, str, str]] = {
    "API": (
        "edge_logs",
        "cross join unnest(m.response) as response",
        "cast(response.status_code as string)",
        "response.status_code >= 500",
    ),
    "database": (
        "postgres_logs",
        "cross join unnest(m.parsed) as parsed",
        "parsed.error_severity",
        "parsed.error_severity in ('ERROR', 'FATAL', 'PANIC')",
    ),
    "auth": ("auth_logs", "", "m.level", "m.level in ('error', 'fatal')"),
    "storage": ("storage_logs", "", "m.level", "m.level in ('error', 'fatal')"),
}
"""Each log of the platform: its table, what else of its metadata is opened, what says how bad a row is, which are."""
_ERRORS_OF = """\
select {table}.timestamp, event_message, {level} as level
from {table}
cross join unnest(metadata) as m
{more}
where {bad}
order by {table}.timestamp desc
limit {limit}"""


class SupabaseFunctionLogs(FunctionLogs):
    """The edge functions of the project ``ref``."""

    def __init__(self, client: ServiceClient, ref: str) -> None:
        self.place = f"supabase:{ref}"
        self._client = client
        self._ref = ref
        self._home = f"/v1/projects/{quoted(ref)}"

    def page(self, function: EdgeFunction) -> str:
        return f"https://supabase.com/dashboard/project/{self._ref}/functions/{function.name}/logs"

    def functions(self) -> Sequence[EdgeFunction]:
        listed = self._client.request("GET", f"{self._home}/functions").json()
        if not isinstance(listed, list):
            raise ServiceError("the listing of functions is not a list", where=self.place)
        return [_function(row) for row in entries(listed) if row.get("id") and row.get("slug")]

    def calls(self, function: EdgeFunction, since: datetime, until: datetime) -> Calls:
        rows = self._asked(_CALLS.format(id=_checked(function.id)), since, until)
        statuses: dict[int, int] = {}
        for row in rows:
            status, count = _number(row.get("status_code")), _number(row.get("calls"))
            statuses[status] = statuses.get(status, 0) + count
        return _calls(sum(statuses.values()), statuses)

    def statistics(self, function: EdgeFunction) -> Calls | None:
        params = {"interval": _INTERVAL, "function_id": function.id}
        rows = self._result("functions.combined-stats", params)
        # Both spellings are out there: the name has no place in the API's description.
        total = sum(_number(row.get("requests_count", row.get("request_count"))) for row in rows)
        failed = sum(_number(row.get("server_err_count")) for row in rows)
        return Calls(total, min(failed, total)) if rows else None

    def troubles(self, function: EdgeFunction, since: datetime, until: datetime, limit: int) -> Sequence[LogLine]:
        rows = self._asked(_TROUBLES.format(id=_checked(function.id), limit=limit), since, until)
        return _newest(rows, limit)

    def platform_page(self) -> str:
        return f"https://supabase.com/dashboard/project/{self._ref}/logs/explorer"

    def platform(self, since: datetime, until: datetime, limit: int) -> Sequence[PlatformLog]:
        return [PlatformLog(name, self._errors_of(name, since, until, limit)) for name in _PLATFORM]

    def _errors_of(self, name: str, since: datetime, until: datetime, limit: int) -> Sequence[LogLine]:
        table, more, level, bad = _PLATFORM[name]
        sql = _ERRORS_OF.format(table=table, more=more, level=level, bad=bad, limit=limit)
        return _newest(self._asked(sql, since, until), limit)

    def _asked(self, sql: str, since: datetime, until: datetime) -> Sequence[LogAnswerRow]:
        start = max(since, until - LONGEST_LOOK + timedelta(minutes=1))
        times = {"iso_timestamp_start": _iso(start), "iso_timestamp_end": _iso(until)}
        return self._result("logs.all", {"sql": sql, **times})

    def _result(self, endpoint: str, params: Mapping[str, str]) -> Sequence[LogAnswerRow]:
        """The rows of one question. An answer of 200 can hold an error."""
        reply = self._client.request("GET", f"{self._home}/analytics/endpoints/{endpoint}", params=params)
        document = reply.json()
        if isinstance(document, dict) and document.get("error"):
            raise ServiceError(
                f"Supabase could not answer a question about its logs ({endpoint})",
                where=self._client.host,
                next_step=f"Open the logs at https://supabase.com/dashboard/project/{self._ref}/functions.",
            )
        return entries(document, "result")


def _function(row: FunctionListed) -> EdgeFunction:
    state = str(row.get("status") or "")
    version, changed = row.get("version"), row.get("updated_at")
    return EdgeFunction(
        id=str(row["id"]),
        name=str(row["slug"]),
        active=state == "ACTIVE",
        state=state,
        version=version if isinstance(version, int) else None,
        changed_at=_moment(changed * 1000) if isinstance(changed, int | float) else None,
    )


def _calls(total: int, statuses: Mapping[int, int]) -> Calls:
    failed = sum(count for status, count in statuses.items() if status >= 500)
    return Calls(total, failed, {status: statuses[status] for status in sorted(statuses) if status >= 400})


def _newest(rows: Sequence[LogAnswerRow], limit: int) -> Sequence[LogLine]:
    """The rows that can be read as lines, oldest first."""
    lines = (line for row in rows if (line := _line(row)) is not None)
    return sorted(lines, key=lambda line: line.at)[-limit:]


def _line(row: LogAnswerRow) -> LogLine | None:
    moment = _moment(row.get("timestamp"))
    if moment is None:
        return None
    return LogLine(moment, str(row.get("level") or "error"), str(row.get("event_message") or "").strip())


def _moment(value: object) -> datetime | None:
    """Microseconds since 1970, or the same as text."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1_000_000, UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: object) -> int:
    try:
        return int(value) if isinstance(value, int | float | str) else 0
    except ValueError:
        return 0


def _checked(function_id: str) -> str:
    """The id, which goes into SQL between quotes. Raises ``ServiceError`` for one that would end them."""
    if not _PLAIN_ID.fullmatch(function_id):
        raise ServiceError("Supabase names a function by an id that is none", where="functions")
    return function_id


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
