"""What a rotation leaves behind that was given up or interrupted; it is reported, since nothing repairs it by
itself."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.session import RotationSession


def interrupted(session: RotationSession) -> Sequence[str]:
    """What an interrupted rotation leaves behind, and how to continue it."""
    view = session.rotation
    return (
        f"Interrupted: rotation {view.id} is {view.state.value}.",
        *left_behind(session, view),
        f"Go on: {session.command} --resume",
    )


def left_behind(session: RotationSession, view: RotationView) -> Sequence[str]:
    """What an aborted rotation leaves behind."""
    carried = view.progress(view.direction).destinations
    hands = {one.key for one in session.context.bindings if one.destination.by_hand}
    written = sorted(key for key, one in carried.items() if one.status == "pushed" or key not in hands)
    rest = sorted(binding.key for binding in session.context.bindings if binding.key not in written)
    if not written:
        return ("Nothing had been written.",)
    return (f"Written: {', '.join(written)}.", *([f"Not written: {', '.join(rest)}."] if rest else []))
