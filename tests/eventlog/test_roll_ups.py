"""What is rolled up equals a count of the rows, whatever is done to them, by whom, and whoever is killed at it."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.errors import ServiceError
from releaseguard.eventlog.counts import MinuteCount, count_minutes
from releaseguard.eventlog.hours import HourCount, hours_of
from releaseguard.eventlog.interface import EVERY_COUNT, EventLog, Needs, Query
from releaseguard.eventlog.latencies import merged
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.eventlog.stores.rolling.sqlite import RollUps
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, by_phones, to_text
from releaseguard.secret import Secret
from releaseguard.services.supabase.event_log import SupabaseEventLog
from tests.support import postgres, postgrest
from tests.support.extent import examples

NOON = datetime(2024, 11, 24, 11, 58, tzinfo=UTC)
"""Before the hour, so that a handful of minutes is in two."""
COLUMNS = (
    "id, occurred_at, recorded_at, provider, event, outcome, environment, release, source, correlation_id, synthetic,"
    " latency_ms"
)

uses = st.builds(
    Event,
    id=st.integers(1, 40).map(lambda number: UUID(int=number)),
    occurred_at=st.integers(0, 11).map(lambda step: NOON + timedelta(seconds=20 * step)),
    recorded_at=st.integers(12, 24).map(lambda step: NOON + timedelta(seconds=20 * step)),
    provider=st.sampled_from(["sendgrid", "twilio", "releaseguard"]),
    event=st.sampled_from(["sent", "error"]),
    outcome=st.sampled_from(Outcome),
    environment=st.sampled_from(["production", "staging"]),
    release=st.sampled_from([None, "r1"]),
    source=st.sampled_from([None, "web", "client", "Client "]),
    correlation_id=st.sampled_from([None, "a", "b"]),
    synthetic=st.booleans(),
    latency_ms=st.one_of(st.none(), st.integers(-1, 130), st.sampled_from([4_000, 4_010, 2**31 - 1])),
)
batches = st.lists(uses, min_size=1, max_size=6)
writers = st.integers(0, 2)
steps = st.one_of(
    st.tuples(st.just("insert"), writers, batches),
    st.tuples(st.just("commit"), writers),
    st.tuples(st.just("give up"), writers),
    st.tuples(st.just("kill"), writers),
    st.tuples(st.just("delete"), writers, st.integers(0, 11)),
    st.tuples(st.just("move"), writers, st.integers(1, 40), st.integers(0, 11)),
    st.tuples(st.just("prune"), st.integers(0, 11)),
    st.tuples(st.just("roll up")),
)
QUESTIONS = (
    Query(),
    Query(environment="production", since=NOON + timedelta(seconds=30), until=NOON + timedelta(seconds=170)),
    Query(providers=["twilio"], recorded_until=NOON + timedelta(seconds=333)),
    Query(release="r1", synthetic=False, since=NOON + timedelta(minutes=1)),
    Query(by_deployment=True),
)


class Marked(Protocol):
    """A database with writers of its own beside the log."""

    log: EventLog

    def begin(self) -> Any:
        """A connection in a transaction."""

    def roll_up(self) -> None: ...

    mark: str
    """A parameter in SQL."""
    one_writer: bool


@dataclass
class Scene:
    """Three writers at once on a base, and what they leave open."""

    base: Marked
    open: dict[int, Any] = field(default_factory=dict)

    def writer(self, number: int) -> Any:
        if self.base.one_writer:
            for other in set(self.open) - {number}:
                self.commit(other)
        return self.open.setdefault(number, None) or self.open.update({number: self.base.begin()}) or self.open[number]

    def insert(self, number: int, rows: Sequence[Event]) -> None:
        marks = ", ".join([self.base.mark] * 12)
        writer = self.writer(number)
        for row in rows:
            at = (to_text(row.occurred_at), to_text(row.recorded_at or NOON))
            named = (row.provider, row.event, str(row.outcome), row.environment, row.release, row.source)
            values = (str(self._free(number, row)), *at, *named, row.correlation_id, row.synthetic, row.latency_ms)
            if row.provider != "releaseguard":
                statement = f"INSERT INTO integration_events ({COLUMNS}) VALUES ({marks}) ON CONFLICT DO NOTHING"
                writer.execute(statement, values)

    def _free(self, number: int, row: Event) -> UUID:
        """Another's open row of the same id would be waited for."""
        return uuid4() if set(self.open) - {number} else row.id

    def commit(self, number: int) -> None:
        if (writer := self.open.pop(number, None)) is not None:
            writer.commit()
            writer.close()

    def give_up(self, number: int) -> None:
        if (writer := self.open.pop(number, None)) is not None:
            writer.rollback()
            writer.close()

    def kill(self, number: int) -> None:
        if (writer := self.open.pop(number, None)) is not None:
            writer.close()

    def delete(self, number: int, step: int) -> None:
        self._alone(number, "DELETE FROM integration_events WHERE occurred_at = {}", _at(step))

    def move(self, number: int, row: int, step: int) -> None:
        changed = "UPDATE integration_events SET occurred_at = {} WHERE id = {}"
        self._alone(number, changed, _at(step), str(UUID(int=row)))

    def prune(self, step: int) -> None:
        self.settle()
        self.base.log.prune(NOON + timedelta(seconds=20 * step))

    def roll_up(self) -> None:
        if self.base.one_writer:
            self.settle()
        self.base.roll_up()

    def settle(self) -> None:
        for number in list(self.open):
            self.commit(number)

    def _alone(self, number: int, statement: str, *values: str) -> None:
        """Nobody else's open rows, which would be waited for."""
        for other in set(self.open) - {number}:
            self.commit(other)
        self.writer(number).execute(statement.format(*[self.base.mark] * len(values)), values)


