"""Whether what a proof rests on is still there: somebody may have overwritten it while events came in.

An app reports the companion stored next to its key. A workflow or person who writes only the key leaves the new
companion beside another value. So the destinations are read once more before the old value is declared replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import Carried
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.proof.values import Question
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.push import pinned_values, written_over
from releaseguard.rotation.values import Direction
from releaseguard.vault.interface import SecretVersion


def rewritten(session: RotationSession, question: Question, direction: Direction) -> Mapping[str, Sequence[str]]:
    """Per destination, the names that hold, or may hold, something else than was pushed.

    Raises ``ServiceError`` where a place does not answer: a proof must not rest on a place that could not be read.
    """
    if session.later is not None and not session.later.kept:
        return {}  # there is nothing to compare with, and nothing is proven before the vault holds the value
    asked = {one.uri for one in question.runtimes}
    places = [one for one in session.bindings if one.destination.uri in asked]
    progress, pinned = session.rotation.progress(direction), pinned_values(session, direction)

    def look(binding: Binding) -> Sequence[str]:
        return written_over(session, binding, progress, pinned) if binding.key in progress.destinations else ()

    found = zip(places, session.workers.each(look, places), strict=True)
    return {binding.destination.uri: names for binding, names in found if names}


def overwritten(
    session: RotationSession, rotation_id: str, newest: Mapping[str, SecretVersion]
) -> Mapping[str, Sequence[str]]:
    """Per destination, the names that no longer hold what that rotation rolled out and is still the newest.

    Raises ``ServiceError`` where a place does not answer.
    """
    view = session.rotation_named(rotation_id)
    progress, pinned = view.progress(Direction.FORWARD), _carried(view, newest)
    places = [one for one in session.bindings if one.key in progress.destinations]

    def look(binding: Binding) -> Sequence[str]:
        return written_over(session, binding, progress, pinned)

    found = zip(places, session.workers.each(look, places), strict=True)
    return {binding.destination.uri: names for binding, names in found if names}


def _carried(view: RotationView, newest: Mapping[str, SecretVersion]) -> Mapping[str, Carried]:
    forward = ((pin.name, pin.label_of(Direction.FORWARD)) for pin in view.pins)
    labels = {name: label for name, label in forward if label is not None and name in newest}
    return {name: Carried(newest[name].value, newest[name].version, label) for name, label in labels.items()}


def sentences(changed: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Why that speaks against a proof."""
    return [
        f"{uri}: {', '.join(names)} was written by somebody else since: what the app reports may be of another value"
        for uri, names in changed.items()
    ]
