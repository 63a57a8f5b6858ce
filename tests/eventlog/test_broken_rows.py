"""Rows as they come: whatever stands in a table, no reader stops, and nothing is left out without a word."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.cli.shared.options import is_text
from releaseguard.eventlog.counts import count_minutes
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.rows.detail import MOST_LEVELS, MOST_MEMBERS, MOST_OF_ONE, detail_of, is_unread
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Outcome
from releaseguard_events.plain import CUT
from releaseguard_events.stores.table import COLUMNS, EventTable
from tests.support.extent import examples

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(seconds=30)
EVERY = timedelta(days=4000)

TABLE = EventTable(table="app_rows", columns={"source": "source"})
"""The app's own table, in which every column may be null."""
POSTGRES_TYPES = {
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
    "latency_ms": "numeric",
    "synthetic": "boolean",
    "detail": "jsonb",
}


@dataclass(frozen=True)
class Case:
    """One row: what differs from a sound one, as SQL, and what becomes of it."""

    name: str
    sqlite: Mapping[str, str] = field(default_factory=dict)
    postgres: Mapping[str, str] = field(default_factory=dict)
    aside: str | None = None
    """The column for which it is set aside."""
    reads: Mapping[str, Any] = field(default_factory=dict)
    """What differs from a sound event where it is not."""

    def given(self, kind: str) -> Mapping[str, str] | None:
        return (self.sqlite if kind == "sqlite" else self.postgres) or None


def both(name: str, changes: Mapping[str, str], **expected: Any) -> Case:
    return Case(name, changes, changes, **expected)


