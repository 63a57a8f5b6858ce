"""The stand-in for PostgREST answers what PostgREST's own client asks: the real ``@supabase/postgrest-js`` reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import postgres, postgrest, typescript

QUESTIONS = Path(__file__).parent / "scripts" / "questions.mjs"
CLIENT = typescript.PACKAGE / "node_modules" / "@supabase" / "postgrest-js" / "dist" / "index.mjs"
TABLE = """
CREATE TABLE uses (id int PRIMARY KEY, name text UNIQUE DEFAULT 'unnamed', size int, detail jsonb DEFAULT '{}');
CREATE FUNCTION add(a int, b int DEFAULT 10) RETURNS int LANGUAGE sql STABLE AS 'SELECT a + b';
CREATE FUNCTION numbers(upto int) RETURNS TABLE (n int) LANGUAGE sql STABLE AS 'SELECT generate_series(1, upto)';
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION echo(said jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT said';
CREATE FUNCTION teapot() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE 'PT418'; END $$;
CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE
  AS $$ SELECT current_user || ' ' || (current_setting('request.jwt.claims')::jsonb ->> 'sub') $$;
DO $$ BEGIN CREATE ROLE anon; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE service_role; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT ALL ON uses TO service_role;
"""


@contextmanager
def project(**options: Any) -> Iterator[postgrest.PostgRest]:
    """A project with Supabase's roles, in a cluster of its own: roles are those of all databases of a cluster."""
    with postgres.cluster() as running:
        database = running.new_database()
        with psycopg.connect(database) as connection:
            connection.execute(TABLE)
        with postgrest.serving(postgrest.PostgRest(database, roles=True, **options)) as served:
            yield served


@pytest.fixture(scope="module")
def answers() -> Mapping[str, Mapping[str, Any]]:
    typescript.program("tsc")
    with project(users={"a-users-token": {"sub": "ada", "role": "authenticated"}}) as served:
        said = typescript.execute(
            "node", QUESTIONS, CLIENT.as_uri(), served.url, served.key, served.public_key, "a-users-token"
        )
    found = [json.loads(line) for line in said.splitlines()]
    return {one["name"]: one for one in found}


ROWS: dict[str, tuple[int, Any]] = {
    "insert with unlike keys": (
        201,
        [
            {"id": 1, "name": "a", "size": None, "detail": {"x": "1"}},
            {"id": 2, "name": None, "size": 7, "detail": None},
        ],
    ),
    "insert with defaults for what is missing": (
        201,
        [{"id": 3, "name": "unnamed", "size": 1}, {"id": 4, "name": "d", "size": None}],
    ),
    "upsert": (201, [{"id": 1, "name": "A"}, {"id": 5, "name": "e"}]),
    "upsert that ignores": (201, []),
    "upsert by another column": (201, [{"id": 9, "size": 5}]),
    "read everything in an order": (
        200,
        [
            {"id": 2, "name": None},
            {"id": 3, "name": "unnamed"},
            {"id": 9, "name": "e"},
            {"id": 4, "name": "d"},
            {"id": 1, "name": "A"},
        ],
    ),
    "nulls last": (200, [{"id": 3}, {"id": 9}, {"id": 2}, {"id": 1}, {"id": 4}]),
    "one row": (200, {"id": 2}),
    "perhaps one row": (200, None),
    "paths into JSON": (200, [{"id": 1, "x": "1", "inner": "1"}]),
    "what contains": (200, [{"id": 1}]),
    "or and not": (200, [{"id": 2}]),
    "in a list with commas": (200, [{"id": 1}]),
    "a value with brackets": (200, []),
    "like": (200, [{"id": 1}]),
    "not null": (200, [{"id": 2}, {"id": 3}, {"id": 9}]),
    "csv": (200, "id,name\n1,A\n2,\n"),
    "change": (200, [{"id": 2, "size": 70}]),
    "change without rows": (204, None),
    "delete": (204, None),
    "a function": (200, 3),
    "a function by GET": (200, 3),
    "a function with a default": (200, 11),
    "a function of rows": (200, [{"n": 5}, {"n": 4}, {"n": 3}]),
    "a function of nothing": (204, None),
    "a function of JSON": (200, [{"a": 1}]),
    "a user": (200, "authenticated ada"),
}
REFUSED = {
    "insert the same again": (409, "23505"),
    "one row of none": (406, "PGRST116"),
    "one row of many": (406, "PGRST116"),
    "change nothing": (406, "PGRST116"),
    "a page beyond the end": (416, "PGRST103"),
    "a column that is not there": (400, "42703"),
    "inserting a column that is not there": (400, "PGRST204"),
    "a table that is not there": (404, "PGRST205"),
    "a function that is not there": (404, "PGRST202"),
    "a function's own status": (418, "PT418"),
    "the public key": (401, "42501"),
    "a key that is none": (401, ""),
    "a token that is none": (401, "PGRST301"),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_is_asked_for_is_answered(answers: Mapping[str, Mapping[str, Any]], name: str) -> None:
    found = answers[name]
    assert (found["status"], found["data"]) == ROWS[name], found


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_as_postgrest_does(answers: Mapping[str, Mapping[str, Any]], name: str) -> None:
    assert (answers[name]["status"], answers[name]["code"]) == REFUSED[name]


def test_counts_come_with_pages_and_alone(answers: Mapping[str, Mapping[str, Any]]) -> None:
    page, alone, gone = answers["a page and the count"], answers["count without rows"], answers["delete"]
    assert (page["status"], page["count"], page["data"]) == (206, 5, [{"id": 2}, {"id": 3}])
    assert (alone["status"], alone["count"], alone["data"]) == (200, 5, None)
    assert gone["count"] == 1


def test_every_question_has_its_answer_here(answers: Mapping[str, Mapping[str, Any]]) -> None:
    assert answers.keys() == {*ROWS, *REFUSED, "a page and the count", "count without rows"}
