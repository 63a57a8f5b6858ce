"""Reads ``releaseguard.toml`` and the environment, once.

The file says where things are. Credentials come from the environment only; one found in the file is an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from releaseguard import tomlfile
from releaseguard.errors import ConfigError
from releaseguard.secret import confidential
from releaseguard.settings.checks import (
    refuse_credentials,
    refuse_days,
    refuse_durations,
    refuse_mapping,
    refuse_release_names,
    refuse_variables,
)
from releaseguard.settings.sections import CommonSections, EventsSection, Section
from releaseguard.settings.values import FILE_NAME, Known, Settings
from releaseguard.tomlfile import Document
from releaseguard_events.configuration import here
from releaseguard_events.places.written import expanded, variables_in


class _Forms(Struct, frozen=True):
    """The type of the whole file with all services' sections, and the type of the part that each environment may
    override."""

    whole: type[Any]
    file: type[Any]


@cache
def _forms(sections: tuple[tuple[str, type[Section]], ...]) -> _Forms:
    fields: list[tuple[str, type, Any]] = [(name, kind, kind()) for name, kind in sections]
    environments: tuple[str, Any, Any] = ("environments", Mapping[str, Mapping[str, Any]], {})
    file = msgspec.defstruct("_File", fields, bases=(CommonSections,), frozen=True, kw_only=True)
    return _Forms(msgspec.defstruct("_Whole", [environments], bases=(file,), frozen=True, kw_only=True), file)


def form_of(known: Known) -> type[Any]:
    """The type of the whole file, including the services' sections."""
    return _forms(tuple(known.sections.items())).whole


def load(
    path: Path | None,
    *,
    environment: str | None,
    environ: Mapping[str, str],
    known: Known,
    start: Path | None = None,
    needs_log: bool = True,
) -> Settings:
    """Read the configuration from ``path``, else ``RELEASEGUARD_CONFIG``, else the first ``releaseguard.toml`` in
    ``start`` (the current directory) or above.

    Without a file the defaults apply. Where no file names the event log, ``RELEASEGUARD_EVENTS_URL`` does. Variables in
    the log's address may be unset unless the caller ``needs_log``. Raises ``ConfigError`` with file, line and key.
    """
    hidden = confidential(environ)
    found = _find(path, environ, start.resolve() if start else here())
    if found is not None and not found.exists():
        raise ConfigError(
            "there is no such file",
            where=str(found),
            next_step=f"Correct {'--config' if path else 'RELEASEGUARD_CONFIG'}, or make one: releaseguard init",
        )
    document = tomlfile.read(found) if found else _without_file(environ)
    read = of(document, environment=environment, environ=environ, known=known, path=found, needs_log=needs_log)
    return replace(read, hidden=hidden)


def of(
    document: Document,
    *,
    environment: str | None,
    environ: Mapping[str, str],
    known: Known,
    path: Path | None = None,
    needs_log: bool = True,
) -> Settings:
    """The settings in a document, which was read from the file ``path`` or from no file. Raises ``ConfigError`` like
    :func:`load`."""
    refuse_credentials(document, known)
    settings = _settings(path, document, environment, known)
    refuse_durations(settings)
    refuse_variables(settings, known)
    refuse_release_names(settings)
    refuse_days(settings)
    refuse_mapping(settings)
    unset = {} if needs_log else _unset(settings.events.url, environ)
    return replace(settings, events=_with_url(settings, {**environ, **unset}))


def _unset(url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Placeholders for the unset variables of an address that nobody connects to; where one variable is the whole
    address, an address of Postgres."""
    names = variables_in(url)
    stands = "postgresql://unset" if url == f"${{{''.join(names)}}}" else "unset"
    return {name: stands for name in names if not environ.get(name)}


def _find(path: Path | None, environ: Mapping[str, str], start: Path) -> Path | None:
    given = path or (Path(environ["RELEASEGUARD_CONFIG"]) if environ.get("RELEASEGUARD_CONFIG") else None)
    if given is not None:
        return Path(os.path.realpath(given))  # links in a circle are for whoever opens it to tell of
    return next((folder / FILE_NAME for folder in (start, *start.parents) if (folder / FILE_NAME).is_file()), None)


def _without_file(environ: Mapping[str, str]) -> Document:
    url = environ.get("RELEASEGUARD_EVENTS_URL")
    return Document(
        Path("(no releaseguard.toml)"), {"events": {"url": "${RELEASEGUARD_EVENTS_URL}"}} if url else {}, {}
    )


def _settings(path: Path | None, document: Document, environment: str | None, known: Known) -> Settings:
    forms = _forms(tuple(known.sections.items()))
    whole = tomlfile.convert(document, forms.whole)
    chosen = environment or whole.project.environment
    names = {whole.project.environment, chosen, *whole.environments}
    files = {name: _file_for(document, forms.file, whole.environments.get(name, {}), name) for name in names}
    mine = files[chosen]
    return Settings(
        path=path,
        environment=chosen,
        document=document,
        siblings={name: file.providers for name, file in files.items()},
        services={name: getattr(mine, name) for name in known.sections},
        examples=known.examples,
        **{name: getattr(mine, name) for name in CommonSections.__struct_fields__},
    )


def _file_for(document: Document, form: type[Any], own: Mapping[str, Any], environment: str) -> Any:
    base = {key: value for key, value in document.data.items() if key != "environments"}
    tomlfile.convert(document, form, at=("environments", environment), data=own)
    return tomlfile.convert(document, form, data=_merged(base, own))


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        both_tables = isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        merged[key] = _merged(base[key], value) if both_tables else value
    return merged


def _with_url(settings: Settings, environ: Mapping[str, str]) -> EventsSection:
    where = settings.where("events", "url")
    given = environ.get("RELEASEGUARD_EVENTS_URL")
    if given and not _names_a_log(settings):  # then the app's writers go there, and so do we
        relative = given.removeprefix("sqlite:///")
        url = given if relative == given else f"sqlite:///{here() / relative}"
        return msgspec.structs.replace(settings.events, url=url)
    if settings.events.url.startswith("sqlite:///"):
        relative = expanded(settings.events.url.removeprefix("sqlite:///"), environ, where)
        return msgspec.structs.replace(settings.events, url=f"sqlite:///{settings.root / relative}")
    return msgspec.structs.replace(settings.events, url=expanded(settings.events.url, environ, where))


def _names_a_log(settings: Settings) -> bool:
    data = settings.document.data
    own = data.get("environments", {}).get(settings.environment, {})
    return any("url" in part.get("events", {}) for part in (data, own))
