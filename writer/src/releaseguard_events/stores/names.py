"""Names of tables, columns and indexes inside SQL."""

from __future__ import annotations

VERSION = 6
"""Of the table's shape; written to ``<table>_schema`` by every migration. 2: what the database enforces (Postgres).
3: roll-ups. 4: roll-ups of latencies, an index of rows that cannot be read. 5: what runs
with its owner's rights runs nothing of a caller's (Postgres). 6: roll-ups of all servers as one; a
function that tells the database's time (REST)."""


INDEXES = ("time", "provider_time", "recorded", "correlation", "release", "lane", "unreadable")
"""The endings of the indexes' names, after the table's name."""


def index_names(table: str) -> list[str]:
    """The indexes that a migrated table has."""
    return [f"{bare(table)}_{name}" for name in INDEXES]


def quoted(name: str) -> str:
    """One identifier, safe whatever it contains: SQL doubles a quote inside quotes. No name contains a NUL."""
    return '"' + name.replace("\x00", "").replace('"', '""') + '"'


def qualified(table: str) -> str:
    """A table, with its schema where it is written as ``schema.table``."""
    return ".".join(quoted(part) for part in table.split(".", 1))


def beside(table: str, suffix: str) -> str:
    """The name of something that belongs to ``table``, in the same schema."""
    return f"{table}_{suffix}"


def bare(table: str) -> str:
    """The table's name without its schema."""
    return table.rpartition(".")[2]


def literal(text: str) -> str:
    """A text as a constant in SQL."""
    return "'" + text.replace("\x00", "").replace("'", "''") + "'"


def dollar_quoted(body: str) -> str:
    """``body`` between dollar signs with a tag that it does not contain, whatever the table's name."""
    tag = "$releaseguard$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"{tag}{body}{tag}"
