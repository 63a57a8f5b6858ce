"""The event log's schema for SQLite."""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from typing import Final

from releaseguard_events.stores.names import VERSION, bare, beside, qualified, quoted

NOW = "strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'"
"""SQLite's clock has milliseconds; zeros make its text comparable with times of six decimals."""

COLUMNS = {
    "id": "TEXT NOT NULL PRIMARY KEY",
    "occurred_at": "TEXT NOT NULL",
    "recorded_at": f"TEXT NOT NULL DEFAULT ({NOW})",
    "provider": "TEXT NOT NULL",
    "event": "TEXT NOT NULL",
    "outcome": "TEXT NOT NULL CHECK (outcome IN ('success', 'error'))",
    "error_code": "TEXT",
    "latency_ms": "INTEGER",
    "environment": "TEXT NOT NULL",
    "release": "TEXT",
    "source": "TEXT",
    "correlation_id": "TEXT",
    "synthetic": "INTEGER NOT NULL DEFAULT 0 CHECK (synthetic IN (0, 1))",
    "detail": "TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail))",
}


def create(table: str, *, with_indexes: bool = True) -> list[str]:
    """The statements that make what is not there yet; each may be run again."""
    columns = ",\n".join(f"  {quoted(name)} {declared}" for name, declared in COLUMNS.items())
    return [
        f"CREATE TABLE IF NOT EXISTS {qualified(table)} (\n{columns}\n)",
        *(indexes(table).values() if with_indexes else ()),
        _by_minute(table),
        _versions(table),
        *_rolled_up(table),
        *_version(table),
    ]


def add_column(table: str, column: str) -> list[str]:
    """The statements that add a column to a table that may hold rows."""
    if column != "recorded_at":
        return [f"ALTER TABLE {qualified(table)} ADD COLUMN {quoted(column)} {COLUMNS[column]}"]
    # SQLite adds no column whose default is an expression: a trigger takes the default's place.
    return [
        f"ALTER TABLE {qualified(table)} ADD COLUMN recorded_at TEXT",
        f"UPDATE {qualified(table)} SET recorded_at = {NOW}",
        f"CREATE TRIGGER {quoted(beside(table, 'recorded_at'))} AFTER INSERT ON {qualified(table)}\n"
        "WHEN NEW.recorded_at IS NULL BEGIN\n"
        f"  UPDATE {qualified(table)} SET recorded_at = {NOW} WHERE rowid = NEW.rowid;\nEND",
    ]


def indexes(table: str) -> dict[str, str]:
    """Name -> the statement that makes it where it is not there yet."""
    wanted = {
        "time": "(occurred_at, id)",
        "provider_time": "(environment, provider, occurred_at)",
        "recorded": "(recorded_at)",
        "correlation": "(correlation_id) WHERE correlation_id IS NOT NULL",
        "release": "(release) WHERE release IS NOT NULL",
        "lane": "(environment, json_extract(detail, '$.provider'), occurred_at) WHERE provider = 'releaseguard'",
        "unreadable": f"(id) WHERE {unreadable()}",
    }
    return {
        f"{bare(table)}_{name}": f"CREATE INDEX IF NOT EXISTS {quoted(f'{bare(table)}_{name}')}"
        f" ON {quoted(bare(table))} {columns}"
        for name, columns in wanted.items()
    }


def _by_minute(table: str) -> str:
    """A view and no table: a roll-up kept aside would be wrong as soon as a late row arrives."""
    return f"""CREATE VIEW IF NOT EXISTS {qualified(beside(table, "by_minute"))} AS
SELECT substr(occurred_at, 1, 16) || ':00.000000Z' AS minute, environment, provider, event, outcome, release, synthetic,
  count(*) AS events, count(DISTINCT correlation_id) AS correlations, avg(latency_ms) AS latency_ms
FROM {qualified(table)} GROUP BY 1, 2, 3, 4, 5, 6, 7"""


