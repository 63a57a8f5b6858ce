"""Puts together what an incident of one provider is read from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from releaseguard.cards.spec import Card
from releaseguard.compose.bindings import Bindings
from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import service_at, vault_of
from releaseguard.compose.placing.placements import Placement
from releaseguard.compose.stores import Stores
from releaseguard.compose.verification import Verification
from releaseguard.destinations.address import Address
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service

if TYPE_CHECKING:
    from releaseguard.incident.context import HostingTarget, IncidentContext
    from releaseguard.incident.sources.outside import Project, Repository
    from releaseguard.incident.sources.problems import ServiceLabel
    from releaseguard.incident.sources.secrets import ConfiguredDestination

_EXAMPLES = {
    "project": ", ".join(service.example for service in SERVICES if service.functions),
    "repository": ", ".join(service.example for service in SERVICES if service.workflows),
}
"""An example destination of each kind, for configurations without one."""
_OF_NO_USERS = frozenset({"preview", "development"})
"""Preview deployments exist for every branch; what they serve says nothing about users."""


@dataclass(frozen=True, eq=False)
class Incidents:
    """Puts together what incidents are read from. What is not configured is left out."""

    clients: Clients
    stores: Stores
    bindings: Bindings
    verification: Verification

    def context(
        self, card: Card, window: timedelta, as_of: datetime | None, progress: Callable[[str], None]
    ) -> IncidentContext:
        """Everything that an incident of one provider is read from."""
        from releaseguard.incident.context import IncidentContext
        from releaseguard.incident.sources.secrets import Secrets
        from releaseguard.incident.sources.tests_at_hand import tests_naming

        self.clients.safety.refuse_services()
        known = self.bindings.addresses_from(card.id)
        live = self.verification.live_checks()
        vault = _labelled(vault_of(self.clients.settings))
        return IncidentContext(
            health=self.verification.health(window, None, as_of),
            card=card,
            projects=self._projects(known),
            repositories=self._repositories(known),
            hosts=self._hosts(known),
            examples=_EXAMPLES,
            secrets=Secrets(self._sites(card), self.stores.log, lambda: self.bindings.vault, vault),
            count_rows=live.count_rows,
            database_setting=live.database_setting,
            tests=partial(tests_naming, self.clients.settings.root),
            scrub=self._scrub(),
            progress=progress,
        )

    def _projects(self, known: Sequence[Address]) -> Sequence[Project]:
        from releaseguard.incident.sources.outside import Project

        return [
            Project(place, opened, _labelled(service))
            for service in SERVICES
            if service.functions
            for place, opened in service.functions(self.clients.context(service), known).items()
        ]

    def _repositories(self, known: Sequence[Address]) -> Sequence[Repository]:
        from releaseguard.incident.sources.outside import Repository

        return [
            Repository(place, opened, _labelled(service))
            for service in SERVICES
            if service.workflows
            for place, opened in service.workflows(self.clients.context(service), known).items()
        ]

    def _hosts(self, known: Sequence[Address]) -> Sequence[HostingTarget]:
        from releaseguard.incident.context import HostingTarget

        found: dict[str, HostingTarget] = {}
        for address in known:
            service, targets = service_at(address), [one for one in address.targets if one not in _OF_NO_USERS]
            if targets and service and service.deployer:
                opened = partial(service.deployer, self.clients.context(service), address)
                found.setdefault(address.base, HostingTarget(address.base, targets[0], opened, _labelled(service)))
        return list(found.values())

    def _sites(self, card: Card) -> Sequence[ConfiguredDestination]:
        section = self.clients.settings.providers.get(card.id)
        if section is None or not section.every_destination or not self.bindings.is_declared():
            return []
        placed = [(place, service_at(place.address)) for place in self.bindings.placements_of(card)]
        return [self._site(card, place, service) for place, service in placed if service]

    def _site(self, card: Card, place: Placement, service: Service[Any]) -> ConfiguredDestination:
        from releaseguard.incident.sources.secrets import ConfiguredDestination

        opened = partial(self.bindings.managed_at, card, [place])
        return ConfiguredDestination(place.address.uri, _labelled(service), opened)

    def _scrub(self) -> Callable[[str], str]:
        """Removes secrets, personal data and anything like a key from the words of apps and services."""
        from releaseguard.harmless import visible
        from releaseguard.secret import masked, without_keys
        from releaseguard_events.scrub.scrubber import Scrubber, secrets_of

        scrubber = Scrubber(secrets_of(self.clients.environ))
        return lambda text: visible(without_keys(masked(scrubber.text(text))))


def _labelled(service: Service[Any]) -> ServiceLabel:
    from releaseguard.incident.sources.problems import ServiceLabel

    return ServiceLabel(service.title, service.credential)
