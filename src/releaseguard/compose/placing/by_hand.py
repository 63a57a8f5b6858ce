"""The steps of a rotation by hand, for the places of this configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from releaseguard.compose.known.configuration import commands_at, service_at
from releaseguard.rotation.by_hand.steps import HandPlace, HandStep, steps_of
from releaseguard.rotation.groups import SecretGroup, unit_of

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.compose.bindings import Bindings


def steps_by_hand(
    bindings: Bindings, card: Card, secret: str | None, command: str, language: str
) -> tuple[SecretGroup, Sequence[HandStep]]:
    """The group of ``secret``, and the ordered steps. Raises ``ConfigError``, and ``UsageError`` for a name that the
    card does not have."""
    group = unit_of(card, secret)
    places = [] if group.manual else _places(bindings, card, group)
    return group, steps_of(group, places, commands_at, command, language)


def _places(bindings: Bindings, card: Card, group: SecretGroup) -> Sequence[HandPlace]:
    found = []
    for place in bindings.placements_of(card):
        names = {name: there for name, there in place.of(group.secrets).items() if there}
        by = bindings.clients.settings.deployments.get(place.address.base)
        service = service_at(place.address)
        deployed = by or (place.address.base if service and service.deployer else None)
        found += [HandPlace(address=place.address, names=names, deployed_by=deployed)] if names else []
    return found
