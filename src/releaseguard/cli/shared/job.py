"""What a command leaves in a job of GitHub Actions, where people look: its summary, and outputs for later steps.

GitHub gives each step two files for that, by the variables below (its page "Workflow commands").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from releaseguard.harmless import harmless

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
Tell = Callable[[str], None]


def summarize(environ: Mapping[str, str], markdown: str, tell: Tell) -> None:
    """Add to the job's summary, where this is a job; a summary that cannot be written undoes nothing."""
    _append(environ, SUMMARY, harmless(markdown) + "\n", tell)


def put_out(environ: Mapping[str, str], outputs: Mapping[str, str], tell: Tell) -> None:
    """Set outputs of the step. A value is one line: it could otherwise set another output."""
    lines = [f"{name}={' '.join(harmless(value).split())}\n" for name, value in outputs.items()]
    _append(environ, OUTPUT, "".join(lines), tell)


def _append(environ: Mapping[str, str], variable: str, text: str, tell: Tell) -> None:
    path = environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        what = {SUMMARY: "The job summary", OUTPUT: "The step's outputs"}[variable]
        tell(f"{what} could not be written to {path}: {error.strerror}.")
