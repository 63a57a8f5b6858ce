"""Whose credential it is, what it may do, and what is left of its limit: by reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from releaseguard.destinations.address import Address, Scheme
from releaseguard.destinations.github_app import GitHubInstallation
from releaseguard.destinations.supabase import projects
from releaseguard.destinations.vercel import who_am_i
from releaseguard.errors import AccessDenied, NotFound, ServiceError
from releaseguard.http import Reply, ServiceClient, quoted
from releaseguard.model import Remark, Standing

SCARCE = 0.1
"""Less than this share of a limit left is worth a word before a rotation."""


def github(
    client: ServiceClient, installation: GitHubInstallation | None, addresses: Sequence[Address]
) -> Iterator[Remark]:
    """The token is good (``/rate_limit`` takes every kind), may write as far as GitHub says, and has requests left."""
    reply = client.request("GET", "/rate_limit")
    yield Remark(Standing.OK, "GitHub accepts the credential", client.host)
    yield from _left(reply, client.host)
    organisations = any(address.account and not address.repo for address in addresses)
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


def _app_may(permissions: Mapping[str, str], addresses: Sequence[Address], where: str) -> Iterator[Remark]:
    """By the names of the REST API's "permissions" of an installation."""
    wanted = {_app_permission(address): None for address in addresses}
    if any(address.scheme is Scheme.GITHUB and address.repo and not address.environment for address in addresses):
        wanted["actions_variables"] = None
    missing = [name for name in wanted if permissions.get(name) not in {"write", "admin"}]
    if missing:
        fix = "Give the App these permissions (read and write) in its settings, and accept them for the installation."
        yield Remark(Standing.FAIL, f"the GitHub App may not write {', '.join(missing)}", where, fix, "write")
    else:
        yield Remark(Standing.OK, f"the GitHub App may write {', '.join(wanted)}", where, about="write")


def _app_permission(address: Address) -> str:
    if address.scheme is Scheme.GITHUB_DEPENDABOT:
        return "dependabot_secrets" if address.repo else "organization_dependabot_secrets"
    if address.environment:
        return "environments"
    return "secrets" if address.repo else "organization_secrets"


def vercel(client: ServiceClient, team_id: str | None) -> Iterator[Remark]:
    """The token is good and reaches the team."""
    who_am_i(client)
    yield Remark(Standing.OK, "Vercel accepts the token; what it may write is known only with the first push")
    if team_id:
        try:
            client.request("GET", f"/v2/teams/{quoted(team_id)}")
        except (AccessDenied, NotFound) as error:
            fix = "Correct [vercel] team_id, or make a VERCEL_TOKEN whose scope holds that team."
            yield Remark(Standing.FAIL, f"the token does not reach the team {team_id}", error.where, fix, "team")
        else:
            yield Remark(Standing.OK, f"team {team_id}", client.host, about="team")


def supabase(client: ServiceClient) -> Iterator[Remark]:
    """The token is good, and reaches so many projects."""
    reached = len(projects(client))
    yield Remark(
        Standing.OK,
        f"Supabase accepts the token (projects reached: {reached}); what it may write, the first push shows",
        client.host,
    )


def app(client: ServiceClient) -> Iterator[Remark]:
    """The app's own backend answers, and takes its public key. ``client`` sends it."""
    reply = client.request("GET", "/auth/v1/settings", allow=(401, 403, 404))
    if reply.status == 200:
        yield Remark(Standing.OK, "the app answers and takes its public key", client.host)
    elif reply.status == 404:
        fix = "Set [app] url to the project's address, https://REF.supabase.co: flows sign in at /auth/v1/token there."
        yield Remark(Standing.FAIL, "the app answers, and has no sign-in of Supabase's", client.host, fix)
    else:
        fix = "Set SUPABASE_ANON_KEY (in Infisical or the environment) to the public key of this very project."
        what = f"the app does not take its public key ({reply.status})"
        raise AccessDenied(what, where=client.host, next_step=fix, status=reply.status)


def _inside(document: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise ServiceError(
            f"the answer has no {'.'.join(keys)}", next_step="Check that [github] url is the address of GitHub's API."
        )
    return document