def _at(step: int) -> str:
    return to_text(NOON + timedelta(seconds=20 * step))


def check(log: EventLog) -> None:
    """Every question is answered as a count of the rows in memory answers it."""
    every: list[tuple[Query, Sequence[MinuteCount]]] = []
    for query in QUESTIONS:
        counted = list(count_minutes(log.select(query), by_deployment=query.by_deployment))
        read = list(log.minute_counts(query))
        assert sorted(map(_whole, read)) == sorted(map(_whole, counted))
        assert [one.occurred_minute for one in read] == sorted(one.occurred_minute for one in read)
        assert sorted(map(repr, log.hour_counts(query))) == sorted(map(repr, hours_of(counted)))
        if not query.by_deployment:
            every.append((replace(query, needs=SERVERS_AS_ONE), counted))
    told = log.counts_of_each([query for query, _ in every], [query for query, _ in every])
    for (_, counted), hours, minutes in zip(every, told.hours, told.minutes, strict=True):
        assert _as_one(minutes) == _as_one(counted)
        assert _courses(hours) == _courses(hours_of(counted))


def _writer(source: str | None) -> str | None:
    return "client" if by_phones(source) else None


SERVERS_AS_ONE = Needs(writer=_writer, servers_are_one=True)


def _as_one(rows: Iterable[MinuteCount]) -> dict[object, object]:
    """What the counts of all servers come to, and those of all phones."""
    found: defaultdict[object, list[MinuteCount]] = defaultdict(list)
    for row in rows:
        named = row.environment, row.provider, row.event, row.outcome, row.release, row.synthetic, _writer(row.source)
        found[row.occurred_minute, row.recorded_minute, *named].append(row)
    figures = {
        kind: (*(sum(getattr(one, name) for one in alike) for name in ("count", "repeats", "trials", "squares")),)
        for kind, alike in found.items()
    }
    times = {kind: merged(one.latency or () for one in alike) for kind, alike in found.items()}
    return {kind: (*many, times[kind]) for kind, many in figures.items() if any(many)}