TWICE = '\'"{\\"secret_version\\": 3}"\''
DEEP = "[" * 10_000
NESTED = '{"a":' * 900 + "1" + "}" * 900
UNRECORDED = {"recorded_at": None}
NO_NUMBERS = {"detail": {"a": None, "b": None}}
CASES = [
    both("sound", {"source": "'web'"}),
    # A row without one of the four
    both("no time", {"occurred_at": "NULL"}, aside="occurred_at"),
    both("no provider", {"provider": "NULL"}, aside="provider"),
    both("an empty provider", {"provider": "''"}, aside="provider"),
    both("no event", {"event": "NULL"}, aside="event"),
    both("no outcome", {"outcome": "NULL"}, aside="outcome"),
    both("an outcome outside of the vocabulary", {"outcome": "'degraded'"}, aside="outcome"),
    both("an outcome in capitals", {"outcome": "'SUCCESS'"}, aside="outcome"),
    Case("a time without end", postgres={"occurred_at": "'infinity'"}, aside="occurred_at"),
    Case("a time without beginning", postgres={"occurred_at": "'-infinity'"}, aside="occurred_at"),
    Case("a time before Christ", postgres={"occurred_at": "'0044-03-15 00:00:00+00 BC'"}, aside="occurred_at"),
    Case("the year 10000", postgres={"occurred_at": "'10000-01-01 00:00:00+00'"}, aside="occurred_at"),
    Case("a word for a time", {"occurred_at": "'just now'"}, aside="occurred_at"),
    Case("a number for a time", {"occurred_at": "1764000000"}, aside="occurred_at"),
    Case("bytes for a time", {"occurred_at": "x'323032362d31312d32345431323a30303a30305a'"}, aside="occurred_at"),
    Case("a day that no month has", {"occurred_at": "'2026-02-30T12:00:00.000000Z'"}, aside="occurred_at"),
    Case("an hour that no day has", {"occurred_at": "'2026-11-24T24:10:00.000000Z'"}, aside="occurred_at"),
    Case("a time without its zone", {"occurred_at": "'2026-11-24T12:00:00'"}, aside="occurred_at"),
    Case("a time of another zone", {"occurred_at": "'2026-11-24T12:00:00+03:00'"}, aside="occurred_at"),
    Case("a week for a day", {"occurred_at": "'2026-W48-2T12:00:00Z'"}, aside="occurred_at"),
    Case("the year 0", {"occurred_at": "'0000-01-01T12:00:00.000000Z'"}, aside="occurred_at"),
    Case("bytes for a provider", {"provider": "x'73656e6467726964'"}, aside="provider"),
    Case("a number for an event", {"event": "7"}, aside="event"),
    Case("bytes for an outcome", {"outcome": "x'73756363657373'"}, aside="outcome"),
    # A field that is set aside, and the row counts
    both("no id", {"id": "NULL"}),
    both("a word for an id", {"id": "'row 17'"}),
    both("no time of recording", {"recorded_at": "NULL"}, reads=UNRECORDED),
    Case("recorded at no time", postgres={"recorded_at": "'infinity'"}, reads=UNRECORDED),
    Case("recorded before all time", postgres={"recorded_at": "'-infinity'"}, reads=UNRECORDED),
    Case("recorded in the year 10000", postgres={"recorded_at": "'10000-01-01 00:00:00+00'"}, reads=UNRECORDED),
    Case("recorded before Christ", postgres={"recorded_at": "'0044-03-15 00:00:00+00 BC'"}, reads=UNRECORDED),
    Case("recorded just now", {"recorded_at": "'just now'"}, reads=UNRECORDED),
    Case("recorded at a number", {"recorded_at": "2026.5"}, reads=UNRECORDED),
    Case("recorded at bytes", {"recorded_at": "x'ff'"}, reads=UNRECORDED),
    Case("recorded on no day", {"recorded_at": "'2026-02-30T12:00:00.000000Z'"}, reads=UNRECORDED),
    both("no environment", {"environment": "NULL"}, reads={"environment": ""}),
    both("no synthetic", {"synthetic": "NULL"}),
    Case("a word for synthetic", {"synthetic": "'perhaps'"}),
    both("a latency with a fraction", {"latency_ms": "87.4"}, reads={"latency_ms": 87}),
    both("a latency out of all bounds", {"latency_ms": "1e30"}),
    Case("a latency that is not a number", {"latency_ms": "'NaN'"}, {"latency_ms": "'NaN'"}),
    Case("bytes for a latency", {"latency_ms": "x'ff'"}),
    Case("bytes for a release", {"release": "x'ff00'"}),
    Case("a number for an error code", {"error_code": "401"}, reads={"error_code": "401"}),
    Case("text that is no UTF-8", {"release": "CAST(x'61ff62' AS TEXT)"}, reads={"release": "a\ufffdb"}),
    both("detail that is null", {"detail": "NULL"}),
    both("detail that is JSON's null", {"detail": "'null'"}),
    both("detail that is a list", {"detail": "'[1]'"}),
    both("detail that is a number", {"detail": "'7'"}),
    both("detail that is a text", {"detail": "'\"broken\"'"}),
    both("detail that is a text of an object", {"detail": TWICE}, reads={"detail": {"secret_version": 3}}),
    Case("detail that is not JSON", {"detail": "'{secret_version'"}),
    Case("detail with infinities", {"detail": "'{\"a\": NaN, \"b\": 1e999}'"}, reads=NO_NUMBERS),
    Case("bytes for detail", {"detail": "x'7b7d'"}),
    Case("detail of many levels", {"detail": f"'{DEEP}'"}, {"detail": f"'{NESTED}'"}, reads={"detail": Ellipsis}),
    both("a release of a megabyte", {"release": f"'{'a' * 10**6}'"}, reads={"release": Ellipsis}),
]  # fmt: skip


