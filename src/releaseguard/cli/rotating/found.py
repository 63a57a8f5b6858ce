"""Shows the findings of ``drift`` and ``leaks``, on the terminal and in a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.cli.shared.documents import present, rendered
from releaseguard.cli.shared.options import Run
from releaseguard.report.formats import FINDINGS

if TYPE_CHECKING:
    from pathlib import Path

    from releaseguard.report.findings.document import FindingsPage


def show_found(run: Run, page: FindingsPage, format_: str | None, output: Path | None) -> None:
    """Print the findings or write them to a file; leave a summary and annotations in a job."""
    from releaseguard.cli.shared.job import Annotation

    present(run, FINDINGS, page, format_, output, page.summary)
    if run.job.has_summary:
        run.job.summarize(rendered(run, FINDINGS, page, "markdown"))
    run.job.annotate(
        Annotation(
            level="error" if row.level == "error" else "warning",
            title=f"{page.title}: {row.rule.replace('_', ' ')} {row.subject}",
            message=f"{row.place}: {row.reason}" + (f" Next: {row.next_step}" if row.next_step else ""),
            file=row.file,
            line=row.line,
        )
        for row in page.wrong
    )
