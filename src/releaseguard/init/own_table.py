"""A table of events that the app has already, found in its migrations, and the section that reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 21
"""Bytes of a migration that is looked into."""
MOST_FILES: Final = 2_000
DEEPEST: Final = 3
"""Folders above one called ``migrations``."""
_SKIPPED: Final = frozenset({"node_modules", "vendor", "dist", "build"})

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAME = r'(?:"?[A-Za-z_][\w$]*"?\.)?"?(?P<name>[A-Za-z_][\w$]*)"?'
_CREATE = re.compile(rf"\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?{_NAME}\s*\(", re.IGNORECASE)
_ADD = re.compile(
    rf'\balter\s+table\s+(?:only\s+)?(?:if\s+exists\s+)?{_NAME}\s+add\s+column\s+(?:if\s+not\s+exists\s+)?"?(?P<column>\w+)"?'
    r"\s+(?P<type>[A-Za-z]\w*)",
    re.IGNORECASE,
)
_COLUMN = re.compile(r'"?(?P<name>[A-Za-z_]\w*)"?\s+"?(?P<type>[A-Za-z]\w*)')
_NO_COLUMN = {"primary", "unique", "check", "constraint", "foreign", "exclude", "like"}

_PROVIDER = ("integration_name", "provider", "integration", "service_name", "service", "vendor")
_OUTCOME = ("outcome", "status", "result", "state", "success", "ok")
_TIME = ("occurred_at", "created_at", "logged_at", "event_time", "timestamp", "ts", "time")
_RECORDED = ("recorded_at", "inserted_at", "ingested_at")
_LATENCY = ("latency_ms", "response_time_ms", "duration_ms", "response_time", "latency")
_STATUS_CODES = ("status_code", "http_status", "response_code")
_CODES = ("error_code", *_STATUS_CODES)
_EVENT = ("event", "event_name")
_KIND = ("event_type", "kind", "type", "category")
_JSON = ("metadata", "detail", "details", "context", "payload", "data")
_MARKS = (*_LATENCY, *_CODES, "endpoint", "error_message", "error")
"""What a log of uses has, and a table of business does not."""
_LABELS = ("release", "source", "correlation_id", "synthetic")
_GOOD = ("success", "succeeded", "ok", "healthy", "degraded", "completed")
_BAD = ("failure", "failed", "error", "timeout", "timed_out", "down", "unhealthy", "rejected")
_USUAL = ("success", "degraded", "failure", "timeout")
_PROVIDERS = {"expo": "expo_push"}


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A table of the app's and where it is made."""

    name: str
    columns: Mapping[str, str]
    """Name -> type, in lower case."""
    words: Sequence[str]
    """What its CHECK lets the outcome be; empty where nothing is said."""
    file: Path

    def first(self, names: Sequence[str]) -> str | None:
        """The first of the names that it has a column of."""
        return next((name for name in names if name in self.columns), None)

    @property
    def json(self) -> str | None:
        """Its column of JSON."""
        return next((name for name in _JSON if self.columns.get(name, "").startswith("json")), None)


def recognised(folder: Path) -> OwnTable | None:
    """The table in the folder's migrations that looks most like a log of integrations; ``None`` where none does."""
    found: dict[str, OwnTable] = {}
    for path in islice(_migrations(folder), MOST_FILES):
        text = _COMMENT.sub(" ", _read(path))
        for name, columns, words in _created(text):
            found[name] = OwnTable(name, columns, words, path)
        for added in _ADD.finditer(text):
            if (table := found.get(added["name"].lower())) is not None:
                more = {added["column"].lower(): added["type"].lower()}
                found[table.name] = OwnTable(table.name, {**table.columns, **more}, table.words, table.file)
    likely = [table for table in found.values() if _is_a_log(table)]
    return max(likely, key=_likeness, default=None)


def _migrations(folder: Path) -> Iterator[Path]:
    for place in sorted(_folders(folder, DEEPEST)):
        yield from sorted(place.rglob("*.sql"))


def _folders(folder: Path, levels: int) -> Iterator[Path]:
    """Those called ``migrations``, wherever a tool keeps them; not those of what is installed."""
    try:
        inside = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return
    for one in inside:
        if one.name == "migrations":
            yield one
        elif levels and one.name not in _SKIPPED and not one.name.startswith("."):
            yield from _folders(one, levels - 1)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= LARGEST else ""
    except OSError:
        return ""


def _created(text: str) -> Iterator[tuple[str, Mapping[str, str], Sequence[str]]]:
    for match in _CREATE.finditer(text):
        parts = list(_parts(text, match.end()))
        columns = {}
        for part in parts:
            column = _COLUMN.match(part.strip())
            if column and column["name"].lower() not in _NO_COLUMN:
                columns[column["name"].lower()] = column["type"].lower()
        yield match["name"].lower(), columns, _words_of(parts)


def _parts(text: str, start: int) -> Iterator[str]:
    """What stands between the commas of a parenthesis that was opened right before ``start``."""
    level, begun = 1, start
    for place in range(start, len(text)):
        level += {"(": 1, ")": -1}.get(text[place], 0)
        if text[place] == "," and level == 1:
            yield text[begun:place]
            begun = place + 1
        if not level:
            yield text[begun:place]
            return


def _words_of(parts: Sequence[str]) -> Sequence[str]:
    for part in parts:
        checked = re.search(r"\bcheck\s*\(\s*\(?\"?(\w+)\"?.*?(?:\bin\b|\bany\b)(.*)", part, re.IGNORECASE | re.DOTALL)
        if checked and checked[1].lower() in _OUTCOME:
            return re.findall(r"'([^']+)'", checked[2])
    return ()


