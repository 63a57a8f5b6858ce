"""Who runs this, and the job of CI that it may be, by the variables that GitHub Actions sets in each.

Facts: GitHub's page "Variables", https://docs.github.com/actions/reference/workflows-and-actions/variables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

IN_JOB = "GITHUB_ACTIONS"
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable with the file that people read once a step has ended."""
FOLDER = Path(".github")
WORKFLOWS = FOLDER / "workflows"
"""Where a repository keeps what Actions runs."""


def is_job(environ: Mapping[str, str]) -> bool:
    """Whether nobody looks at what is printed while it is printed."""
    return environ.get(IN_JOB) == "true"


def is_read_later(environ: Mapping[str, str]) -> bool:
    """Whether anything that is left for the job's readers is seen."""
    return bool(environ.get(SUMMARY)) or is_job(environ)


def person_in(environ: Mapping[str, str]) -> str:
    """Who runs this, as far as the environment says it."""
    return environ.get("GITHUB_ACTOR") or environ.get("USER") or environ.get("LOGNAME") or f"uid{os.getuid()}"


def run_address(environ: Mapping[str, str]) -> str | None:
    """Where people see the CI run that this is; ``None`` where it is none."""
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    if not (repository and run):
        return None
    return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{run}"
