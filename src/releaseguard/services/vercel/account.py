"""Whose credential it is, what it may do, and what is left of its limit: by reading alone."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.errors import AccessDenied, NotFound
from releaseguard.http import ServiceClient, quoted
from releaseguard.model import Remark, Standing
from releaseguard.services.vercel.destination import who_am_i


def account(client: ServiceClient, team_id: str | None) -> Iterator[Remark]:
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
