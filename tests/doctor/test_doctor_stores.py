"""``doctor`` with the event log and the app's database in a real Postgres, and behind the stand-in for PostgREST."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest

from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.secret import Secret
from tests.doctor.test_doctor_command import change, failed, rows
from tests.support import postgres, postgrest

KEY = "service-role-key-of-a-stand-in"


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture
def database(cluster) -> str:
    return cluster.new_database()


def migrate(database: str) -> None:
    with PostgresEventLog(Secret(database)) as log:
        log.migrate()


def test_postgres_from_a_missing_table_to_a_good_one(cli, world, database):
    change(cli.folder, ("sqlite:///releaseguard.db", database))
    found = failed(cli.run("doctor", "--json"))
    assert list(found) == ["events.log"]
    assert "events migrate" in found["events.log"]["fix"]
    migrate(database)
    done = cli.run("doctor", "--json")
    assert done.code == 0, done.everything
    assert "the event log" in rows(done)["clock"]["what"]
    assert "catalogue" in rows(done)["events.log.append"]["what"]


def test_the_log_behind_rest_and_who_reads_it(cli, world, database):
    migrate(database)
    with postgrest.serving(postgrest.PostgRest(database)) as project:
        change(cli.folder, ("sqlite:///releaseguard.db", project.url))
        missing = failed(cli.run("doctor", "--json"))
        assert list(missing) == ["credentials.events"]
        assert "SUPABASE_SERVICE_ROLE_KEY" in missing["credentials.events"]["what"]
        given = {"SUPABASE_SERVICE_ROLE_KEY": KEY, "SUPABASE_ANON_KEY": project.public_key}
        done = cli.run("doctor", "--json", **given)
        assert set(failed(done)) == {"app.key"}, "another project's key"
        assert rows(done)["events.row_security"]["status"] == "ok"
        refused = failed(cli.run("doctor", "--json", SUPABASE_SERVICE_ROLE_KEY="wrong-key-0123456789"))
        assert list(refused) == ["events.log"]
    assert all(request.startswith("GET ") for request in project.requests)


def test_invariants_are_planned_and_not_run(cli, world, migrated, database):
    assert not failed(cli.run("doctor", "--json", APP_DATABASE_URL=database)), "off until the project names them"
    with (cli.folder / "releaseguard.toml").open("a") as file:
        file.write('[app.invariants]\n"paytr.commission_plans" = true\n"paytr.wallets" = true\n')
    found = failed(cli.run("doctor", "--json", APP_DATABASE_URL=database))
    assert set(found) == {"app.paytr.commission_plans", "app.paytr.wallets"}
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE subscription_plans (id text, is_active boolean);"
            "CREATE TABLE user_subscriptions (plan_id text, status text);"
            "CREATE TABLE system_financial_config (config_key text, config_value jsonb, is_active boolean)"
        )
    found = failed(cli.run("doctor", "--json", APP_DATABASE_URL=database))
    assert "app.paytr.wallets" in found
    assert "does not run" in found["app.paytr.wallets"]["what"]
    assert all(row["group"] == "app" for row in found.values())


def test_a_server_that_is_not_asked_who_it_is_is_remarked_on(cli, world, migrated, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    found = rows(cli.run("doctor", "--json", APP_DATABASE_URL="postgresql://u@db.example.test/d?sslmode=require"))
    assert found["app.database.sslmode"]["status"] == "warn"
    assert "sslrootcert" in found["app.database.sslmode"]["fix"]
    found = rows(cli.run("doctor", "--json", APP_DATABASE_URL="postgresql://u@db.example.test/d?sslmode=prefer"))
    assert "SAFE MODE refuses sslmode=prefer" in found["app.database"]["what"]
