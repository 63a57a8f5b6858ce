"""``rotate PROVIDER --by-hand``: what a person does while services are away; nothing is asked or written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from releaseguard.cli.shared.options import Run
from releaseguard.errors import ExitCode

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.rotation.by_hand.steps import HandPlace
    from releaseguard.rotation.groups import SecretGroup
    from releaseguard.wiring import Wiring


def by_hand(run: Run, wiring: Wiring, provider: str, secret: str | None, environment: str | None) -> ExitCode:
    """Print the ordered list of places, names, consoles and commands. Raises ``ConfigError``."""
    from releaseguard.compose.known.configuration import commands_at
    from releaseguard.rotation.by_hand.steps import lines_of, steps_of
    from releaseguard.rotation.groups import unit_of

    card = wiring.cards.get(provider)
    group = unit_of(card, secret)
    where = f" --environment {environment}" if environment else ""
    which = f" --secret {secret}" if secret else ""
    command = f"releaseguard rotate {provider}{where}{which}"
    places = [] if group.manual else _places(wiring, card, group)
    steps = steps_of(group, places, commands_at, command, run.lang or wiring.settings.project.language)
    head = f"BY HAND  {provider} in {wiring.settings.environment}: {' and '.join(group.names)}"
    document = {
        "provider": provider,
        "environment": wiring.settings.environment,
        "unit": group.name,
        "steps": [step.to_json(number) for number, step in enumerate(steps, 1)],
    }
    run.emit(lambda: lines_of(steps, head), document)
    return ExitCode.OK


def _places(wiring: Wiring, card: Card, group: SecretGroup) -> Sequence[HandPlace]:
    from releaseguard.compose.known.configuration import service_at
    from releaseguard.rotation.by_hand.steps import HandPlace

    found = []
    for place in wiring.bindings.placements_of(card):
        names = {name: there for name, there in place.of(group.secrets).items() if there}
        by = wiring.settings.deployments.get(place.address.base)
        service = service_at(place.address)
        deployed = by or (place.address.base if service and service.deployer else None)
        found += [HandPlace(address=place.address, names=names, deployed_by=deployed)] if names else []
    return found