class Broken:
    """A table of such rows in one store."""

    def __init__(self, store: Any) -> None:
        self.store = store
        columns = ", ".join(
            name if store.kind == "sqlite" else f"{name} {POSTGRES_TYPES.get(name, 'text')}" for name in COLUMNS
        )
        store.sql(f"CREATE TABLE app_rows ({columns})")
        self.log: EventLog = store.empty(TABLE)

    def add(self, number: int, changes: Mapping[str, str]) -> None:
        sound = {
            "id": f"'{UUID(int=number)}'",
            "occurred_at": "'2026-11-24T12:00:00.000000Z'",
            "recorded_at": "'2026-11-24T12:00:30.000000Z'",
            "provider": "'sendgrid'",
            "event": "'sendgrid_email_sent'",
            "outcome": "'success'",
            "environment": "'production'",
            "source": "'web'",
            "synthetic": "0" if self.store.kind == "sqlite" else "false",
            "detail": "'{}'",
        }
        row = sound | changes
        self.store.sql(f"INSERT INTO app_rows ({', '.join(row)}) VALUES ({', '.join(row.values())})")

    def only(self, changes: Mapping[str, str]) -> EventLog:
        self.store.sql("DELETE FROM app_rows")
        self.add(1, changes)
        return self.log


@pytest.fixture
def broken(store: Any) -> Broken:
    return Broken(store)


def test_every_broken_row_is_read_or_set_aside_and_never_both(broken: Broken) -> None:
    cases = [case for case in CASES if case.given(broken.store.kind)]
    for case in cases:
        log = broken.only(case.given(broken.store.kind) or {})
        read, aside = list(log.select(Query())), list(log.set_aside(Query()))
        assert [one.column for one in aside] == ([case.aside] if case.aside else []), case.name
        assert len(read) == (0 if case.aside else 1), case.name
        counted = list(log.minute_counts(Query()))
        assert sum(one.count for one in counted) == len(read), case.name
        if not case.aside:
            must_read(read[0], case)


def must_read(event: Any, case: Case) -> None:
    sound = {
        "occurred_at": NOON,
        "recorded_at": LATER,
        "provider": "sendgrid",
        "event": "sendgrid_email_sent",
        "outcome": Outcome.SUCCESS,
        "error_code": None,
        "latency_ms": None,
        "environment": "production",
        "release": None,
        "source": "web",
        "correlation_id": None,
        "synthetic": False,
        "detail": {},
    }
    for column, expected in {**sound, **case.reads}.items():
        assert expected is Ellipsis or getattr(event, column) == expected, (case.name, column)


def test_one_table_of_all_of_them_is_read_counted_and_told(broken: Broken) -> None:
    cases = [(number, case) for number, case in enumerate(CASES, 1) if case.given(broken.store.kind)]
    for number, case in cases:
        broken.add(number, case.given(broken.store.kind) or {})
    read = list(broken.log.select(Query()))
    aside = list(broken.log.set_aside(Query()))
    assert len(read) + len(aside) == len(cases)
    assert len({event.id for event in read}) == len(read)
    assert [one.row for one in aside] == sorted(str(UUID(int=number)) for number, case in cases if case.aside)
    counted = list(broken.log.minute_counts(Query()))
    assert sum(one.count for one in counted) == len(read)
    mine = Query(environment="production", recorded_until=NOON + timedelta(days=1))
    known = list(broken.log.select(mine))
    assert sum(one.count for one in broken.log.minute_counts(mine)) == len(known)
    assert sorted(map(repr, merged(count_minutes(known)))) == sorted(map(repr, merged(broken.log.minute_counts(mine))))


def merged(counts: Any) -> Any:
    """Groups that differ only in what cannot be read are one."""
    sums: dict[Any, int] = {}
    for one in counts:
        key = (one.occurred_minute, one.recorded_minute, one.provider, one.event, one.outcome, one.release)
        sums[key] = sums.get(key, 0) + one.count
    return sums.items()


def test_the_newest_rows_are_as_many_as_asked_for_beside_broken_ones(broken: Broken) -> None:
    for number in range(1, 7):
        broken.add(number, {"outcome": "'fine'"} if number > 3 else {})
    assert [event.id.int for event in broken.log.select(Query(newest_first=True, limit=2))] == [3, 2]


