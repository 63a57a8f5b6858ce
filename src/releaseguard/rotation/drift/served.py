"""Whether production runs on what was written. After a roll-back by hand, or without a deployment, it runs on the old
value: a deployment keeps the variables of its day, whatever stands in them now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from releaseguard.deployments.interface import Deployer
from releaseguard.errors import NotFound
from releaseguard.rotation.history.views import RotationView

PRODUCTION = "production"
CLOCKS_APART = timedelta(seconds=10)
"""The largest expected difference between a service's clock and the log's."""


@dataclass(frozen=True, slots=True)
class OlderServed:
    """A place whose production serves a deployment older than the value."""

    base: str
    """The destination's URI without targets."""
    serves: str
    deployed: str | None
    """The deployment that has the value; ``None`` where none was made."""

    def sentence(self) -> str:
        """The finding as a sentence."""
        if self.deployed is None:
            return f"production serves {self.serves}, which was deployed before that was written"
        return f"production serves {self.serves}, which is older than {self.deployed} and has the variables of its day"


def older_served(view: RotationView, deployers: Mapping[str, Deployer]) -> Iterator[OlderServed]:
    """The places that do not serve what ``view`` has written. ``deployers`` is by place; a place without one is
    skipped. Raises ``ServiceError`` where a service does not answer."""
    progress = view.progress(view.direction)
    made = [one for one in progress.deployments.values() if one.phase == "ready" and one.target == PRODUCTION]
    deployed = {one.place: one.id for one in made if one.id}
    for base, deployer in deployers.items() if progress.pushed_at else ():
        mine = deployed.get(base)
        serves = (
            served_instead(deployer, PRODUCTION, mine) if mine else _served_from_before(deployer, progress.pushed_at)
        )
        if serves:
            yield OlderServed(base, serves, mine)


def _served_from_before(deployer: Deployer, pushed_at: datetime | None) -> str | None:
    serving = deployer.current(PRODUCTION)
    is_older = serving and pushed_at and serving.created_at < pushed_at - CLOCKS_APART
    return serving.id if serving and is_older else None


def served_instead(deployer: Deployer, target: str, deployment_id: str) -> str | None:
    """The older deployment that ``target`` serves in place of ``deployment_id``; ``None`` where it serves that one or a
    newer one, or where one of the two no longer exists, so that nobody can tell."""
    serving = deployer.serving_id(target)
    if serving is None or serving == deployment_id:
        return None
    with suppress(NotFound):
        younger = deployer.get(serving).created_at > deployer.get(deployment_id).created_at
        return None if younger else serving
    return None
