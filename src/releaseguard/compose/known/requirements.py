"""Which credentials a configuration needs, and for what. Decided from the configuration alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from releaseguard.compose.known.configuration import ADDRESSES, vault_of
from releaseguard.credentials import Requirement
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service
from releaseguard.settings import Settings
from releaseguard_events.places.urls import scheme_of
from releaseguard_events.places.written import variables_in


def readable(settings: Settings, provider: str | None = None) -> Mapping[str, Sequence[Address]]:
    """Provider -> its destinations in this environment, without invalid ones."""
    chosen = {name: one for name, one in settings.providers.items() if provider in {None, name}}
    return {name: list(_readable(section.every_destination)) for name, section in chosen.items()}


def _readable(texts: Sequence[str]) -> Iterator[Address]:
    for text in texts:
        try:
            yield ADDRESSES.parse(text)
        except ConfigError:
            continue  # told of elsewhere, with file and line


def requirements(settings: Settings, provider: str | None = None) -> Sequence[Requirement]:
    """What this environment needs, for all providers or one."""
    places = [address for found in readable(settings, provider).values() for address in found]
    used = {address.scheme for address in places}
    found = [vault.requirement] if (vault := vault_in_use(settings, places)) else []
    found += [service.requirement for service in SERVICES if used & {scheme.name for scheme in service.schemes}]
    logs = [service.log for service in SERVICES if service.log is not None]
    return found + [log.requirement for log in logs if scheme_of(settings.events.url) in log.schemes]


def vault_in_use(settings: Settings, places: Sequence[Address]) -> Service[Any] | None:
    """The vault, where it is configured or there are destinations for its secrets."""
    vault = vault_of(settings)
    return vault if places or vault.is_vault(settings.services[vault.name]) else None


def variables_asked_for(settings: Settings, url: str) -> Sequence[str]:
    """The credentials of :func:`requirements` in words, and the variables in the event log's address as written."""
    return [*(one.words for one in requirements(settings)), *dict.fromkeys(variables_in(url))]
