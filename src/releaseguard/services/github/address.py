"""Where GitHub keeps secrets.

==================================  ======================================================
``github:OWNER/REPO``               a repository's Actions secrets
``github:OWNER/REPO@ENVIRONMENT``   those of one deployment environment
``github:OWNER``                    an organisation's
``github-dependabot:OWNER/REPO``    what Dependabot's runs see; ``OWNER`` alone: an organisation's
==================================  ======================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from releaseguard.destinations.address import Address, Scheme

ACTIONS, DEPENDABOT = "github", "github-dependabot"

_OWNER = r"(?P<account>[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)"
_REPO = r"(?P<repo>[A-Za-z0-9._-]+)"
_ACTIONS = re.compile(rf"{_OWNER}(?:/{_REPO}(?:@(?P<environment>[^\x00-\x1f]{{1,255}}))?)?")
_DEPENDABOT = re.compile(rf"{_OWNER}(?:/{_REPO})?")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GitHubAddress(Address):
    """One store of secrets; ``repo`` is empty for an organisation's, ``environment`` for a repository's."""

    account: str
    repo: str = ""
    environment: str = ""

    @property
    def repository(self) -> str:
        """``OWNER/REPO``; the owner alone where it is an organisation's."""
        return f"{self.account}/{self.repo}" if self.repo else self.account

    @property
    def site(self) -> str:
        return self.base.lower()

    @property
    def folds_names(self) -> bool:
        """GitHub keeps names in upper case."""
        return True

    def shadows(self, other: Address) -> bool:
        """Whether a secret here hides one of the same name at ``other`` from some runs.

        An environment beats its repository, which beats its organisation.
        """
        if not isinstance(other, GitHubAddress) or not self.scheme == other.scheme == ACTIONS:
            return False
        narrower = (bool(self.repo), bool(self.environment)) > (bool(other.repo), bool(other.environment))
        inside = self.account.lower() == other.account.lower() and (
            not other.repo or self.repo.lower() == other.repo.lower()
        )
        return narrower and inside


def actions(account: str, repo: str = "", environment: str = "") -> GitHubAddress:
    """Where secrets of Actions are kept."""
    at = f"@{environment}" if environment else ""
    base = f"{ACTIONS}:{account}{f'/{repo}' if repo else ''}{at}"
    return GitHubAddress(base=base, account=account, repo=repo, environment=environment)


def dependabot(account: str, repo: str = "") -> GitHubAddress:
    """Where Dependabot's are kept."""
    return GitHubAddress(base=f"{DEPENDABOT}:{account}{f'/{repo}' if repo else ''}", account=account, repo=repo)


def _read_actions(rest: str) -> Address | None:
    found = _ACTIONS.fullmatch(rest)
    return actions(found["account"], found["repo"] or "", (found["environment"] or "").strip()) if found else None


def _read_dependabot(rest: str) -> Address | None:
    found = _DEPENDABOT.fullmatch(rest)
    return dependabot(found["account"], found["repo"] or "") if found else None


SCHEMES = (
    Scheme(ACTIONS, ("github:OWNER/REPO", "github:OWNER/REPO@ENVIRONMENT", "github:OWNER"), _read_actions),
    Scheme(DEPENDABOT, ("github-dependabot:OWNER/REPO",), _read_dependabot),
)