def test_pages_of_broken_rows_neither_skip_nor_repeat(store: Any) -> None:
    """More rows than a page, most of them of no outcome and of no time."""
    broken = Broken(store)
    series = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
        if store.kind == "sqlite"
        else "WITH n AS (SELECT generate_series(1, 2500) i)"
    )
    shape = "printf('%032d', i)" if store.kind == "sqlite" else "lpad(i::text, 32, '0')"
    time = "'2026-11-24T12:00:00.000000Z'" if store.kind == "sqlite" else "'2026-11-24T12:00:00Z'::timestamptz"
    store.sql(
        f"{series} INSERT INTO app_rows (id, occurred_at, recorded_at, provider, event, outcome, environment)"
        f" SELECT {shape}, CASE WHEN i % 3 = 0 THEN {time} END, {time}, 'p', 'e',"
        " CASE WHEN i % 2 = 0 THEN 'success' ELSE 'odd' END, 'production' FROM n"
    )
    for newest_first in (False, True):
        assert len({one.id for one in broken.log.select(Query(newest_first=newest_first))}) == 2500 // 6
    assert len(list(broken.log.select(Query(newest_first=True, limit=50)))) == 50
    assert len({one.row for one in broken.log.set_aside(Query())}) == 2500 - 2500 // 6


ASKED: list[tuple[str, Mapping[str, str], Query, str | None]] = [
    ("another provider's", {"outcome": "'odd'"}, Query(providers=["twilio"]), None),
    ("this provider's", {"outcome": "'odd'"}, Query(providers=["sendgrid"]), "outcome"),
    ("perhaps this provider's", {"provider": "NULL"}, Query(providers=["twilio"]), "provider"),
    ("perhaps an error", {"outcome": "'odd'"}, Query(outcome=Outcome.ERROR), "outcome"),
    ("certainly no error", {"event": "NULL"}, Query(outcome=Outcome.ERROR), None),
    ("of another environment", {"outcome": "'odd'"}, Query(environment="staging"), None),
    ("perhaps of this environment", {"environment": "NULL"}, Query(environment="staging"), "environment"),
    ("before that time", {"outcome": "'odd'"}, Query(since=NOON + timedelta(seconds=1)), None),
    ("recorded before that time", {"occurred_at": "NULL"}, Query(since=LATER + timedelta(seconds=1)), None),
    ("recorded after that time", {"occurred_at": "NULL"}, Query(since=NOON), "occurred_at"),
    ("at no time", {"occurred_at": "NULL", "recorded_at": "NULL"}, Query(since=NOON + EVERY), "occurred_at"),
    ("recorded before", {"outcome": "'odd'"}, Query(recorded_since=LATER + timedelta(seconds=1)), None),
    ("recorded at no time", {"outcome": "'odd'", "recorded_at": "NULL"}, Query(recorded_since=NOON), "outcome"),
    ("known by then", {"outcome": "'odd'"}, Query(recorded_until=LATER), "outcome"),
    ("known later", {"outcome": "'odd'"}, Query(recorded_until=NOON), None),
    ("perhaps known by then", {"recorded_at": "NULL"}, Query(recorded_until=NOON), "recorded_at"),
]


def test_a_row_is_told_of_where_it_may_be_what_was_asked_for(broken: Broken) -> None:
    for name, changes, query, column in ASKED:
        log = broken.only(changes)
        assert [one.column for one in log.set_aside(query)] == ([column] if column else []), name


def test_what_is_known_only_to_be_recorded_at_no_time_is_never_known_earlier(broken: Broken) -> None:
    """And for what came since it counts by the time of its writer, once."""
    times = ["NULL"] + (["'infinity'", "'-infinity'"] if broken.store.kind != "sqlite" else ["'x'"])
    for time in times:
        log = broken.only({"recorded_at": time})
        assert list(log.select(Query(recorded_until=NOON + EVERY))) == []
        assert list(log.minute_counts(Query(recorded_until=NOON + EVERY))) == []
        assert len(list(log.select(Query(recorded_since=NOON)))) == 1
        assert list(log.select(Query(recorded_since=NOON + timedelta(seconds=1)))) == []


