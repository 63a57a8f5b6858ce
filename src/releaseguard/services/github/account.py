"""Whose credential it is, what it may do, and what is left of its limit: by reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from releaseguard.errors import ServiceError
from releaseguard.http import Reply, ServiceClient
from releaseguard.model import Remark, Standing
from releaseguard.services.github.address import ACTIONS, DEPENDABOT, GitHubAddress
from releaseguard.services.github.app import GitHubInstallation

SCARCE = 0.1
"""Less than this share of a limit left is worth a word before a rotation."""


def account(
    client: ServiceClient, installation: GitHubInstallation | None, addresses: Sequence[GitHubAddress]
) -> Iterator[Remark]:
    """The token is good (``/rate_limit`` takes every kind), may write as far as GitHub says, and has requests left."""
    reply = client.request("GET", "/rate_limit")
    yield Remark(Standing.OK, "GitHub accepts the credential", client.host)
    yield from _left(reply, client.host)
    organisations = any(not address.repo for address in addresses)
    if installation is not None:
        yield from _app_may(installation.permissions(), addresses, client.host)
    else:
        yield _token_may(reply.headers.get("x-oauth-scopes"), organisations=organisations, where=client.host)


def _left(reply: Reply, where: str) -> Iterator[Remark]:
    core = _inside(reply.json(), "resources", "core")
    remaining, limit = core.get("remaining"), core.get("limit")
    if not isinstance(remaining, int) or not isinstance(limit, int) or not limit:
        return
    scarce = remaining < SCARCE * limit
    fix = "Wait until the hour is over, or give releaseguard a token of its own." if scarce else None
    standing = Standing.WARN if scarce else Standing.OK
    yield Remark(standing, f"{remaining} of {limit} requests are left this hour", where, fix, "rate_limit")


def _token_may(scopes: str | None, *, organisations: bool, where: str) -> Remark:
    if scopes is None:
        what = "GitHub does not say what this kind of token may write: known only with the first push"
        return Remark(Standing.OK, what, where, about="write")
    held = {scope.strip() for scope in scopes.split(",")}
    wanted = ["repo", *(["admin:org"] if organisations else [])]
    missing = [scope for scope in wanted if scope not in held]
    if not missing:
        return Remark(Standing.OK, f"the token's scopes allow writing ({', '.join(wanted)})", where, about="write")
    return Remark(
        Standing.FAIL,
        f"the token's scopes do not allow writing: {', '.join(missing)} is missing",
        where,
        f"Give the token {' and '.join(missing)}, or use a fine-grained one (Secrets and Variables: read and write).",
        "write",
    )


def _app_may(permissions: Mapping[str, str], addresses: Sequence[GitHubAddress], where: str) -> Iterator[Remark]:
    """By the names of the REST API's "permissions" of an installation."""
    wanted = {_app_permission(address): None for address in addresses}
    if any(address.scheme == ACTIONS and address.repo and not address.environment for address in addresses):
        wanted["actions_variables"] = None
    missing = [name for name in wanted if permissions.get(name) not in {"write", "admin"}]
    if missing:
        fix = "Give the App these permissions (read and write) in its settings, and accept them for the installation."
        yield Remark(Standing.FAIL, f"the GitHub App may not write {', '.join(missing)}", where, fix, "write")
    else:
        yield Remark(Standing.OK, f"the GitHub App may write {', '.join(wanted)}", where, about="write")


def _app_permission(address: GitHubAddress) -> str:
    if address.scheme == DEPENDABOT:
        return "dependabot_secrets" if address.repo else "organization_dependabot_secrets"
    if address.environment:
        return "environments"
    return "secrets" if address.repo else "organization_secrets"


def _inside(document: Any, *keys: str) -> Mapping[str, object]:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise ServiceError(
            f"the answer has no {'.'.join(keys)}", next_step="Check that [github] url is the address of GitHub's API."
        )
    return document