def _versions(table: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {qualified(beside(table, 'schema'))} (\n"
        f"  version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT ({NOW})\n)"
    )


def _version(table: str) -> list[str]:
    """What an older version has counted is counted anew."""
    versions = qualified(beside(table, "schema"))
    hours, joined, state = (quoted(beside(table, part)) for part in ("hours", "joined", "roll_ups"))
    is_older = f"NOT EXISTS (SELECT 1 FROM {versions} WHERE version = {VERSION})"
    return [
        *(f"DELETE FROM {kept} WHERE {is_older}" for kept in (hours, joined)),
        f"INSERT INTO {quoted(remembering_names(table)[0])} (minute) SELECT NULL WHERE {is_older}",
        f"UPDATE {state} SET upto = 0, last_id = NULL WHERE {is_older}",
        f"INSERT OR IGNORE INTO {versions} (version) VALUES ({VERSION})",
    ]


MARKED = ("delete", "update")
"""What leaves a mark; new rows are told by their number, so that nothing can come between an app and its insert."""


def mark_names(table: str) -> list[str]:
    """The triggers without which nothing rolled up is believed."""
    return [f"{bare(table)}_touch_{when}" for when in MARKED]


def _rolled_up(table: str) -> list[str]:
    """Counts of whole hours, the same with all servers as one source, the minutes that changed since, and up to which
    row all are counted."""
    touched, state = (quoted(beside(table, part)) for part in ("touched", "roll_ups"))
    return [
        f"CREATE TABLE IF NOT EXISTS {touched} (minute TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
        *_hours(table, "hours", by="hour"),
        *_hours(table, "joined", by="hour, latest"),
        *_unjoined(table),
        f"CREATE TABLE IF NOT EXISTS {state} (\n"
        "  one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL, last_id TEXT\n)",
        f"INSERT OR IGNORE INTO {state} VALUES (1, 0, NULL)",
        *_marks(table, touched, state),
        *_remembered(table, touched, state),
    ]


def _hours(table: str, part: str, by: str) -> list[str]:
    hours = quoted(beside(table, part))
    return [
        f"CREATE TABLE IF NOT EXISTS {hours} (\n"
        "  hour TEXT NOT NULL, environment TEXT NOT NULL, provider TEXT NOT NULL, event TEXT NOT NULL,\n"
        "  outcome TEXT NOT NULL, release TEXT, source TEXT, synthetic INTEGER NOT NULL, latest TEXT,\n"
        "  course TEXT NOT NULL, detail TEXT NOT NULL\n)",
        f"CREATE INDEX IF NOT EXISTS {quoted(f'{bare(table)}_{part}_hour')} ON {hours} ({by})",
    ]


def _unjoined(table: str) -> list[str]:
    """Who counts an hour and knows nothing of servers as one leaves none of that hour."""
    hours, joined = (quoted(beside(table, part)) for part in ("hours", "joined"))
    return [
        f"CREATE TRIGGER IF NOT EXISTS {quoted(f'{bare(table)}_unjoined_{when}')} AFTER {when.upper()} ON {hours}\n"
        f"BEGIN\n  DELETE FROM {joined} WHERE hour = {row}.hour;\nEND"
        for when, row in (("insert", "NEW"), ("delete", "OLD"))
    ]


REMEMBERED: Final = 20_000
"""Minutes that were counted anew, of which it is known in which order."""


def remembering_names(table: str) -> list[str]:
    """What tells which minutes were counted anew, beside the marks."""
    return [bare(beside(table, name)) for name in ("rolled", "rolled_one", "rolled_all")]


def _remembered(table: str, touched: str, state: str) -> list[str]:
    """The minutes whose marks were taken away, the newest thousands of them, in order; one without a minute stands for
    all, when counting begins anew. By triggers, whichever version of ours counts."""
    rolled, one, every = (quoted(name) for name in remembering_names(table))
    return [
        f"CREATE TABLE IF NOT EXISTS {rolled} (n INTEGER PRIMARY KEY, minute TEXT)",
        f"CREATE TRIGGER IF NOT EXISTS {one} AFTER DELETE ON {touched} BEGIN\n"
        f"  INSERT INTO {rolled} (minute) VALUES (OLD.minute);\n"
        f"  DELETE FROM {rolled} WHERE n <= (SELECT max(n) FROM {rolled}) - {REMEMBERED};\nEND",
        f"CREATE TRIGGER IF NOT EXISTS {every} AFTER INSERT ON {state} BEGIN\n"
        f"  INSERT INTO {rolled} (minute) VALUES (NULL);\nEND",
    ]


def _marks(table: str, touched: str, state: str) -> list[str]:
    """``OR IGNORE`` would mean what the statement under way says of conflicts. The number of the last row is given out
    again when that row is deleted."""
    marked = "".join(
        f"  INSERT INTO {touched} SELECT substr({row}.occurred_at, 1, 16)\n"
        f"    WHERE typeof({row}.occurred_at) = 'text' AND NOT EXISTS (\n"
        f"      SELECT 1 FROM {touched} WHERE minute = substr({row}.occurred_at, 1, 16));\n"
        for row in ("OLD", "NEW")
    )
    old = marked[: marked.index("  INSERT", 1)]
    before = f"(SELECT max(rowid) FROM {qualified(table)} WHERE rowid < OLD.rowid)"
    last = (
        f"  UPDATE {state} SET upto = coalesce({before}, 0),\n"
        f"    last_id = (SELECT id FROM {qualified(table)} WHERE rowid = {before}) WHERE upto = OLD.rowid;\n"
    )
    return [
        f"CREATE TRIGGER IF NOT EXISTS {quoted(name)} AFTER {when.upper()} ON {qualified(table)} BEGIN\n"
        f"{old + last if when == 'delete' else marked}END"
        for name, when in zip(mark_names(table), MARKED, strict=True)
    ]


SHAPE: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]"
_TO_THE_SECOND = f"{SHAPE}:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z"
_NEEDED = ("occurred_at", "provider", "outcome", "event", "environment", "recorded_at")