def test_a_set_aside_row_says_what_can_be_read_of_it_and_repeats_nothing_private(broken: Broken) -> None:
    log = broken.only({"outcome": "'ayse@example.org'", "error_code": "'401'", "source": "'web'"})
    (one,) = log.set_aside(Query())
    assert (one.row, one.column, one.provider, one.event) == (
        str(UUID(int=1)), "outcome", "sendgrid", "sendgrid_email_sent",
    )  # fmt: skip
    assert (one.outcome, one.error_code, one.source, one.occurred_at) == (None, "401", "web", NOON)
    assert "ayse" not in repr(one)


def test_rows_with_one_id_that_is_none_stay_the_same_row(broken: Broken) -> None:
    log = broken.only({"id": "'row 17'"})
    first, again = (next(iter(log.select(Query()))) for _ in range(2))
    assert first.id == again.id


def test_our_own_broken_rows_are_set_aside_or_read_and_never_cut(broken: Broken) -> None:
    log = broken.only({"provider": f"'{OURSELVES}'", "outcome": "'fine'"})
    assert [one.provider for one in log.set_aside(Query(providers=[OURSELVES]))] == [OURSELVES]
    assert list(log.select(Query(providers=[OURSELVES]))) == []
    many = json.dumps({f"k{number}": number for number in range(3 * MOST_MEMBERS)})
    (own,) = broken.only({"provider": f"'{OURSELVES}'", "detail": f"'{many}'"}).select(Query())
    assert len(own.detail) == 3 * MOST_MEMBERS
    (theirs,) = broken.only({"detail": f"'{many}'"}).select(Query())
    assert len(theirs.detail) <= MOST_MEMBERS + 1


def test_detail_is_asked_for_whatever_else_stands_in_the_table(broken: Broken) -> None:
    if broken.store.kind == "sqlite":
        broken.add(1, {"detail": "'{broken'"})
        broken.add(2, {"detail": "x'ff'"})
    broken.add(3, {"detail": TWICE})
    broken.add(4, {"detail": "'[1]'"})
    broken.add(5, {"detail": "'{\"secret_version\": 3}'"})
    broken.add(6, {"detail": "'\"no object\"'"})
    found = [event.id.int for event in broken.log.select(Query(detail={"secret_version": "3"}))]
    # PostgREST's filters do not see into a text.
    assert found == ([5] if broken.store.kind == "rest" else [3, 5])


SOUND: dict[str, Any] = {
    "id": str(UUID(int=1)),
    "occurred_at": "2026-11-24T12:00:00.000000Z",
    "recorded_at": "2026-11-24T12:00:30.000000Z",
    "provider": "sendgrid",
    "event": "sendgrid_email_sent",
    "outcome": "success",
    "environment": "production",
    "detail": "{}",
}
times = st.from_regex(
    r"[0-9]{4}-[0-3][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,7})?)?(Z|\+0[0-3]:00)?\n?"
)
anything = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=12)
    | st.text(max_size=12).filter(is_text)
    | times
    | st.sampled_from(["", "success", "error", "client", "{}", "[1]", '"{}"', '{"a": 1}', "releaseguard", "infinity"])
)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), anything, max_size=3), min_size=1, max_size=6))
def test_every_row_of_whatever_values_is_read_or_set_aside(sqlite_store: Any, rows: list[dict[str, Any]]) -> None:
    with closing(sqlite3.connect(sqlite_store.path)) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS app_rows ({', '.join(COLUMNS)})")
        connection.execute("DELETE FROM app_rows")
        for changes in rows:
            row = SOUND | changes
            statement = f"INSERT INTO app_rows ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
            connection.execute(statement, list(row.values()))
    log = sqlite_store.empty(TABLE)
    read, aside = list(log.select(Query())), list(log.set_aside(Query()))
    assert len(read) + len(aside) == len(rows)
    counted = list(log.minute_counts(Query()))
    assert sum(one.count + one.repeats for one in counted) == sum(one.provider != OURSELVES for one in read)
    for query in (
        Query(since=NOON, until=LATER),
        Query(recorded_since=NOON),
        Query(recorded_until=NOON, synthetic=False),
    ):
        among = [*log.select(query), *log.set_aside(query), *log.minute_counts(query)]
        assert len(among) <= 3 * len(rows)
    assert list(log.select(Query(detail={"a": "1"}))) == [one for one in read if one.detail.get("a") == 1]


