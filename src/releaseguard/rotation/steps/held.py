"""Whether what a proof rests on is still there: somebody may have written over it while the events came in.

An app reports what stands beside its key. A workflow, or a person, that writes the key alone leaves the new label
beside another value; so the places themselves are looked at once more before an old value is said to be replaced.
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
    """By destination: the names there that hold, or may hold, something else than was pushed.

    Raises ``ServiceError`` where a place does not answer: nothing is proven on what nobody could look at.
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
    """By destination: the names there that do not hold any more what that rotation brought out, and is still newest.

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
    """What that says against a proof."""
    return [
        f"{uri}: {', '.join(names)} was written by somebody else since: what the app reports may be of another value"
        for uri, names in changed.items()
    ]