def unreadable() -> str:
    """What holds of every row that cannot be read, or of which it cannot be told which question it answers."""
    return " OR ".join(doubtful(column, quoted(column)) for column in _NEEDED)


def doubtful(column: str, name: str) -> str:
    """What holds of every value of a column that cannot be read, and hardly of another."""
    match column:
        case "occurred_at" | "recorded_at":
            return _no_time(name)
        case "outcome":
            return f"({name} IS NULL OR {name} NOT IN ('success', 'error'))"
        case _:
            return f"(typeof({name}) <> 'text' OR {name} = '')"


def _no_time(name: str) -> str:
    """Whether a reader cannot read it. The calendar is asked only where a look at the form leaves it open."""
    open_ = (
        f"{name} < '0001' OR {name} NOT GLOB '{_TO_THE_SECOND}' OR substr({name}, 6, 5) NOT BETWEEN '01-01' AND '12-28'"
        f" OR substr({name}, 9, 2) NOT BETWEEN '01' AND '28' OR substr({name}, 12, 2) > '23'"
    )
    wrong = (
        # An index refuses the clock, so that a row whose time is 'now' could not be inserted.
        f"CASE WHEN {name} < '0001' OR {name} >= ':' THEN 1"
        f" ELSE strftime('%Y-%m-%dT%H:%M', {name}, '+0 days') IS NOT substr({name}, 1, 16) END"
        f" OR NOT (substr({name}, -1) = 'Z' OR substr({name}, -6) = '+00:00')"
        f" OR substr({name}, 17) GLOB '*[^0-9:.+Z]*'"
    )
    return f"(typeof({name}) <> 'text' OR (({open_}) AND ({wrong})))"
