"""Where something is known to run on the old value still, whatever the log says: revoking that would break it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from releaseguard.errors import ReleaseguardError
from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import deployments_for
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.prove import heard, served_elsewhere, serving_words


@dataclass(frozen=True, slots=True)
class KnownUse:
    """A place that runs on the old value."""

    why: str
    step: str
    """What brings it to the new one."""


def known_uses(session: RotationSession, view: RotationView) -> Sequence[KnownUse]:
    """Where the old value of ``view`` is in use although no row may say so. A service that does not answer is no
    reason."""
    return [*_left_out(session, view), *(_not_brought_out(session, view) or _served(session, view))]


def _runtimes(session: RotationSession) -> Sequence[Binding]:
    every = session.context.bindings
    return [one for one in every if one.destination.runtime and session.group.asks_for_proof_at(one)]


def _left_out(session: RotationSession, view: RotationView) -> Iterator[KnownUse]:
    left, step = session.left_of(view), f"Write it: {session.command} --resume"
    for one in _runtimes(session):
        if one.key in left:
            yield KnownUse(f"{one.destination.uri} was left out and runs on the old value", step)


def _not_brought_out(session: RotationSession, view: RotationView) -> Sequence[KnownUse]:
    progress, step = view.progress(view.direction), f"Go on: {session.command} --resume"
    if view.rolling_back or progress.deployed_at is not None:
        return ()
    runtimes = [one.destination for one in _runtimes(session) if one.key not in session.left_of(view)]
    if progress.pushed_at is None:
        return [KnownUse(f"{one.uri} has not been written yet", step) for one in runtimes]
    waits = [one for one in runtimes if deployments_for([one])]
    step = f"Deploy it, then: {session.command} --resume"
    return [KnownUse(f"{one.uri} has not been deployed since it was written", step) for one in waits]


def _served(session: RotationSession, view: RotationView) -> Sequence[KnownUse]:
    try:
        served = served_elsewhere(session, heard(session, view.direction))
    except ReleaseguardError:
        return ()
    step = "Promote the deployment that has the new value, where it is hosted"
    return [KnownUse(why, step) for why in serving_words(served)]
