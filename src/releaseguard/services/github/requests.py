"""What every request to GitHub carries, where things are, and what stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from releaseguard.errors import AccessDenied
from releaseguard.http import ServiceClient, quoted
from releaseguard.secret import Secret
from releaseguard.services.github.address import DEPENDABOT, GitHubAddress


class StoredDocument(TypedDict, total=False):
    """A secret, whose value is never shown, or a variable. ``visibility``: of an organisation's."""

    name: str
    value: str
    updated_at: str | None
    visibility: str | None


class Grants(TypedDict, total=False):
    """Which repositories may use what an organisation holds."""

    visibility: str
    selected_repository_ids: Sequence[int]


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


class Archived(AccessDenied):
    """The repository takes no secret any more."""


_HIDDEN = (401, 403, 404)
"""Answers to a token that may write secrets and not see the repository: the other looks tell what is wrong."""


def refuse_archived(client: ServiceClient, address: GitHubAddress) -> None:
    """Raise ``Archived`` for a repository that shows its secrets, and takes none: only itself says so."""
    if not address.repo:
        return
    reply = client.request("GET", f"/repos/{quoted(address.account)}/{quoted(address.repo)}", allow=_HIDDEN)
    told = reply.json() if reply.status not in _HIDDEN else None
    if isinstance(told, dict) and told.get("archived") is True:
        raise Archived(
            f"{address.account}/{address.repo} is archived: it takes no secret",
            where=address.uri,
            next_step="Unarchive it in its settings, or take it out of the configuration.",
        )