def _courses(hours: Iterable[HourCount]) -> dict[object, object]:
    found: defaultdict[object, Counter[tuple[str, int]]] = defaultdict(Counter)
    for hour in hours:
        named = hour.environment, hour.provider, hour.event, hour.outcome, hour.release, hour.synthetic
        minutes = found[hour.hour, *named, _writer(hour.source)]
        for what, course in (("rows", hour.counts), ("trials", hour.trials)):
            minutes.update({(what, at): many for at, many in enumerate(course) if many})
    every = {kind: {at: many for at, many in minutes.items() if many} for kind, minutes in found.items()}
    return {kind: minutes for kind, minutes in every.items() if minutes}


def _whole(row: MinuteCount) -> str:
    return f"{row!r} {row.latency}"


def play(base: Marked, script: Sequence[tuple[Any, ...]]) -> None:
    scene = Scene(base)
    do: dict[str, Callable[..., None]] = {
        "insert": scene.insert,
        "commit": scene.commit,
        "give up": scene.give_up,
        "kill": scene.kill,
        "delete": scene.delete,
        "move": scene.move,
        "prune": scene.prune,
        "roll up": scene.roll_up,
    }
    try:
        for name, *values in script:
            do[name](*values)
            if not (base.one_writer and scene.open):
                check(base.log)
        scene.settle()
        check(base.log)
        base.roll_up()
        check(base.log)
    finally:
        for writer in scene.open.values():
            writer.close()


class SqliteBase:
    mark, one_writer = "?", True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log: EventLog = SqliteEventLog(path)
        self.log.migrate()

    def begin(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    def roll_up(self) -> None:
        list(self.log.hour_counts(Query()))


class PostgresBase:
    mark, one_writer = "%s", False

    def __init__(self, url: str) -> None:
        self.url = url
        self.log: EventLog = PostgresEventLog(Secret(url))
        self.log.migrate()

    def begin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url)

    def roll_up(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection, suppress(psycopg.Error):
            connection.execute("SELECT integration_events_roll_up(720, 'infinity')")


class RestBase(PostgresBase):
    def __init__(self, url: str, project: postgrest.PostgRest) -> None:
        super().__init__(url)
        self.log.close()
        self.log = SupabaseEventLog(project.url, Secret(project.key))


@pytest.fixture(scope="module")
def over_rest(cluster: postgres.Cluster) -> Iterator[RestBase]:
    url = cluster.new_database()
    with postgrest.serving(postgrest.PostgRest(url)) as project:
        base = RestBase(url, project)
        with closing(base.log):
            yield base


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="module")
def in_postgres(cluster: postgres.Cluster) -> Iterator[PostgresBase]:
    base = PostgresBase(cluster.new_database())
    with closing(base.log):
        yield base


@pytest.fixture(scope="module")
def in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteBase]:
    base = SqliteBase(tmp_path_factory.mktemp("log") / "log.db")
    with closing(base.log):
        yield base


plays = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@plays
@given(script=st.lists(steps, min_size=1, max_size=12))
def test_in_sqlite_whatever_is_done_to_the_rows(in_sqlite: SqliteBase, script: list[tuple[Any, ...]]) -> None:
    with closing(in_sqlite.begin()) as connection:
        connection.execute("DELETE FROM integration_events")
        connection.commit()
    play(in_sqlite, script)


@plays
@given(script=st.lists(steps, min_size=1, max_size=12))
def test_in_postgres_whatever_is_done_to_the_rows(in_postgres: PostgresBase, script: list[tuple[Any, ...]]) -> None:
    with in_postgres.begin() as connection:
        connection.execute("DELETE FROM integration_events")
    play(in_postgres, script)


@plays
@given(script=st.lists(steps, min_size=1, max_size=6))
def test_over_rest_whatever_is_done_to_the_rows(over_rest: RestBase, script: list[tuple[Any, ...]]) -> None:
    with over_rest.begin() as connection:
        connection.execute("DELETE FROM integration_events")
    play(over_rest, script)


