"""What all services contribute to a first configuration."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from releaseguard.init.parts import OnboardedService, RemoteLog, ServiceParts
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service


def service_parts() -> ServiceParts:
    """The contributions of those services that have one."""
    [log] = [service.log for service in SERVICES if service.log]
    [app] = [service.app for service in SERVICES if service.app]
    remote = RemoteLog(log.example, log.requirement.options[0].variables[0], log.address)
    return ServiceParts(list(filter(None, map(_onboarded, SERVICES))), remote, app.example)


def _onboarded(service: Service[Any]) -> OnboardedService | None:
    if service.onboarding is None:
        return None
    return OnboardedService(
        name=service.name,
        title=service.title,
        schemes=service.schemes,
        part=service.onboarding(),
        keeps_secrets=partial(_is_vault, service) if service.vault else None,
    )


def _is_vault(service: Service[Any], section: str) -> bool:
    import tomllib

    said = tomllib.loads(section).get(service.name, {})
    return service.is_vault(msgspec.convert(said, service.section))