def test_a_detail_is_bounded_and_keeps_what_a_proof_rests_on() -> None:
    many = {f"k{number}": number for number in range(50_000)} | {"secret_version": 7}
    read = detail_of(json.dumps(many))
    assert read[CUT] is True
    assert not is_unread(read)
    assert read["secret_version"] == 7
    assert len(read) <= MOST_MEMBERS + 2
    deep = detail_of('{"a": ' + "[" * 200 + "]" * 200 + "}")
    assert json.dumps(deep).count("[") <= MOST_LEVELS + 1
    assert len(detail_of(json.dumps({"message": "word " * 200_000}))["message"]) <= MOST_OF_ONE


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda: "{" + ",".join(f'"k{number}":1' for number in range(500_000)) + "}", id="many members"),
        pytest.param(lambda: '{"a":' * 100_000, id="open objects"),
        pytest.param(lambda: "[" * 10_000, id="open lists"),
        pytest.param(lambda: '{"a": ' + "9" * 5_000 + "}", id="a long number"),
        pytest.param(lambda: '"' * 7, id="quotes"),
        pytest.param(lambda: json.dumps("{}" * 9), id="a text"),
    ],
)
def test_no_text_is_too_much_to_read(text: Callable[[], str]) -> None:
    read = detail_of(text())
    assert read in ({}, {"a": None}) or is_unread(read)


MOMENTS = ("now", "NOW", "now\0", " now", "", "12:00", "2460000.5", "9999-99-99T99:99:99", b"now", 5)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("column", ["occurred_at", "recorded_at"])
def test_no_time_that_an_app_writes_into_sqlite_is_refused_by_what_stands_beside_the_table(tmp_path, column, moment):
    row = {"occurred_at": "2026-11-29T08:00:00.000000Z", "recorded_at": "2026-11-29T08:00:00.000000Z", column: moment}
    values = (*row.values(), "sendgrid", "sendgrid_email_sent", "success", "production", "1")
    with SqliteEventLog(tmp_path / "events.db") as log:
        log.migrate()
        with closing(sqlite3.connect(tmp_path / "events.db")) as app, app:
            app.execute(
                "INSERT INTO integration_events (occurred_at, recorded_at, provider, event, outcome, environment, id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        assert [one.column for one in log.set_aside(Query())] == [one for one in [column] if one == "occurred_at"]


def test_the_calendars_first_and_last_minutes_are_minutes_like_others(store: Any) -> None:
    """A row of then was the end of every command that counts: there is no time after the last minute."""
    log = store.log()
    ends = ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
    for number, at in enumerate([*ends, "2026-11-24T12:00:00.000000Z"], 1):
        store.unguarded(
            "INSERT INTO integration_events (id, occurred_at, recorded_at, provider, event, outcome, environment)"
            f" VALUES ('{UUID(int=number)}', '{at}', '2026-11-24T12:00:30.000000Z', 'p', 'e', 'success', 'production')"
        )
    log.migrate() if store.kind != "rest" else None
    for query in (Query(), Query(recorded_until=NOON + EVERY), Query(since=NOON), Query(until=LATER)):
        wanted = list(count_minutes(log.select(query)))
        assert merged(log.minute_counts(query)) == merged(wanted)
        assert sum(sum(hour.counts) for hour in log.hour_counts(query)) == len(wanted)
