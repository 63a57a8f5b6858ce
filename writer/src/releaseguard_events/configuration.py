"""Where events go: ``RELEASEGUARD_EVENTS_URL``, else ``[events] url`` of ``releaseguard.toml``.

The file is the whole tool's. Here its ``[project]``, ``[events]`` and ``[network]`` are read, as the project's own
environment has them; what else stands in it is the tool's to check.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from releaseguard_events.errors import ConfigError
from releaseguard_events.places.supabase import DATABASES
from releaseguard_events.places.written import check_variables, expanded, holds_password
from releaseguard_events.scrub.fingerprints import SALT_VARIABLE, USUAL_SALT
from releaseguard_events.stores.table import COLUMNS, EventTable
from releaseguard_events.times import duration

FILE_NAME: Final = "releaseguard.toml"
VARIABLE: Final = "RELEASEGUARD_EVENTS_URL"
SQLITE: Final = "sqlite:///"
USUAL: Final = f"{SQLITE}releaseguard.db"
"""Beside the file, where that names no other log."""
_PROJECT: Final[Mapping[str, type]] = {"name": str, "environment": str, "language": str, "salt": str}
_EVENTS: Final[Mapping[str, type]] = {"url": str, "table": str, "columns": dict, "names": dict, "results_table": str}
_NETWORK: Final[Mapping[str, type]] = {"proxy": str, "timeout": str}


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where events go. ``url`` ``None``: nobody said."""

    url: str | None
    table: EventTable = field(default_factory=EventTable)
    environment: str | None = None
    """Of a process that names none."""
    timeout: float | None = None
    """Seconds for one request over HTTP."""
    proxy: str | None = None


def read(environ: Mapping[str, str]) -> Configuration:
    """The configuration of this process. Raises ``ConfigError`` for a file that is wrong."""
    given = environ.get(VARIABLE)
    url = _absolute(given, here()) if given else None
    path = _found(environ)
    return _of(path, environ, url) if path else Configuration(url)


def here() -> Path:
    """The directory that this process was started in, or, where it has been deleted since, as a deployment does that
    removes older releases below an app that runs, a relative path to nowhere: what is named absolutely still counts."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def salt(environ: Mapping[str, str]) -> str:
    """What fingerprints of secrets are made under: ``RELEASEGUARD_SALT``, else ``[project] salt``, else its name.

    Raises ``ConfigError`` for a file that is wrong.
    """
    if given := environ.get(SALT_VARIABLE):
        return given
    path = _found(environ)
    project = _File(path, environ).section("project", _PROJECT) if path else {}
    return str(project.get("salt") or project.get("name") or USUAL_SALT)


def _of(path: Path, environ: Mapping[str, str], given: str | None) -> Configuration:
    file = _File(path, environ)
    events, network = file.section("events", _EVENTS), file.section("network", _NETWORK)
    if unknown := sorted(events.keys() - _EVENTS.keys()):
        raise ConfigError(f"events.{unknown[0]} is not a known key", where=str(path))
    written = file.address(events.get("url", USUAL))
    return Configuration(
        url=given or written,
        table=_table(events, path),
        environment=file.environment,
        timeout=_seconds(network.get("timeout"), path),
        proxy=network.get("proxy"),
    )


def _found(environ: Mapping[str, str]) -> Path | None:
    """The file that ``RELEASEGUARD_CONFIG`` names, else the first one from here upward."""
    if named := environ.get("RELEASEGUARD_CONFIG"):
        return Path(os.path.realpath(named))
    start = here()
    return next((folder / FILE_NAME for folder in (start, *start.parents) if (folder / FILE_NAME).is_file()), None)


class _File:
    """The file, as its project's environment has it."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._data = _parsed(path)
        self.environment: str = self.section("project", _PROJECT).get("environment", "production")
        own = _table_of(_table_of(self._data, "environments", path), self.environment, path)
        self._data = _merged(self._data, own)

    def section(self, name: str, known: Mapping[str, type]) -> Mapping[str, Any]:
        """A section whose known keys have their types. Raises ``ConfigError``."""
        found = _table_of(self._data, name, self._path)
        for key, value in found.items():
            if not isinstance(value, known.get(key, object)):
                raise ConfigError(f"{name}.{key}: is of the wrong type", where=str(self._path))
        return found

    def address(self, text: str) -> str:
        """``[events] url`` with what it takes from the environment, relative to the file."""
        where = f"{self._path}: [events] url"
        if holds_password(text):
            raise ConfigError(
                "there is a credential in the configuration file",
                where=where,
                next_step="Remove it, and revoke it if the file was ever shared; events.url may hold ${NAME}.",
            )
        check_variables(text, DATABASES, where)
        if text.startswith(SQLITE):
            return _absolute(SQLITE + expanded(text.removeprefix(SQLITE), self._environ, where), self._path.parent)
        return expanded(text, self._environ, where)


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        next_step = "Correct RELEASEGUARD_CONFIG, or make one: releaseguard init"
        raise ConfigError("there is no such file", where=str(path), next_step=next_step) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", where=str(path), next_step="Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", where=str(path)) from None


def _table_of(data: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = data.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"{name} is not a table", where=str(path))
    return found


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    both = {key for key, value in own.items() if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)}
    return {**base, **own, **{key: _merged(base[key], own[key]) for key in both}}


def _absolute(url: str, folder: Path) -> str:
    return f"{SQLITE}{folder / url.removeprefix(SQLITE)}" if url.startswith(SQLITE) else url


def _table(events: Mapping[str, Any], path: Path) -> EventTable:
    from releaseguard_events.mapping.parsing import described  # most processes have no table of their own

    if not {"table", "columns", "names", "results_table"} & events.keys():
        return EventTable()
    return EventTable.of(described(events, COLUMNS, lambda *steps: f"{path}: events.{'.'.join(map(str, steps))}"))


def _seconds(text: str | None, path: Path) -> float | None:
    try:
        return None if text is None else duration(text).total_seconds()
    except ValueError as error:
        raise ConfigError(f"network.timeout: {error}", where=str(path)) from None
