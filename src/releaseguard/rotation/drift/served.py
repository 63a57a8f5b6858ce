"""Whether production still serves what was deployed with the new value: a roll-back by hand brings the old value back.

What stands in the variables says nothing of that: a deployment keeps the ones of its day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from releaseguard.deployments.interface import Deployer
from releaseguard.errors import NotFound
from releaseguard.rotation.history.views import RotationView

PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class RolledBackByHand:
    """One place whose production serves an older deployment than the one that was made for the value."""

    base: str
    """The destination's URI without targets."""
    serves: str
    deployed: str
    """The deployment that has the value."""

    def sentence(self) -> str:
        """What that means."""
        return f"production serves {self.serves}, which is older than {self.deployed} and has the variables of its day"


def rolled_back_by_hand(view: RotationView, deployers: Mapping[str, Deployer]) -> Sequence[RolledBackByHand]:
    """The places that do not serve any more what ``view`` has brought out. ``deployers`` by place; a place without one
    is not looked at. Raises ``ServiceError`` where a service does not answer."""
    made = [one for one in view.progress(view.direction).deployments.values() if one.phase == "ready" and one.id]
    found = []
    for one in made:
        deployer = deployers.get(one.place) if one.target == PRODUCTION else None
        serves = served_instead(deployer, one.target, str(one.id)) if deployer else None
        if serves:
            found.append(RolledBackByHand(one.place, serves, str(one.id)))
    return found


def served_instead(deployer: Deployer, target: str, deployment_id: str) -> str | None:
    """What ``target`` serves in place of that deployment, where it is no younger one; ``None`` too where one of the
    two is there no more, so that nobody can tell."""
    serving = deployer.serving_id(target)
    if serving is None or serving == deployment_id:
        return None
    with suppress(NotFound):
        younger = deployer.get(serving).created_at > deployer.get(deployment_id).created_at
        return None if younger else serving
    return None
