"""What a rotation leaves in a job: the result and the chain's head, which are anchored outside the log there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.cli.shared.job import put_out, summarize
from releaseguard.cli.shared.options import Run

if TYPE_CHECKING:
    from releaseguard.rotation.result import RotationResult


def leave_in_job(run: Run, result: RotationResult) -> None:
    """In the summary, and as outputs of the step."""
    from releaseguard.report.layout.markdown import fenced
    from releaseguard.rotation.telling import text_of

    summarize(run.environ, run.safe(fenced(text_of(result))), run.tell)
    told = result.to_json()
    outputs = {"rotation_id": told["rotation_id"], "state": told["state"], "head": told["head"]}
    put_out(run.environ, {name: value or "" for name, value in outputs.items()}, run.tell)
