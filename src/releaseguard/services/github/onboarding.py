"""GitHub's part of a first configuration: the repository is the one that the git remote names."""

from __future__ import annotations

import re

from releaseguard.onboarding.folder import ProjectFolder
from releaseguard.onboarding.part import NothingAsked, Onboarding, Recognised

_REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^/@\s]*@)?github\.com(?::\d+)?/|(?:[^/@\s:]+@)?github\.com:)"
    r"/?(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]*)/(?P<repo>[A-Za-z0-9._-]+?)(?:\.git)?/?"
)
_SECTION = """\
# Credentials: RELEASEGUARD_GITHUB_TOKEN, or a GitHub App's RELEASEGUARD_GITHUB_APP_ID and
# RELEASEGUARD_GITHUB_APP_PRIVATE_KEY. The token that Actions gives to a job cannot write secrets.
[github]
url = "https://api.github.com"
"""


def recognise(repository: ProjectFolder) -> Recognised[NothingAsked]:
    """The repository of the first remote that is at GitHub."""
    remotes = (_REMOTE.fullmatch(url.strip()) for url in repository.remotes)
    found = next((f"{match['owner']}/{match['repo']}" for match in remotes if match), None)
    return Recognised(
        destinations=[f"github:{found}"] if found else [], repository=found, answers=lambda _environment: NothingAsked()
    )


ONBOARDING = Onboarding(
    answers=NothingAsked,
    recognise=recognise,
    section=lambda _answers: _SECTION,
    example="github:OWNER/REPO",
)