def _rows(number: int, *, first: int = 0) -> list[Event]:
    return [
        Event(
            id=uuid4(),
            occurred_at=NOON + timedelta(seconds=7 * (first + each)),
            provider="twilio",
            event="sent",
            outcome=Outcome.SUCCESS,
            environment="production",
            latency_ms=90 + each,
        )
        for each in range(number)
    ]


FAULTS = {
    "the marks are gone": "DROP TABLE integration_events_touched",
    "the counts are gone": "DROP TABLE integration_events_hours",
    "those of all servers as one are gone": "DROP TABLE integration_events_joined",
    "what says that they hold is gone": "DROP TABLE integration_events_roll_ups",
    "all of it is gone": "DROP TABLE integration_events_touched, integration_events_hours, integration_events_roll_ups",
    "the marks are another table": (
        "ALTER TABLE integration_events_touched RENAME TO old;"
        " CREATE TABLE integration_events_touched (minute timestamptz)"
    ),
    "the marks take no more": "ALTER TABLE integration_events_touched ADD CHECK (false) NOT VALID",
    "faults cannot be told": (
        "DROP SEQUENCE integration_events_touch_faults;"
        " ALTER TABLE integration_events_touched ADD CHECK (false) NOT VALID"
    ),
    "the functions are gone": "DROP FUNCTION integration_events_counted, integration_events_roll_up",
    "nothing marks": "ALTER TABLE integration_events DISABLE TRIGGER USER",
    "nothing marked for a while": "ALTER TABLE integration_events DISABLE TRIGGER USER",
    "nothing marked for a while, and nobody says so": (
        "ALTER TABLE integration_events DISABLE TRIGGER ALL; DELETE FROM integration_events WHERE latency_ms < 100;"
        " ALTER TABLE integration_events ENABLE TRIGGER ALL"
    ),
    "rows go by way of a parent": (
        "CREATE TABLE every (LIKE integration_events); ALTER TABLE integration_events INHERIT every;"
        " DELETE FROM every WHERE latency_ms < 100"
    ),
    "a subscriber's rows fire nothing": (
        "CREATE SUBSCRIPTION elsewhere CONNECTION 'host=/nowhere' PUBLICATION events WITH (connect = false);"
        " INSERT INTO pg_subscription_rel VALUES ("
        "   (SELECT oid FROM pg_subscription), 'integration_events'::regclass, 'r', NULL);"
        " SET session_replication_role = replica; ALTER TABLE integration_events DISABLE TRIGGER ALL;"
        " DELETE FROM integration_events WHERE latency_ms < 100;"
        " ALTER TABLE integration_events ENABLE ALWAYS TRIGGER integration_events_touch_insert;"
        " ALTER TABLE integration_events ENABLE ALWAYS TRIGGER integration_events_touch_update;"
        " ALTER TABLE integration_events ENABLE ALWAYS TRIGGER integration_events_touch_delete;"
        " ALTER TABLE integration_events ENABLE ALWAYS TRIGGER integration_events_touch_truncate"
    ),
    "the table is emptied": "TRUNCATE integration_events",
}


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_of_theirs_stops_an_insert_or_changes_a_count(name: str, cluster: postgres.Cluster) -> None:
    base = PostgresBase(cluster.new_database())
    with closing(base.log) as log:
        log.append(_rows(30))
        base.roll_up()
        with psycopg.connect(base.url, autocommit=True) as connection:
            connection.execute(FAULTS[name])
        log.append(_rows(30, first=15))
        if name != "nothing marked for a while":
            check(log)
        log.migrate()
        log.append(_rows(3))
        base.roll_up()
        check(log)
    with closing(PostgresEventLog(Secret(base.url))) as later:
        check(later)


