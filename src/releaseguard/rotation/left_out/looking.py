"""Examines every destination before the first write, so that all problems are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from releaseguard.errors import LeaseHeld, ReleaseguardError
from releaseguard.rotation.context import Binding
from releaseguard.rotation.history.views import LeftOut
from releaseguard.rotation.left_out.choosing import at_place, chosen, may_go_on, not_writable
from releaseguard.rotation.session import RotationSession

T = TypeVar("T")


def leave_out_as_asked(session: RotationSession) -> None:
    """Leave out what ``--skip`` names; it is neither read nor written. Raises ``UsageError`` and ``ConfigError``."""
    asked, context = session.request, session.context
    session.left |= chosen(context.bindings, asked.skip, asked.reason, context.rules.read_address)


def look_over(session: RotationSession, look: Callable[[Binding], T]) -> Mapping[str, T]:
    """The results of ``look`` for each destination that can be written, by its key.

    Others are left out where a leak continues without them; otherwise one error reports all of them.
    """
    bindings = session.bindings
    found: dict[str, T] = {}
    wrong: dict[str, ReleaseguardError] = {}
    for binding, seen in zip(bindings, session.workers.each(lambda one: _attempt(look, one), bindings), strict=True):
        if isinstance(seen, ReleaseguardError):
            wrong[binding.key] = seen
        else:
            found[binding.key] = seen
    if not may_go_on(bindings, wrong, leak=session.request.leak):
        raise not_writable(bindings, wrong, session.command)
    uris = {one.key: one.destination.uri for one in bindings}
    session.left |= {key: LeftOut(uris[key], at_place(key, error)) for key, error in wrong.items()}
    return found


def _attempt(look: Callable[[Binding], T], binding: Binding) -> T | ReleaseguardError:
    try:
        return look(binding)
    except LeaseHeld:
        raise
    except ReleaseguardError as error:
        return error
