"""Carries out a rotation from a command, showing progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from releaseguard.cli.shared.options import Run
from releaseguard.cli.shared.progress import above_remarks
from releaseguard.errors import ReleaseguardError

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.rotation.context import RotationContext
    from releaseguard.rotation.result import RotationResult
    from releaseguard.rotation.values import RotateRequest
    from releaseguard.wiring import Wiring


def carry_out(run: Run, wiring: Wiring, request: RotateRequest, context: RotationContext) -> RotationResult:
    """Do what ``request`` asks: a bar on a terminal while it waits, a line a minute elsewhere."""
    from releaseguard.rotation.aftermath import rotate_and_settle

    with above_remarks(run) as (watch, tell):
        watched = replace(context, watch=watch)
        return rotate_and_settle(request, watched, wiring.rotation.aftermath_sources(watched), tell)


def set_up(run: Run, wiring: Wiring, card: Card, request: RotateRequest) -> RotationContext:
    """Everything that ``request`` touches. A leak is brought on record also where that is not to be had: a credential
    is missing, or the configuration names a place that cannot be."""
    from releaseguard.rotation.planning.reporting import keep_leak

    try:
        return wiring.rotation.context(card, request.secret)
    except ReleaseguardError as error:
        keep_leak(request, wiring.rotation.leak_register(card), error, run.tell)
        raise
