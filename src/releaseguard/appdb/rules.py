"""What an invariant may call. Pure.

Nothing that reaches the network, files or another server, and nothing volatile but what the project has made itself.
What is not known is refused: a function's own word for what it does (``STABLE``) says nothing of where it reaches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFunction:
    """One function of the database, as its catalogue has it."""

    oid: int
    schema: str
    name: str
    words: str
    """With its arguments, as an error shows it."""
    is_volatile: bool
    is_aggregate: bool
    language: str
    extension: str | None
    """The extension that brought it."""
    source: str
    """Its text; of one whose text the server keeps as a tree, that."""
    is_tree: bool
    parts: frozenset[int] = frozenset()
    """What an aggregate is made of."""

    @property
    def is_builtin(self) -> bool:
        return self.extension is None and self.schema in ("pg_catalog", "information_schema")

    @property
    def is_the_projects(self) -> bool:
        return self.extension is None and not self.is_builtin


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something may not be used, and how to write it instead."""

    reason: str
    instead: str


_ON_TABLES: Final = "An invariant says what must not be in the app's own tables: write it as a condition on those."
_STABLE: Final = (
    "Write it with what keeps still for the length of a query (now() in place of clock_timestamp()), or without it."
)
_READABLE: Final = "Write the condition itself into the query, or the function in SQL or PL/pgSQL without EXECUTE."

_REACHING: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (
            r"http(_(get|post|put|patch|delete|head|list_curlopt|set_curlopt|reset_curlopt|collect_response))?",
            "reaches the network",
        ),
        (r"dblink\w*|postgres_fdw_\w+", "reaches another server"),
        (
            r"pg_stat_file|pg_(file|ls|read)_\w+|pg_tablespace_location|pg_config|pg_current_logfile|xslt_process"
            r"|pg_available_extension(s|_versions)|pg_extension_update_paths"
            r"|pg_show_all_file_settings|pg_hba_file_rules|pg_ident_file_mappings"
            r"|lo_(import|export|open|close|creat|create|unlink|get|put|from_bytea|truncate|truncate64)|loread|lowrite",
            "reaches files",
        ),
        (
            r"(query|cursor|table|schema|database)_to_xml\w*|crosstab\w*|connectby|xpath_table|pg_input_\w+",
            "runs what a text says",
        ),
        (
            r"txid_current|pg_current_xact_id",
            "takes a transaction id of the server, though it is called stable",
        ),
    )
)
"""By name, whoever made it: the server's, and those of the extensions http, pg_net, dblink, lo, tablefunc, xml2."""

_HARMLESS_EXTENSIONS: Final = frozenset(
    {"btree_gin", "btree_gist", "citext", "cube", "earthdistance", "fuzzystrmatch", "hstore", "intagg", "intarray"}
    | {"isn", "ltree", "pg_jsonschema", "pg_trgm", "pgcrypto", "postgis", "seg", "tablefunc", "unaccent", "uuid-ossp"}
    | {"vector"}
)
"""What they bring computes, and reaches nothing (tablefunc's that run a text are refused by name)."""

_HARMLESS_IN_BODIES: Final = frozenset({"clock_timestamp", "timeofday", "random", "gen_random_uuid"})
"""Volatile, and nothing worse: a project's function that uses them is the project's to use."""

_READABLE_LANGUAGES: Final = frozenset({"sql", "plpgsql"})


def refusal(function: DatabaseFunction, *, in_body: bool) -> Refusal | None:
    """Why ``function`` may not be called by an invariant, or in the body of the project's function that it calls.

    ``None`` says that nothing speaks against the function itself; :func:`must_be_read` says whether its text has to be
    looked through as well.
    """
    reaches = next((reason for pattern, reason in _REACHING if pattern.fullmatch(function.name)), None)
    if reaches is not None:
        return Refusal(reaches, _ON_TABLES)
    if function.extension is not None and function.extension not in _HARMLESS_EXTENSIONS:
        words = f"comes with the extension {function.extension}, of which it is not known that it reaches nothing"
        return Refusal(words, _ON_TABLES)
    if function.is_volatile and not function.is_the_projects:
        harmless = in_body and function.name in _HARMLESS_IN_BODIES
        return None if harmless else Refusal("is volatile and not the project's own", _STABLE)
    if must_be_read(function) and function.language not in _READABLE_LANGUAGES:
        return Refusal(f"is written in {function.language}, so what it reaches cannot be seen", _READABLE)
    return None


def must_be_read(function: DatabaseFunction) -> bool:
    """Whether what a function does stands in its own text alone."""
    return function.is_the_projects and not function.is_aggregate


def unreadable(why: str) -> Refusal:
    """For a function of the project's whose text does not show what it calls."""
    return Refusal(f"cannot be looked through: {why}", _READABLE)


def elsewhere(table: str) -> Refusal:
    """For a table whose rows are on another server, or in a file."""
    return Refusal(
        f"reads {table}, whose rows are on another server or in a file",
        "Compare with a table of this database; a job can copy there what is elsewhere.",
    )
