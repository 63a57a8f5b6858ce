"""Carries out a rotation from a command, showing progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from releaseguard.cli.shared.options import Run
from releaseguard.cli.shared.progress import above_remarks

if TYPE_CHECKING:
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
