"""Where something is known to run on the old value, whatever the log says: revoking it would break that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from releaseguard.errors import ReleaseguardError
from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import deployments_for
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.proof.values import Question
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.held import rewritten, sentences
from releaseguard.rotation.steps.prove import heard, served_elsewhere, serving_words


@dataclass(frozen=True, slots=True)
class KnownUse:
    """A place that runs on the old value."""

    why: str
    step: str
    """What brings it to the new value."""


def known_uses(session: RotationSession, view: RotationView) -> Sequence[KnownUse]:
    """Where the old value of ``view`` is in use although no row may say so. A service that does not answer is no
    reason, and is told."""
    if view.reported:
        return [*_still_out(session, view)]
    return [*_left_out(session, view), *(_not_brought_out(session, view) or _undone(session, view))]


def _runtimes(session: RotationSession) -> Sequence[Binding]:
    every = session.context.bindings
    return [one for one in every if one.destination.runtime and session.group.asks_for_proof_at(one)]


def _still_out(session: RotationSession, report: RotationView) -> Iterator[KnownUse]:
    """Where what leaked was written last, or may have been: no rotation has answered the report."""
    for one in _runtimes(session):
        written = session.chain.written.get(one.key, {})
        there = {pin.name: written[pin.name].version for pin in report.pins if pin.name in written}
        if all(there.get(pin.name, pin.from_version) == pin.from_version for pin in report.pins):
            why = f"{one.destination.uri} runs on the value that leaked, as far as is known"
            yield KnownUse(why, f"Bring a new value out: {session.command}")


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


def _undone(session: RotationSession, view: RotationView) -> Sequence[KnownUse]:
    """Where somebody has gone back since, in what is served or what is stored. Apps report the companion stored next to
    the key, so a key that was put back beside the new companion looks like the new one in every row."""
    found: list[KnownUse] = []
    try:
        question = heard(session, view.direction)
        found += _served(session, question)
        found += _rewritten(session, question, view)
    except ReleaseguardError as error:
        session.tell(f"Nobody could check whether the new value is still where it was written: {error}")
    return found


def _served(session: RotationSession, question: Question) -> Sequence[KnownUse]:
    step = "Promote the deployment that has the new value, where it is hosted"
    return [KnownUse(why, step) for why in serving_words(served_elsewhere(session, question))]


def _rewritten(session: RotationSession, question: Question, view: RotationView) -> Sequence[KnownUse]:
    step = f"Write it once more: {session.command}"
    return [KnownUse(why, step) for why in sentences(rewritten(session, question, view.direction))]
