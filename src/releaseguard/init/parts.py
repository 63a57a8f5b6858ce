"""The services as a first configuration knows them; given as values, since no story knows a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from releaseguard.destinations.address import Scheme
from releaseguard.onboarding.part import Onboarding


class OnboardedService(Struct, frozen=True, kw_only=True):
    """One service and its part."""

    name: str
    title: str
    schemes: Sequence[Scheme]
    part: Onboarding[Any]
    keeps_secrets: Callable[[str], bool] | None = None
    """Whether its section, as it is written, makes it the vault; ``None`` for a service that is none."""


class RemoteLog(Struct, frozen=True):
    """An event log that is reached by REST: an address of one, and what a job that writes to it is given."""

    example: str
    credential: str
    address: str
    """The variable with the log's address."""


class ServiceParts(Struct, frozen=True):
    """All of them, in the order of the file."""

    services: Sequence[OnboardedService]
    log: RemoteLog
    backend: str
    """An address of the app's own backend."""

    @property
    def forms(self) -> Sequence[str]:
        """Every form of an address of a destination."""
        return [form for service in self.services for scheme in service.schemes for form in scheme.forms]

    @property
    def examples(self) -> Sequence[str]:
        """A destination at each service that has any."""
        return [service.part.example for service in self.services if service.part.example]

    @property
    def files(self) -> Sequence[str]:
        """What is looked into beside what every project has."""
        return [file for service in self.services for file in service.part.files]

    @property
    def functions(self) -> Sequence[str]:
        """The folders with a folder for each function."""
        return [service.part.functions for service in self.services if service.part.functions]

    @property
    def overrides(self) -> Sequence[str]:
        """Settings that another environment has otherwise."""
        return [f"{one.name}.{setting}" for one in self.services for setting in one.part.overrides]

    def runs(self, uri: str) -> bool:
        """Whether a process that writes events reads the secret there."""
        kind = uri.partition(":")[0]
        return any(service.part.runs for service in self.services if kind in {one.name for one in service.schemes})

    def deploys(self, kind: str) -> re.Pattern[str] | None:
        """How a workflow looks that deploys a part of that kind at one of them."""
        found = [service.part.deploys[kind] for service in self.services if kind in service.part.deploys]
        return re.compile("|".join(found)) if found else None

    def sections(self, answers: Mapping[str, Struct]) -> Mapping[str, str]:
        """Service -> its lines of the file."""
        return {one.name: one.part.section(answers[one.name]) for one in self.services}

    def vault(self, sections: Mapping[str, str]) -> str:
        """What the vault is called: the service whose section says that it is, else the first that may be."""
        vaults = [one for one in self.services if one.keeps_secrets is not None]
        chosen = (one.title for one in vaults if one.keeps_secrets and one.keeps_secrets(sections[one.name]))
        return next(chosen, vaults[0].title)
