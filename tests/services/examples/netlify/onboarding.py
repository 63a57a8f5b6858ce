"""Netlify's part of a first configuration: the site that a folder is linked to."""

from __future__ import annotations

import re

from msgspec import Struct

from releaseguard.onboarding.folder import ProjectFolder, texts_in
from releaseguard.onboarding.lines import line, section
from releaseguard.onboarding.part import WEB, Onboarding, Recognised, SetupQuestion


class NetlifyAnswers(Struct, frozen=True):
    """What is asked of Netlify."""

    account: str = ""


def recognise(repository: ProjectFolder) -> Recognised[NetlifyAnswers]:
    """Where ``netlify link`` left it."""
    [site] = texts_in(repository.folder / ".netlify" / "state.json", "siteId")
    known = re.fullmatch(r"[A-Za-z0-9._-]+", site)
    return Recognised(destinations=[f"netlify:{site}"] if known else [], answers=lambda _environment: NetlifyAnswers())


def section_of(answers: NetlifyAnswers) -> str:
    head = "# Credential: NETLIFY_AUTH_TOKEN.\n" + section("netlify", ("url", "https://api.netlify.com", ""))
    return head + line("account", answers.account, "a team's slug", off=not answers.account)


ONBOARDING = Onboarding(
    answers=NetlifyAnswers,
    recognise=recognise,
    section=section_of,
    questions=[
        SetupQuestion(
            field="account", metavar="SLUG", help="The team that owns the Netlify sites.", words="Netlify team's slug"
        )
    ],
    files=[".netlify/state.json"],
    example="netlify:SITE",
    runs=True,
    deploys={WEB: r"\bnetlify\s+deploy\b"},
)