def test_who_holds_the_marks_holds_up_nobody(cluster: postgres.Cluster) -> None:
    base = PostgresBase(cluster.new_database())
    with closing(base.log) as log, base.begin() as holder:
        log.append(_rows(20))
        base.roll_up()
        holder.execute("LOCK TABLE integration_events_touched IN ACCESS EXCLUSIVE MODE")
        with psycopg.connect(base.url, options="-c statement_timeout=20s") as writer:
            for row in _rows(3):
                values = [str(row.id), row.occurred_at, "twilio", "sent", "success", "production"]
                columns = "id, occurred_at, provider, event, outcome, environment"
                writer.execute(f"INSERT INTO integration_events ({columns}) VALUES (%s, %s, %s, %s, %s, %s)", values)
        holder.rollback()
        check(log)


def test_nothing_is_believed_again_before_the_writer_is_done_whose_mark_failed(cluster: postgres.Cluster) -> None:
    base = PostgresBase(cluster.new_database())
    with closing(base.log) as log, base.begin() as writer:
        log.append(_rows(20))
        base.roll_up()
        with psycopg.connect(base.url, autocommit=True) as connection:
            connection.execute("ALTER TABLE integration_events_touched ADD CONSTRAINT no CHECK (false) NOT VALID")
            columns = "id, occurred_at, provider, event, outcome, environment"
            values = f"('{uuid4()}', '{NOON.isoformat()}', 'twilio', 'sent', 'success', 'production')"
            writer.execute(f"INSERT INTO integration_events ({columns}) VALUES {values}")
            connection.execute("ALTER TABLE integration_events_touched DROP CONSTRAINT no")
        base.roll_up()
        check(log)
        writer.commit()
        check(log)
        base.roll_up()
        check(log)


