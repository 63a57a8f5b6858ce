"""What every request to GitHub carries, and where things are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from releaseguard.http import quoted
from releaseguard.secret import Secret
from releaseguard.services.github.address import DEPENDABOT, GitHubAddress


def headers(token: Callable[[], Secret]) -> Callable[[], Mapping[str, str | Secret]]:
    """What a ``ServiceClient`` for GitHub sends with each request; ``token`` is asked each time."""

    def each() -> Mapping[str, str | Secret]:
        return {
            "authorization": Secret(f"Bearer {token().reveal()}"),
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }

    return each


def secrets_path(address: GitHubAddress) -> str:
    """Where the API keeps the secrets of a GitHub address."""
    app = "dependabot" if address.scheme == DEPENDABOT else "actions"
    if not address.repo:
        return f"/orgs/{quoted(address.account)}/{app}/secrets"
    repo = f"/repos/{quoted(address.account)}/{quoted(address.repo)}"
    if address.environment:
        return f"{repo}/environments/{quoted(address.environment)}/secrets"
    return f"{repo}/{app}/secrets"


def variables_path(address: GitHubAddress) -> str | None:
    """Where the API keeps the variables beside them; ``None`` for Dependabot's, which have none."""
    if address.scheme == DEPENDABOT:
        return None
    return secrets_path(address).removesuffix("secrets") + "variables"
