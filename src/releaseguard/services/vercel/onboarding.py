"""Vercel's part of a first configuration: the project that a folder is linked to."""

from __future__ import annotations

import re

from msgspec import Struct

from releaseguard.onboarding.folder import ProjectFolder, texts_in
from releaseguard.onboarding.lines import line
from releaseguard.onboarding.part import WEB, Onboarding, Recognised, SetupQuestion

_SECTION = """\
# Credential: VERCEL_TOKEN. `sensitive = true` has `drift` report variables that can be read back.
[vercel]
url = "https://api.vercel.com"
"""


class VercelAnswers(Struct, frozen=True):
    """What is asked of Vercel."""

    team: str | None = None


def recognise(repository: ProjectFolder) -> Recognised[VercelAnswers]:
    """Where ``vercel link`` left it: the project, and the team unless it is a person's own."""
    project, owner = texts_in(repository.folder / ".vercel" / "project.json", "projectId", "orgId")
    known = re.fullmatch(r"[A-Za-z0-9._-]+", project)
    answers = VercelAnswers(owner if owner.startswith("team_") else None)
    return Recognised(
        destinations=[f"vercel:{project}/production"] if known else [], answers=lambda _environment: answers
    )


def section(answers: VercelAnswers) -> str:
    return _SECTION + line("team_id", answers.team or "", "a team's projects", off=not answers.team)


ONBOARDING = Onboarding(
    answers=VercelAnswers,
    recognise=recognise,
    section=section,
    questions=[SetupQuestion(field="team", metavar="ID", help="The team that owns the Vercel projects.")],
    files=[".vercel/project.json"],
    example="vercel:prj_123/production",
    runs=True,
    deploys={WEB: r"(?i:\bvercel\b[^\n]*(?:\bdeploy\b|--prod)|vercel-action@)"},
)
