"""Refuses what a configuration file must not contain: a credential, a variable that holds no database's address, an
invalid duration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

from msgspec import structs

from releaseguard.errors import ConfigError
from releaseguard.model import CLIENT, by_phones, duration
from releaseguard.settings.values import Known, Settings
from releaseguard.tomlfile import Document, Step, did_you_mean
from releaseguard_events.places.written import CREDENTIAL_KEY, check_variables, holds_password

_DATABASE_VARIABLE = re.compile(r"([A-Z0-9]+_)*(DATABASE|DB|POSTGRES|PG)_URL")


def refuse_variables(settings: Settings, known: Known) -> None:
    """Raise ``ConfigError`` where the file names a variable that is not for an address: its value would be sent, or
    shown, wherever the file says."""
    databases = (*known.databases, "DATABASE_URL")
    check_variables(settings.events.url, databases, settings.where("events", "url"))
    if not _DATABASE_VARIABLE.fullmatch(settings.app.database_url_env):
        raise ConfigError(
            f"app.database_url_env: {settings.app.database_url_env} is not the name of a database's address",
            where=settings.where("app", "database_url_env"),
            next_step="Give the variable a name that ends in DATABASE_URL, DB_URL, POSTGRES_URL or PG_URL, for "
            "instance APP_DATABASE_URL.",
        )


def refuse_mapping(settings: Settings) -> None:
    """Raise ``ConfigError``, with the line, for an invalid rule about the app's own table."""
    events = settings.events
    if events.columns or events.names:
        from releaseguard_events.mapping.parsing import described
        from releaseguard_events.stores.table import COLUMNS, EventTable

        EventTable.of(described(structs.asdict(events), COLUMNS, partial(settings.where, "events")))


_DURATIONS = {
    "network": ("timeout", "patience"),
    "rotation": ("lease", "prove_within", "deploy_within"),
    "verify": ("window", "baseline", "lead"),
}
_MAY_BE_NOTHING = frozenset({"patience", "prove_within", "lead"})


def refuse_durations(settings: Settings) -> None:
    """Raise ``ConfigError`` for a duration that cannot be read, or that is zero where it must not be."""
    for section, names in _DURATIONS.items():
        for name in names:
            try:
                nothing = not duration(getattr(getattr(settings, section), name))
            except ValueError as error:
                raise ConfigError(f"{section}.{name}: {error}", where=settings.where(section, name)) from None
            if nothing and name not in _MAY_BE_NOTHING:
                raise ConfigError(
                    f"{section}.{name}: is zero",
                    where=settings.where(section, name),
                    next_step="Give it more: 30s, 15m or 7d.",
                )


def refuse_release_names(settings: Settings) -> None:
    """Raise ``ConfigError`` for an invalid ``release_pattern``, and for a source that belongs to two components."""
    pattern = settings.verify.release_pattern
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ConfigError(
            f"verify.release_pattern: is not a regular expression: {error}",
            where=settings.where("verify", "release_pattern"),
            next_step="Its first group takes the release out of what rows carry: ^shop@(.+)$",
        ) from None
    _refuse_shared_sources(settings)


def refuse_days(settings: Settings) -> None:
    """Raise ``ConfigError`` for an unknown time zone or an invalid day of the calendar."""
    if settings.project.timezone != "UTC":
        _refuse_zone(settings)
    for day in settings.calendar:
        if not _is_day(day):
            raise ConfigError(
                f"calendar: {day!r} is not a day",
                where=settings.where("calendar", day),
                next_step='Write it as "2026-10-29" = "holiday".',
            )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _refuse_zone(settings: Settings) -> None:
    from zoneinfo import ZoneInfo, available_timezones

    zone = settings.project.timezone
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ConfigError(
            f"project.timezone: {zone!r} is not a time zone",
            where=settings.where("project", "timezone"),
            next_step=did_you_mean(zone, sorted(available_timezones())) or "Example: Europe/Istanbul",
        ) from None


def _refuse_shared_sources(settings: Settings) -> None:
    of: dict[str, str] = {}
    for name, sources in settings.components.items():
        for source in sources:
            phones = by_phones(source)
            owner = of.setdefault(CLIENT if phones else source, name)
            if owner != name or (phones and not all(map(by_phones, sources))):
                raise ConfigError(
                    f"components.{name}: the source {source} is of another component",
                    where=settings.where("components", name),
                    next_step="A source belongs to one component; phones (client) are one of their own.",
                )


_TOKENS = (r"SG\.", "sk-", "sntry[su]_", r"[ps]k\.eyJ", r"eyJ[A-Za-z0-9_-]+\.", "AKIA[0-9A-Z]{12}", "-----BEGIN")
"""How providers' keys begin, and the forms of tokens and keys in general, as regular expressions."""


def refuse_credentials(document: Document, known: Known) -> None:
    """Raise ``ConfigError`` where the file contains a credential."""
    token = re.compile("|".join((*_TOKENS, *known.tokens)))
    for steps, value in _leaves(document.data, ()):
        if steps[-2:] == ("notify", "url"):
            raise document.error(
                "the webhook's address is in the configuration file, and it is a credential",
                *steps,
                next_step="Remove it, and set RELEASEGUARD_NOTIFY_URL in the environment.",
            )
        key = str(steps[-1]) if steps else ""
        if isinstance(value, str) and (
            (CREDENTIAL_KEY.search(key) and value) or token.match(value) or holds_password(value)
        ):
            raise document.error(
                "there is a credential in the configuration file",
                *steps,
                next_step="Remove it, and revoke it if the file was ever shared. Credentials come from the environment "
                "only; events.url may hold ${NAME}.",
            )


def _leaves(value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*steps, index))
    else:
        yield steps, value
