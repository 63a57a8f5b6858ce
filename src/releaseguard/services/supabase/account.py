"""Whose credential it is, what it may do, and what is left of its limit: by reading alone."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.errors import AccessDenied
from releaseguard.http import ServiceClient
from releaseguard.model import Remark, Standing
from releaseguard.services.supabase.destination import projects


def account(client: ServiceClient) -> Iterator[Remark]:
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
        fix = "Set SUPABASE_ANON_KEY (in the vault or the environment) to the public key of this very project."
        what = f"the app does not take its public key ({reply.status})"
        raise AccessDenied(what, where=client.host, next_step=fix, status=reply.status)
