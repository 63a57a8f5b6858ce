"""Invariants are read from the app's own database, and nothing there can be changed by them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from releaseguard.appdb import MOST_ROWS, AppDatabase
from releaseguard.errors import ConfigError, ServiceError
from releaseguard.secret import Secret
from tests.support import postgres

TABLES = """
CREATE TABLE wallets (owner text, coins int);
INSERT INTO wallets VALUES ('ali@example.test', 1);
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO wallets VALUES ('new', 2); RETURN 1; END $$;
CREATE FUNCTION frees_itself() RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); RETURN writes(); END $$;
"""
WRITES = "insert into wallets values ('new', 2); commit; select 1"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres.cluster() as cluster:
        url = cluster.new_database()
        with psycopg.connect(url) as connection:
            connection.execute(TABLES)
        yield url


@pytest.fixture
def app(url: str) -> AppDatabase:
    return AppDatabase(Secret(url), "APP_DATABASE_URL", pin=lambda target: target)


def wallets(url: str) -> int:
    with psycopg.connect(url) as connection:
        return len(connection.execute("SELECT 1 FROM wallets").fetchall())


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("select writes()", "tried to write"),
        ("select frees_itself()", r"set_config.* \(by way of frees_itself\(\)\) is volatile"),
        ("with more as (insert into wallets values ('new', 2) returning 1) select * from more", "tried to write"),
        ("select * into more from wallets", "tried to write"),
        (f"select 1; commit; begin; set transaction read write; {WRITES}", "does not run"),
        ("select set_config('default_transaction_read_only', 'off', false); commit; " + WRITES, "does not run"),
        ("copy wallets to stdout", "is not a query"),
        ("delete from wallets returning 1", "tried to write"),
    ],
)
def test_an_invariant_that_would_write_is_told_and_changes_nothing(app, url, sql, problem):
    with pytest.raises(ConfigError, match=problem):
        app.count_rows(sql)
    assert wallets(url) == 1


def test_rows_are_counted_and_no_more_are_fetched_than_are_told(app):
    assert app.count_rows("select 1 from wallets where coins < 0;") == 0
    assert app.count_rows("select '%', '%s' from wallets") == 1
    assert app.count_rows("select generate_series(1, 2000000000)") == MOST_ROWS


def test_what_the_rows_hold_is_not_in_the_words_of_an_error(app):
    with pytest.raises(ConfigError, match="InvalidTextRepresentation") as caught:
        app.count_rows("select owner::int from wallets")
    assert "ali@" not in str(caught.value)


def test_a_pooler_is_asked_for_no_setting_and_lends_the_same_connection_on(url, app, monkeypatch):
    """One that lends connections by transaction refuses ``options``, and gives what is set or prepared to the next."""
    asked = []
    open_up = psycopg.connect

    def lend(*given, **named):
        asked.append((given, named))
        return Lent(open_up(*given, **named))

    class Lent:
        def __init__(self, connection):
            self.connection = connection

        def __enter__(self):
            return self.connection

        def __exit__(self, *_):
            kept = "SELECT name FROM pg_settings WHERE source = 'session' AND name <> 'application_name'"
            kept += " UNION ALL SELECT name FROM pg_prepared_statements"
            self.connection.autocommit = True
            assert self.connection.execute(kept).fetchall() == []
            self.connection.close()

    monkeypatch.setattr(psycopg, "connect", lend)
    for _ in range(7):
        assert app.count_rows("select * from wallets") == 1
    assert len(asked) == 7
    assert not any("options" in str(one) for one in asked)


def test_a_query_of_an_app_that_is_busy_ends_in_its_time(url, app, monkeypatch):
    with psycopg.connect(url) as busy:
        busy.execute("LOCK wallets")
        monkeypatch.setattr("releaseguard.appdb.database._LIMITS", b"SET LOCAL lock_timeout TO 20")
        with pytest.raises(ServiceError):
            app.count_rows("select * from wallets")
