"""What is where, after each step about a push. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import PushedTarget
from releaseguard.rotation.history.views import ChainView, RotationView, Written, written_by
from releaseguard.rotation.values import Direction
from releaseguard.vault.later import NOT_YET


def whereabouts(view: ChainView, rotation: RotationView, step: said.RotationEvent) -> ChainView:
    """What is where, after a step about a push."""
    if isinstance(step, said.StoredInVault):
        return _numbered(view, rotation)
    if not isinstance(step, said.PushStarted | said.PushFinished | said.Pushed | said.WaitingConsole):
        return view
    way = step.way if isinstance(step, said.WaitingConsole) else step.direction
    moved = {pin.name: written_by(pin, way) for pin in rotation.pins}
    carried = {name: version for name, version in moved.items() if version is not None}
    if isinstance(step, said.Pushed):
        return replace(view, out={**view.out, **carried})
    written, markers = dict(view.written), dict(view.markers)
    for one in step.destinations or ():
        written[one.destination] = {**written.get(one.destination, {}), **carried}
        seen = one.markers if isinstance(one, PushedTarget) else {}
        markers[one.destination] = {**markers.get(one.destination, {}), **seen}
    return replace(view, written=written, markers=markers)


def _numbered(view: ChainView, rotation: RotationView) -> ChainView:
    """What was brought out before the vault had it, by the number that it got there."""
    there = {pin.name: written_by(pin, Direction.FORWARD) for pin in rotation.pins}

    def numbered(known: Mapping[str, Written]) -> Mapping[str, Written]:
        now = {name: there.get(name) for name, one in known.items() if one.version == NOT_YET}
        return {**known, **{name: one for name, one in now.items() if one is not None}}

    written = {key: numbered(known) for key, known in view.written.items()}
    return replace(view, out=numbered(view.out), written=written)