def test_who_may_only_read_the_rows_counts_them(cluster: postgres.Cluster) -> None:
    base = PostgresBase(cluster.new_database())
    with closing(base.log) as log:
        log.append(_rows(20))
        with psycopg.connect(base.url, autocommit=True) as connection:
            for statement in ("DROP ROLE IF EXISTS only_reads", "CREATE ROLE only_reads LOGIN"):
                connection.execute(statement)
            connection.execute("GRANT SELECT ON integration_events TO only_reads")
        with closing(PostgresEventLog(Secret(base.url.replace("postgres@", "only_reads@")))) as reader:
            check(reader)
        log.migrate()  # gives whoever reads the rows their counts as well
        with closing(PostgresEventLog(Secret(base.url.replace("postgres@", "only_reads@")))) as reader:
            check(reader)
        with psycopg.connect(base.url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY only_reads")
            connection.execute("DROP ROLE only_reads")


def test_minutes_that_stand_alone_are_counted_by_one_statement(cluster: postgres.Cluster) -> None:
    """Planned for each minute, the counting of a sparse week took twenty times as long as its rows."""
    base = PostgresBase(cluster.new_database())
    with closing(base.log):
        base.log.append([replace(row, occurred_at=NOON + n * timedelta(minutes=7)) for n, row in enumerate(_rows(9))])
        with psycopg.connect(base.url) as connection:
            connection.execute("SET track_functions = 'pl'")
            connection.execute("SELECT integration_events_roll_up(720, 'infinity')")
            counted = "SELECT calls FROM pg_stat_xact_user_functions WHERE funcname = 'integration_events_recount'"
            assert connection.execute(counted).fetchall() == [(1,)]
        assert _not_rolled_up(base) == 0
        check(base.log)


COUNTED_WITHOUT_LATENCIES = """UPDATE integration_events_hours SET detail = '[[58,58,1,0,1,1]]'"""
"""As a version before kept them."""


def test_what_an_older_version_has_counted_is_counted_anew(cluster: postgres.Cluster, tmp_path: Path) -> None:
    base, file = PostgresBase(cluster.new_database()), SqliteBase(tmp_path / "log.db")
    with closing(base.log), closing(file.log):
        for one in (base, file):
            one.log.append(_rows(30))
            one.roll_up()
            with closing(one.begin()) as connection:
                connection.execute(COUNTED_WITHOUT_LATENCIES)
                connection.execute("UPDATE integration_events_schema SET version = 3")
                connection.commit()
        with psycopg.connect(base.url) as connection:
            connection.execute("DROP FUNCTION integration_events_counted, integration_events_counts")
            was = "FUNCTION integration_events_counted(a timestamptz, b timestamptz) RETURNS TABLE (hour timestamptz)"
            connection.execute(f"CREATE {was} LANGUAGE sql AS 'SELECT a'")
        for one in (base, file):
            one.log.migrate()
            one.roll_up()
            check(one.log)


def test_what_a_version_counts_that_knows_nothing_of_servers_as_one_is_read_of_each_source(
    cluster: postgres.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, file = PostgresBase(cluster.new_database()), SqliteBase(tmp_path / "log.db")
    with closing(base.log), closing(file.log):
        for one in (base, file):
            one.log.append(_rows(30))
            one.roll_up()
        keep = RollUps._keep
        monkeypatch.setattr(RollUps, "_keep", lambda log, part, *given: part == "hours" and keep(log, part, *given))
        file.log.append(_rows(10, first=30))
        file.roll_up()
        with psycopg.connect(base.url) as connection:
            joined = "integration_events_joined"
            believed = "FUNCTION integration_events_rolled_up() RETURNS boolean LANGUAGE sql"
            connection.execute(f"CREATE OR REPLACE {believed} AS 'SELECT true'")
            connection.execute(f"DELETE FROM {joined}")
            state = f"relations = array_remove(relations, '{joined}'::regclass::oid)"
            connection.execute(f"UPDATE integration_events_roll_ups SET {state}")
        for one in (base, file):
            check(one.log)


def test_all_servers_are_one_row_of_an_hour(cluster: postgres.Cluster, tmp_path: Path) -> None:
    base, file = PostgresBase(cluster.new_database()), SqliteBase(tmp_path / "log.db")
    with closing(base.log), closing(file.log):
        for one in (base, file):
            sources = ("web", "worker", None, "client")
            rows = [replace(row, source=sources[number % 4]) for number, row in enumerate(_rows(40))]
            one.log.append(rows)
            one.roll_up()
            check(one.log)
            with closing(one.begin()) as connection:
                named = connection.execute("SELECT DISTINCT source FROM integration_events_joined").fetchall()
            assert {source for (source,) in named} == {None, "client"}


def test_what_was_recorded_since_a_moment_is_not_in_what_was_known_then(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    """Also where all of an hour was recorded in other minutes than the moment's, so that none is counted anew."""
    base, file = PostgresBase(cluster.new_database()), SqliteBase(tmp_path / "log.db")
    known = NOON + timedelta(minutes=4)
    late = [replace(row, recorded_at=known + timedelta(minutes=2 * (n % 2) - 1)) for n, row in enumerate(_rows(10))]
    with closing(base.log), closing(file.log):
        for one in (base, file):
            one.log.restore(late)
            one.roll_up()
            for needs in (EVERY_COUNT, SERVERS_AS_ONE):
                query = Query(recorded_until=known, needs=needs)
                told = one.log.counts_of_each([query], [query])
                assert sum(sum(hour.counts) for hour in told.hours[0]) == 5
                assert sum(row.count for row in told.minutes[0]) == 5


def _not_rolled_up(base: Marked) -> int:
    """Minutes that the next reading has to count."""
    new = " UNION SELECT substr(occurred_at, 1, 16) FROM integration_events, integration_events_roll_ups WHERE"
    in_a_file = f"{new} integration_events.rowid > upto" if isinstance(base, SqliteBase) else ""
    with closing(base.begin()) as connection:
        marked = f"SELECT minute FROM integration_events_touched{in_a_file}"
        (minutes,) = connection.execute(f"SELECT count(*) FROM ({marked}) m").fetchone()
    return int(minutes)


def test_what_is_restored_or_migrated_is_rolled_up_before_anybody_reads(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    base, file = PostgresBase(cluster.new_database()), SqliteBase(tmp_path / "log.db")
    with closing(base.log), closing(file.log):
        for one in (base, file):
            one.log.restore(_rows(30))
            assert _not_rolled_up(one) == 0
            one.log.append(_rows(30, first=15))
            assert _not_rolled_up(one) > 0
            one.log.migrate()
            assert _not_rolled_up(one) == 0
            check(one.log)


def test_what_is_restored_is_there_where_it_cannot_be_rolled_up(
    cluster: postgres.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ServiceError("the counts are broken")

    base, file = PostgresBase(cluster.new_database()), SqliteBase(tmp_path / "log.db")
    with closing(base.log), closing(file.log):
        for one in (base, file):
            monkeypatch.setattr(one.log, "_settle_counts", broken)
            assert one.log.restore(_rows(30)) == 30
            check(one.log)


def test_rolling_up_ends_while_minutes_are_marked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, passes = SqliteBase(tmp_path / "log.db"), []
    own = RollUps._count_some

    def meanwhile(rolled: RollUps, at_once: int) -> int:
        passes.append(at_once)
        assert len(passes) < 100
        counted = own(rolled, at_once)
        with closing(file.begin()) as others:
            others.execute("UPDATE integration_events SET latency_ms = coalesce(latency_ms, 0) + 1")
            others.commit()
        return counted

    with closing(file.log) as log:
        with monkeypatch.context() as patched:
            patched.setattr(RollUps, "_count_some", meanwhile)
            log.restore(_rows(30))
        assert passes
        check(log)


SQLITE_FAULTS = {
    "the marks are gone": ["DROP TABLE integration_events_touched"],
    "the counts are gone": ["DROP TABLE integration_events_hours"],
    "those of all servers as one are gone": ["DROP TABLE integration_events_joined"],
    "what says that they hold is gone": ["DROP TABLE integration_events_roll_ups"],
    "nothing marks": ["DROP TRIGGER integration_events_touch_delete"],
    "rows are numbered anew": ["DELETE FROM integration_events WHERE rowid % 3 = 0", "VACUUM"],
    "the last rows are taken away and come again": [
        "CREATE TABLE kept AS SELECT * FROM integration_events ORDER BY rowid DESC LIMIT 7",
        "DELETE FROM integration_events WHERE id IN (SELECT id FROM kept)",
        "UPDATE kept SET occurred_at = '2024-11-24T11:01:00.000000Z'",
        "INSERT INTO integration_events SELECT * FROM kept",
    ],
}


@pytest.mark.parametrize("fault", SQLITE_FAULTS.values(), ids=SQLITE_FAULTS)
def test_in_a_file_no_fault_of_theirs_stops_an_insert_or_changes_a_count(fault: list[str], tmp_path: Path) -> None:
    base = SqliteBase(tmp_path / "log.db")
    with closing(base.log) as log:
        log.append(_rows(30))
        base.roll_up()
        with closing(sqlite3.connect(base.path, isolation_level=None)) as connection:
            for statement in fault:
                connection.execute(statement)
        log.append(_rows(30, first=15))
        check(log)
        log.migrate()
        log.append(_rows(3))
        check(log)


def test_rows_that_were_replaced_in_another_minute_are_told_and_counted_anew(tmp_path: Path) -> None:
    base = SqliteBase(tmp_path / "log.db")
    with closing(base.log) as log:
        log.append(_rows(30))
        base.roll_up()
        columns = "id, provider, event, outcome, environment"
        with closing(sqlite3.connect(base.path)) as connection, connection:
            connection.execute(
                f"INSERT OR REPLACE INTO integration_events ({columns}, occurred_at)"
                f" SELECT {columns}, '2024-11-24T03:01:00.000000Z' FROM integration_events"
                " WHERE provider <> 'releaseguard' LIMIT 1"
            )
        base.roll_up()
        assert [one.fix for one in log.examine() if one.about == "counts"] == ["Run: releaseguard events migrate"]
        assert [word for word in log.migrate() if "replaced" in word]
        check(log)
        assert [one for one in log.examine() if one.about == "counts"] == []
