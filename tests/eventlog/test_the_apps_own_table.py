"""A table that an app has already is read, filtered, counted and appended to by rules, whichever store holds it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from releaseguard.compose.known import configuration
from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.mapping.additions import additions
from releaseguard.eventlog.mapping.shares import shares_of
from releaseguard.model import OURSELVES, Event, Outcome, Standing, new_id, to_text, utc_now
from releaseguard.tomlfile import parse
from releaseguard_events.stores.table import EventTable
from tests.eventlog.conftest import PostgresStore, RestStore, Store
from tests.support import lovendo

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def table(text: str = lovendo.CONFIGURATION) -> EventTable:
    document = parse(text, Path("releaseguard.toml"))
    return configuration.events_table(configuration.of(document, environment=None, environ={}))


def insert(store: Store, *rows: Mapping[str, Any], at: Any = NOON) -> None:
    for number, row in enumerate(rows):
        moment = at + timedelta(seconds=number) if isinstance(at, datetime) else at
        values = {"created_at": moment, "event_type": "api_call", "status": "success", **row}
        if store.kind == "sqlite":
            values.setdefault("id", str(new_id()))
        names = ", ".join(values)
        store.sql(f"INSERT INTO {lovendo.TABLE} ({names}) VALUES ({', '.join(map(written, values.values()))})")


def written(value: Any) -> str:
    if value is None:
        return "NULL"
    text = (
        to_text(value) if isinstance(value, datetime) else json.dumps(value) if isinstance(value, dict) else str(value)
    )
    return text if isinstance(value, int) else "'" + text.replace("'", "''") + "'"


@pytest.fixture
def log(store: Store) -> EventLog:
    store.sql(lovendo.create(store.kind))
    return store.log(table())


def read(log: EventLog, query: Query | None = None) -> Sequence[Event]:
    return list(log.select(query or Query()))


ROWS: Sequence[tuple[Mapping[str, Any], tuple[str, str, str, str | None]]] = (
    ({"integration_name": "sendgrid"}, ("sendgrid", "sendgrid_email_sent", "success", None)),
    ({"integration_name": "sendgrid", "status": "failure", "status_code": 401},
     ("sendgrid", "sendgrid_error", "error", "401")),
    ({"integration_name": "twilio", "status": "timeout", "error_code": "timeout", "status_code": 504},
     ("twilio", "twilio_error", "error", "timeout")),
    ({"integration_name": "twilio", "status": "degraded"}, ("twilio", "twilio_sms_sent", "success", None)),
    ({"integration_name": "expo"}, ("expo_push", "expo_push_sent", "success", None)),
    ({"integration_name": "mapbox", "endpoint": "/geocode"}, ("mapbox", "mapbox_geocode_ok", "success", None)),
    ({"integration_name": "mapbox", "endpoint": "/styles/v1/x"}, ("mapbox", "mapbox_map_rendered", "success", None)),
    ({"integration_name": "paytr", "event_type": "webhook"}, ("paytr", "paytr_webhook_received", "success", None)),
    ({"integration_name": "openai", "event_type": "health_check"}, ("openai", "openai_health_check", "success", None)),
    ({"integration_name": "openai", "event_type": "health_check", "status": "failure"},
     ("openai", "openai_error", "error", None)),
    ({"integration_name": "sentry", "metadata": {"event": "sentry_event_captured"}},
     ("sentry", "sentry_event_captured", "success", None)),
)  # fmt: skip


def test_every_row_is_named_and_judged_by_its_words(store, log):
    insert(store, *(row for row, _ in ROWS))
    found = [(one.provider, one.event, str(one.outcome), one.error_code) for one in read(log)]
    assert found == [said for _, said in ROWS]
    assert {one.environment for one in read(log)} == {"production"}


def test_a_key_that_was_refused_is_no_success_whatever_the_word_beside_it_says(store, log):
    codes = (401, 403, 200, 404)
    insert(store, *({"integration_name": "sendgrid", "status": "degraded", "status_code": code} for code in codes))
    told = [(str(one.outcome), one.event, one.error_code) for one in sorted(read(log), key=lambda one: one.occurred_at)]
    refused, taken = ("error", "sendgrid_error"), ("success", "sendgrid_email_sent")
    assert told == [(*refused, "401"), (*refused, "403"), (*taken, "200"), (*taken, "404")]


@pytest.mark.parametrize("name", ["SendGrid", "SENDGRID", " send-grid", "send_grid"])
def test_a_provider_in_another_spelling_is_named_by_its_cards_rules(store, log, name):
    """No row of it was read, and no check looked: a verdict that would have been FAIL was a PASS."""
    insert(store, {"integration_name": name}, {"integration_name": name, "status": "failure"})
    assert [(one.event, str(one.outcome)) for one in read(log)] == [
        ("sendgrid_email_sent", "success"), ("sendgrid_error", "error"),
    ]  # fmt: skip
    assert not list(log.set_aside(Query()))


def test_the_store_counts_what_it_gives_out(store, log):
    insert(store, *(row for row, _ in ROWS))
    counted = {(one.provider, one.event, str(one.outcome)): one.count for one in log.minute_counts(Query())}
    assert counted == {(provider, event, outcome): 1 for _, (provider, event, outcome, _) in ROWS}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(providers=["expo_push"]), ["expo_push_sent"]),
        (Query(providers=["sendgrid"], outcome=Outcome.ERROR), ["sendgrid_error"]),
        (Query(events=["mapbox_map_rendered"]), ["mapbox_map_rendered"]),
        (Query(environment="staging"), []),
        (Query(since=NOON + timedelta(seconds=4), until=NOON + timedelta(seconds=5)), ["expo_push_sent"]),
        (Query(environment="production", newest_first=True, limit=1), ["sentry_event_captured"]),
        (Query(release="1.2.3"), []),
    ],
)
def test_conditions_are_asked_in_our_words(store, log, query, expected):
    insert(store, *(row for row, _ in ROWS))
    assert [one.event for one in read(log, query)] == expected


def test_labels_are_found_inside_their_json(store, log):
    labels = {"release": "abc", "source": "web", "correlation_id": "c1", "synthetic": True, "secret_version": "7"}
    insert(store, {"integration_name": "sendgrid", "metadata": labels}, {"integration_name": "sendgrid"})
    [one] = read(log, Query(release="abc"))
    assert (one.source, one.correlation_id, one.synthetic, one.detail["secret_version"]) == ("web", "c1", True, "7")
    assert read(log, Query(detail={"secret_version": "7"})) == [one]
    assert [found.synthetic for found in read(log, Query(synthetic=False))] == [False]


def test_rows_that_no_rule_knows_are_counted_and_left_out(store, log):
    insert(store, {"integration_name": "sendgrid", "status": "weird"}, {"integration_name": "custom"})
    insert(store, {"integration_name": "sendgrid"}, at=None)
    insert(store, {"integration_name": "twilio", "metadata": None})
    assert [one.event for one in read(log)] == ["twilio_sms_sent"]
    aside = sorted((one.column, one.provider) for one in log.set_aside(Query(environment="production")))
    assert aside == [("event", "custom"), ("occurred_at", "sendgrid"), ("outcome", "sendgrid")]


def event(**said: Any) -> Event:
    given = {"provider": "sendgrid", "event": "sendgrid_email_sent", "outcome": Outcome.SUCCESS}
    return Event(**{"id": new_id(), "occurred_at": NOON, "environment": "production", **given, **said})


def test_what_is_appended_is_written_in_their_words_and_comes_back_in_ours(store, log):
    rows = [
        event(release="abc", correlation_id="c1", latency_ms=12, detail={"secret_version": "3"}),
        event(provider="expo_push", event="expo_push_error", outcome=Outcome.ERROR, error_code="401"),
        event(provider="idenfy", event="idenfy_webhook_received", synthetic=True),
    ]
    log.append(rows)
    log.append(rows)
    found = {one.id: replace(one, detail={}) for one in read(log)}
    assert found == {one.id: replace(one, detail={}) for one in rows}
    theirs = store.sql(f"SELECT integration_name, status, event_type FROM {lovendo.TABLE} ORDER BY 1")
    assert [tuple(row) for row in theirs] == [
        ("expo", "failure", "health_check"),
        ("idenfy", "success", "webhook"),
        ("sendgrid", "success", "health_check"),
    ]


def test_our_own_rows_go_to_a_table_of_their_own(store, log):
    [ours] = log.append_exclusively([event(provider=OURSELVES, event="release_deployed", release="abc")])
    assert ours.recorded_at is not None
    assert store.sql(f"SELECT count(*) FROM {lovendo.TABLE}") == [(0,)]
    assert [one.event for one in read(log, Query(providers=[OURSELVES]))] == ["release_deployed"]
    with pytest.raises(ConfigError, match="cannot hold releaseguard's own rows"):
        store.empty(replace(table(), results_table=None)).append([ours])


def test_an_event_of_staging_is_not_written_where_every_row_is_productions(log):
    with pytest.raises(ConfigError, match="environment is staging"):
        log.append([event(environment="staging")])


@pytest.mark.parametrize(
    ("id_", "time", "at"),
    [
        ("integer", None, NOON),
        (None, "text", "2026-11-24 12:00:00"),
        (None, "text", "2026-11-24T14:00:00+02:00"),
        (None, "bigint", 1795521600),
        (None, "bigint", 1795521600000),
    ],
)
def test_numbered_rows_and_times_of_another_type_are_read(store, id_, time, at):
    if store.kind == "sqlite":
        id_, time = id_ and "INTEGER PRIMARY KEY", time and {"bigint": "INTEGER"}.get(time, time)
    else:
        id_ = id_ and "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    store.sql(lovendo.create(store.kind, id_=id_, time=time))
    log = store.log(table())
    given = {"id": 1} if id_ and store.kind == "sqlite" else {}
    insert(store, {"integration_name": "sendgrid", **given}, at=at)
    [one] = read(log, Query(since=NOON, until=NOON + timedelta(minutes=1)))
    assert one.occurred_at == NOON
    assert [count.occurred_minute for count in log.minute_counts(Query())] == [NOON]
    if time is None or time == "text":
        log.append([event(occurred_at=NOON + timedelta(hours=1))])
        assert len(read(log, Query(since=NOON + timedelta(minutes=1)))) == 1


@pytest.mark.parametrize("text", ["2026-02-31 10:00:00", "tomorrow", "2026-11-24", "", "25:61", "9999-99-99T00:00:00Z"])
def test_a_text_that_is_no_time_ends_no_query(store, text):
    store.sql(lovendo.create(store.kind, time="text"))
    log = store.log(table())
    insert(store, {"integration_name": "sendgrid"}, at=text)
    assert read(log, Query(since=NOON)) == []
    assert [one.column for one in log.set_aside(Query())] == ["occurred_at"]


def test_names_alone_are_enough_for_a_table_with_numbers_and_texts(store):
    times, ids = ("TEXT", "INTEGER PRIMARY KEY") if store.kind == "sqlite" else ("text", "serial PRIMARY KEY")
    store.sql(f"CREATE TABLE logs (id {ids}, at {times}, provider text, event text, outcome text, environment text)")
    log = store.log(EventTable(table="logs", columns={"occurred_at": "at", **dict.fromkeys(
        ("recorded_at", "error_code", "latency_ms", "release", "source", "correlation_id", "synthetic", "detail"), False
    )}, results_table="releaseguard_events"))  # fmt: skip
    store.sql("INSERT INTO logs (at, provider, event, outcome, environment) VALUES"
              " ('2026-11-24 12:00:00', 'x', 'x_ok', 'success', 'production')")  # fmt: skip
    assert [one.event for one in read(log, Query(since=NOON))] == ["x_ok"]


def test_the_configuration_is_valid_toml():
    assert tomllib.loads(lovendo.CONFIGURATION)["events"]["columns"]


def test_a_provider_without_a_card_may_be_named_and_a_slip_is_told():
    assert table(lovendo.CONFIGURATION + 'custom = { success = "custom_ok", error = "custom_error" }\n').names
    with pytest.raises(ConfigError, match=r"sendgird: there is no such provider.*") as slip:
        table(lovendo.CONFIGURATION + 'sendgird = { success = "x" }\n')
    assert "'sendgrid'" in str(slip.value.next_step)


def test_it_is_known_which_rule_took_which_rows_and_what_none_took(store, log):
    insert(store, *(row for row, _ in ROWS), {"integration_name": "custom"}, {"integration_name": "x", "status": "odd"})
    shares = log.rule_shares(NOON - timedelta(hours=1))
    assert shares is not None
    assert shares.rows == len(ROWS) + 2
    assert dict(shares.taken) == {
        "the cards' first events": 7,
        "[events.columns] event": 1,
        "[events.names] mapbox: mapbox_map_rendered, success, endpoint = */styles/*": 1,
        "[events.names] *: {provider}_health_check, success, event_type = health_check": 1,
        "[events.names] *: {provider}_webhook_received, success, event_type = webhook": 1,
    }
    assert dict(shares.left) == {"provider custom": 1, "outcome odd of x": 1}
    assert shares.never == tuple(
        (name, f"metadata.{name}") for name in ("release", "source", "correlation_id", "secret_version")
    )
    said = {"release": "r1", "secret_version": "2"}
    insert(store, {"integration_name": "sendgrid", "metadata": said}, at=NOON + timedelta(hours=3))
    assert log.rule_shares(NOON).never == (("source", "metadata.source"), ("correlation_id", "metadata.correlation_id"))
    later = log.rule_shares(NOON + timedelta(hours=4))
    assert (later.rows, later.never) == (0, ())


def test_what_no_rule_took_is_named_as_far_as_one_reads_and_a_rule_of_another_configuration_is_no_mistake():
    place, without = table(), (0, 0, 0, 0)
    kinds = [(None, f"p{number}", "success", 10 - number, *without) for number in range(7)]
    shares = shares_of(
        place, [*kinds, (len(place.names), "x", "error", 5, *without), (-1, "y", "error", 2, 2, 2, 2, 2)]
    )
    assert dict(shares.taken) == {"the cards' first events": 5, "[events.columns] event": 2}
    assert shares.loss().endswith("provider p4 (6) and 2 more")
    assert shares.loss().startswith("no rule took 49 of 56 rows")
    assert shares.never == ()


def test_the_panel_shows_what_the_table_holds(store, log):
    if store.kind == "sqlite":
        pytest.skip("a panel of a server's")
    rows = [{"integration_name": "sendgrid", "response_time_ms": 100}] * 199 + [
        {"integration_name": "sendgrid", "status": "failure", "response_time_ms": 300},
        *([{"integration_name": "expo", "status": "degraded"}] * 19),
        {"integration_name": "expo", "status": "timeout"},
        {"integration_name": "twilio", "status": "failure"},
    ]
    insert(store, *rows, at=utc_now() - timedelta(hours=1))
    leak = {"provider": "paytr", "leak": {"reason": "x"}, "rotation_id": "r1"}
    log.append([event(provider=OURSELVES, event="rotation_planned", detail=leak)])
    phone = {"metadata": {"source": "client"}}
    insert(store, {"integration_name": "sendgrid", "status": "failure", **phone}, at=utc_now() - timedelta(hours=1))
    insert(store, {"integration_name": "mapbox", **phone}, {"integration_name": ""}, at=utc_now() - timedelta(hours=1))
    insert(store, {"integration_name": "twilio"}, at=utc_now() + timedelta(days=3))
    insert(store, {"integration_name": "custom", "created_at": "infinity"}, {"integration_name": "in_house"})
    shown = store.sql(
        "SELECT provider, display_name, status, success_rate, avg_response_ms, events, failures, open_leaks"
        f" FROM {lovendo.TABLE}_panel_24h"
    )
    assert [tuple(row) for row in shown] == [
        ("expo_push", "Expo Push", "degraded", 95, None, 20, 1, 0),
        ("mapbox", "Mapbox", "healthy", 100, None, 1, 0, 0),
        ("paytr", "PayTR", "unknown", None, None, 0, 0, 1),
        ("sendgrid", "SendGrid", "healthy", Decimal("99.5"), 101, 200, 1, 0),
        ("twilio", "Twilio", "down", 0, None, 1, 1, 0),
    ]
    log.append([event(provider=OURSELVES, event="rotation_retired", detail={"provider": "paytr"})])
    assert store.sql(f"SELECT provider FROM {lovendo.TABLE}_panel(1) WHERE open_leaks > 0") == []


def test_a_panel_of_another_version_is_made_anew_and_what_a_project_calls_its_providers_is_shown(
    stack, cluster, tmp_path
):
    store = PostgresStore(stack, cluster.new_database())
    old = "integration_events_panel(hours integer DEFAULT 24, of_environment text DEFAULT 'production')"
    store.sql(f"CREATE FUNCTION {old} RETURNS TABLE (provider text) LANGUAGE sql STABLE AS $$ SELECT 'x' $$")
    store.sql("CREATE VIEW integration_events_panel_24h AS SELECT * FROM integration_events_panel()")
    log = store.log(EventTable(titles=lambda: {"in_house": 'The house\'s "own"'}))
    used = {"provider": "in_house", "event": "in_house_ok", "occurred_at": utc_now() - timedelta(minutes=1)}
    log.append([event(**used), event(**{**used, "provider": "other"})])
    shown = store.sql("SELECT provider, display_name FROM integration_events_panel_24h")
    assert [tuple(row) for row in shown] == [("in_house", 'The house\'s "own"'), ("other", "other")]


@pytest.mark.parametrize("kind", ["postgres", "rest"])
def test_what_is_written_into_the_view_stands_in_the_table_in_its_words(stack, cluster, kind):
    store = (PostgresStore if kind == "postgres" else RestStore)(stack, cluster.new_database())
    store.sql(lovendo.create(store.kind))
    log = store.log(table())
    names = "id, occurred_at, provider, event, outcome, environment, release, synthetic, detail"
    given = (
        "gen_random_uuid(), '2026-11-24T12:00:00Z', 'expo_push', 'expo_push_error', 'error', 'production', 'r1', true"
    )
    store.sql(f"""INSERT INTO {lovendo.TABLE}_mapped ({names}) VALUES ({given}, '{{"secret_version": "2"}}')""")
    [(name, status, metadata)] = store.sql(f"SELECT integration_name, status, metadata FROM {lovendo.TABLE}")
    assert (name, status) == ("expo", "failure")
    assert metadata == {"secret_version": "2", "release": "r1", "synthetic": True, "event": "expo_push_error"}
    [one] = read(log)
    assert (one.provider, one.event, one.release, one.synthetic) == ("expo_push", "expo_push_error", "r1", True)
    with pytest.raises(psycopg.errors.CheckViolation):
        store.sql(f"INSERT INTO {lovendo.TABLE}_mapped ({names}) VALUES ({given.replace('production', 'dev')}, '{{}}')")


@pytest.fixture
def odd_table(stack, cluster) -> PostgresStore:
    """Whether a call went well is computed from its status code, and latencies are texts."""
    store = PostgresStore(stack, cluster.new_database())
    made = (
        lovendo.create("postgres")
        .replace(
            "status text NOT NULL",
            "status text GENERATED ALWAYS AS (CASE WHEN status_code < 400 THEN 'success' ELSE 'failure' END) STORED",
        )
        .replace("response_time_ms int", "response_time_ms text")
    )
    store.sql(made)
    return store


NO_LATENCY = lovendo.CONFIGURATION.replace('latency_ms = "response_time_ms"', "latency_ms = false")


def test_a_column_that_cannot_be_what_it_is_mapped_to_is_told_before_anything_is_made(odd_table):
    with pytest.raises(ConfigError, match="response_time_ms of the table integration_health_events is text"):
        odd_table.log(table())
    assert odd_table.sql(f"SELECT to_regclass('{lovendo.TABLE}_mapped') IS NULL")[0][0]


def test_a_column_that_the_database_computes_is_read_and_told_before_something_is_to_be_written_there(odd_table):
    log = odd_table.log(table(NO_LATENCY))
    odd_table.sql(f"INSERT INTO {lovendo.TABLE} (integration_name, status_code) VALUES ('sendgrid', 401)")
    assert [one.outcome for one in read(log)] == [Outcome.ERROR]
    told = [one.what for one in log.examine() if one.about == "append" and one.standing is Standing.FAIL]
    assert told == [f"rows cannot be appended: the database makes the column status of {lovendo.TABLE} itself"]
    with pytest.raises(ConfigError, match="does not fit"):
        log.append([event(environment="production")])
    words = 'outcome = ["metadata.outcome", { column = "status", values = { success = "success", failure = "error" } }]'
    lines = [words if line.startswith("outcome") else line for line in NO_LATENCY.splitlines()]
    written = odd_table.log(table("\n".join(lines)))
    written.append([event(environment="production")])
    assert {one.outcome for one in read(written)} == {Outcome.ERROR, Outcome.SUCCESS}


def test_what_its_owner_may_add_keeps_rows_defaults_and_readers(stack, cluster):
    store = PostgresStore(stack, cluster.new_database())
    store.sql(lovendo.create(store.kind))
    insert(store, {"integration_name": "sendgrid"})
    script = additions(table())
    store.sql(script)
    store.sql(script)
    text = lovendo.CONFIGURATION.replace("recorded_at = false", 'recorded_at = "recorded_at"')
    text = text.replace('"metadata.release"', '"release"').replace('"metadata.synthetic"', '"synthetic"')
    with_them = table(text.replace('{ constant = "production" }', '"environment"'))
    insert(store, {"integration_name": "twilio"}, at=NOON + timedelta(seconds=1))
    first, second = read(store.log(with_them))
    assert first.recorded_at == NOON
    assert second.recorded_at > NOON
    assert (first.environment, first.synthetic, first.release) == ("production", False, None)
    assert additions(EventTable()) == ""
