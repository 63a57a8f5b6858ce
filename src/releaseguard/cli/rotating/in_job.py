"""What a rotation leaves in a CI job: its result, and the chain's head, which is thereby kept outside the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.cli.shared.options import Run

if TYPE_CHECKING:
    from releaseguard.rotation.result import RotationResult


def leave_in_job(run: Run, result: RotationResult) -> None:
    """Write it to the summary, and set outputs of the step."""
    from releaseguard.report.layout.markdown import fenced
    from releaseguard.rotation.telling import text_of

    run.job.summarize(fenced(text_of(result)))
    told = result.to_json()
    run.job.put_out({"rotation_id": told["rotation_id"], "state": told["state"], "head": told["head"]})