def _is_a_log(table: OwnTable) -> bool:
    """Ours under our own names needs no section."""
    needed = all(table.first(names) for names in (_PROVIDER, _OUTCOME, _TIME))
    is_ours = {"provider", "event", "outcome", "occurred_at", "environment"} <= table.columns.keys()
    return needed and not is_ours and table.first(_MARKS) is not None and _likeness(table) >= 2


def _likeness(table: OwnTable) -> int:
    words = sum(word in table.name for word in ("integration", "health", "event", "log", "provider", "api"))
    return words + sum(name in table.columns for name in _MARKS)


_HEAD: Final = """\
# A column of ours is a column of theirs, a path into its JSON ("metadata.release"), a constant, words translated one to
# one, or the first of several that is not null; false: there is none. `releaseguard doctor` shows which rule took which
# rows, `releaseguard events migrate --sql` prints a view of it, and `releaseguard events migrate --additions` what its
# owner could add so that nothing is missing."""


def section(table: OwnTable, environment: str) -> str:
    """``[events.columns]`` and ``[events.names]`` for the table, as text, after the section ``[events]``."""
    return "".join(f"{line}\n" for line in (*_head(table), *_columns(table, environment), *_names(table)))


def _head(table: OwnTable) -> Iterator[str]:
    yield f"# The app's own table, as {table.file.name} makes it: read and appended to, never altered."
    yield from _HEAD.splitlines()
    yield f"table = {_text(table.name)}"
    yield 'results_table = "releaseguard_events"'
    yield ""


def _columns(table: OwnTable, environment: str) -> Iterator[str]:
    yield "[events.columns]"
    yield f"occurred_at = {_text(table.first(_TIME) or '')}"
    recorded = table.first(_RECORDED)
    yield (
        f"recorded_at = {_text(recorded)}"
        if recorded
        else "recorded_at = false # when a row reached the log: no --as-of"
    )
    yield f"provider = {_translated(table.first(_PROVIDER) or '', _PROVIDERS)}"
    yield from _outcome(table)
    codes = [name for name in _CODES if name in table.columns]
    yield f"error_code = {json.dumps(codes) if codes else 'false'}"
    latency = table.first(_LATENCY)
    yield f"latency_ms = {_text(latency) if latency else 'false'}"
    yield f"environment = {_environment(table, environment)}"
    yield f"event = {_label(table, table.first(_EVENT) or 'event')}"
    yield from (f"{name} = {_label(table, name)}" for name in _LABELS)
    yield f"detail = {_text(table.json) if table.json else 'false'}"
    yield ""


def _outcome(table: OwnTable) -> Iterator[str]:
    """Who does not look at what ``fetch`` was answered writes a success beside a 401."""
    word = _translated(table.first(_OUTCOME) or "", _outcomes(table))
    if (status := table.first(_STATUS_CODES)) is None:
        yield f"outcome = {word}"
        return
    yield "outcome = [ # a key that was refused is not a success, whatever the word beside it says"
    yield f'  {{ column = {_text(status)}, values = {{ 401 = "error", 403 = "error" }}, others = false }},'
    yield f"  {word},"
    yield "]"


def _environment(table: OwnTable, environment: str) -> str:
    own = table.first(("environment", "env"))
    return _text(own) if own else f"{{ constant = {_text(environment)} }}"


def _label(table: OwnTable, name: str) -> str:
    if name in table.columns:
        return _text(name)
    return _text(f"{table.json}.{name}") if table.json else "false"


def _outcomes(table: OwnTable) -> Mapping[str, str]:
    column = table.first(_OUTCOME) or ""
    if table.columns[column].startswith("bool"):
        return {"true": "success", "false": "error"}
    known = {**dict.fromkeys(_GOOD, "success"), **dict.fromkeys(_BAD, "error")}
    words = [word for word in table.words if word in known] or list(_USUAL)
    return {word: known[word] for word in words}


def _translated(column: str, values: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{theirs} = {_text(ours)}" for theirs, ours in values.items())
    return f"{{ column = {_text(column)}, values = {{ {pairs} }} }}"


def _names(table: OwnTable) -> Iterator[str]:
    """How events are called where the table does not say so."""
    kind = table.first(_KIND)
    if table.first(_EVENT) is not None:
        return
    yield "# What no rule names is called by the first event of its provider's card: sendgrid_email_sent, for instance."
    yield "[events.names]"
    if kind is not None:
        yield "# A mere look or connection is no use of a provider and proves nothing; a webhook is its use of the app."
        yield '"*" = ['
        looks = f'{{ {kind} = ["health_check", "connection"] }}'
        yield f'  {{ event = "{{provider}}_health_check", outcome = "success", when = {looks} }},'
        yield f'  {{ event = "{{provider}}_webhook_received", outcome = "success", when = {{ {kind} = "webhook" }} }},'
        yield '  { event = "{provider}_error", outcome = "error" },'
        yield "]"
    yield "# A provider without a card has no first event: name both, or its rows are left out."
    yield 'custom = { success = "custom_ok", error = "custom_error" }'
    if "endpoint" in table.columns:
        yield "mapbox = ["
        where = '{ endpoint = ["*/styles/*", "*/tiles/*"] }'
        yield f'  {{ event = "mapbox_map_rendered", outcome = "success", when = {where} }},'
        yield "]"


def _text(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
