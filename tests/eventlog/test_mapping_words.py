"""The SQL that rules over an app's own table become, asked of a row at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import pytest

from releaseguard.eventlog.mapping.additions import additions
from releaseguard.eventlog.mapping.expressions import expression
from releaseguard.eventlog.mapping.view import postgres as postgres_view
from releaseguard.eventlog.mapping.view import sqlite as sqlite_view
from releaseguard.eventlog.mapping.words import PostgresWords, SqliteWords
from releaseguard_events.mapping.rules import Holds, NameRule, TheirColumn
from releaseguard_events.stores.postgres_shape import Declared
from releaseguard_events.stores.table import EventTable


def asked(sql: str | None, **row: object) -> object:
    """The value of an expression over one row."""
    names = ", ".join(f'? AS "{name}"' for name in row)
    with sqlite3.connect(":memory:") as database:
        return database.execute(f"SELECT {sql} FROM (SELECT {names})", tuple(row.values())).fetchone()[0]


def named(*rules: NameRule) -> str | None:
    return expression(EventTable(table="logs", names=rules), "event", SqliteWords())


OWN = NameRule(event="mail_ok", provider="mail")
COMMON = NameRule(event="any_ok", when=(Holds(TheirColumn("kind"), ("call",)),))


@pytest.mark.parametrize(
    ("rules", "events"),
    [
        ([OWN], ["mail_ok", None, None]),
        ([COMMON], ["any_ok", "any_ok", None]),
        ([OWN, COMMON], ["mail_ok", "any_ok", None]),
    ],
)
def test_a_row_is_named_by_its_providers_rules_or_everybodys_or_not_at_all(
    rules: Sequence[NameRule], events: Sequence[str | None]
):
    rows = [("Mail", "call"), ("maps", "call"), ("maps", "other")]
    assert [asked(named(*rules), provider=provider, kind=kind) for provider, kind in rows] == events


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("/v1/[id]/*", "/v1/[id]/x", True),
        ("/v1/[id]/*", "/v1/i/x", False),
        ("/x?*", "/x?a=1", True),
        ("/x?*", "/xya", False),
        ("/a*", "/A", False),
    ],
)
def test_a_star_alone_stands_for_anything_in_a_pattern(pattern, text, fits):
    assert bool(asked(SqliteWords().like('"endpoint"', pattern), endpoint=text)) is fits


def test_a_detail_inside_json_is_that_part_alone():
    inside = SqliteWords().object(TheirColumn("metadata", ("info",)))
    assert asked(inside, metadata='{"info": {"a": 1}, "b": 2}') == '{"a":1}'
    assert asked(inside, metadata="no json") is None


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        (Declared("uuid", "U"), '"id"'),
        (Declared("text", "S"), '"id"'),
        (None, '"id"'),
        (Declared("bigint", "N"), '"id"::text'),
    ],
)
def test_an_id_is_asked_as_it_stands_so_that_its_index_serves(kind, sql):
    assert expression(EventTable(table="logs", names=(OWN,)), "id", PostgresWords(lambda _: kind)) == sql


@pytest.mark.parametrize("columns", [{"release": "version"}, {"release": "version", "synthetic": False}])
def test_what_the_table_has_already_is_not_added(columns: Mapping[str, str | bool]):
    script = additions(EventTable(table="logs", columns=columns))
    assert '"release"' not in script
    assert ('"synthetic" boolean' in script) is ("synthetic" in columns)
    assert additions(EventTable()) == additions(EventTable(results_table="x")) == ""


def test_a_column_that_no_rule_makes_is_empty_in_every_row():
    [_, view] = sqlite_view(EventTable(table="logs", columns=dict.fromkeys(("release", "synthetic"), False)))
    assert 'CAST(NULL AS text) AS "release"' in view
    assert 'false AS "synthetic"' in view


def test_a_time_of_their_own_column_is_read_by_the_type_that_is_found_when_the_view_is_made():
    script = postgres_view(EventTable(table="logs", columns={"occurred_at": "at"}))[0]
    assert "@time:at@ AS" in script


@pytest.mark.parametrize(
    ("column", "kind", "sql"),
    [
        (TheirColumn("f"), Declared("boolean", "B"), '"f"'),
        (TheirColumn("f"), Declared("text", "S"), '(lower("f") IN '),
        (TheirColumn("f"), None, '(lower("f"::text) IN '),
        (TheirColumn("f", ("a",)), Declared("boolean", "B"), "(lower((to_jsonb("),
    ],
)
def test_a_flag_is_a_truth_value_or_a_word_for_one(column, kind, sql):
    assert PostgresWords(lambda _: kind).flag(column).startswith(sql)


@pytest.mark.parametrize(
    ("column", "kind", "sql"),
    [
        (TheirColumn("n"), Declared("integer", "N"), '"n"'),
        (TheirColumn("n"), None, '"n"'),
        (TheirColumn("n"), Declared("text", "S"), '(CASE WHEN "n" ~ '),
        (TheirColumn("n", ("a",)), Declared("integer", "N"), "(CASE WHEN (to_jsonb("),
        (TheirColumn("n", ("a",)), None, "(CASE WHEN (to_jsonb("),
    ],
)
def test_a_number_is_one_by_its_type_or_by_what_its_text_says(column, kind, sql):
    assert PostgresWords(lambda _: kind).number(column).startswith(sql)


def test_an_id_inside_json_is_a_text_whatever_its_column_is():
    assert PostgresWords(lambda _: None).identity(TheirColumn("m", ("id",))).startswith("(to_jsonb(")
