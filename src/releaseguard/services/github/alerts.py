"""GitHub's secret-scanning alerts.

Values are never fetched: ``hide_secret=true`` (https://docs.github.com/rest/secret-scanning/secret-scanning).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from releaseguard.errors import AccessDenied, NotFound, ServiceError
from releaseguard.http import ServiceClient, member
from releaseguard.http.paging import pages
from releaseguard.leaks.interface import Alert, AlertSource


class AlertDocument(TypedDict, total=False):
    """An alert of a listing, without the value that was found."""

    number: int
    secret_type: str | None
    provider_slug: str | None
    created_at: str
    html_url: str | None
    validity: str | None
    publicly_leaked: bool | None


class GitHubAlerts(AlertSource):
    """The alerts of some repositories (``OWNER/REPO``)."""

    def __init__(self, client: ServiceClient, repositories: Sequence[str]) -> None:
        self._client = client
        self._repositories = repositories

    def open_alerts(self) -> Sequence[Alert]:
        alerts: list[Alert] = []
        problems: list[ServiceError] = []
        for repository in self._repositories:
            try:
                alerts += self._of(repository)
            except (AccessDenied, NotFound) as problem:
                problems.append(problem)
        if problems and not alerts:
            raise problems[0]
        self.unread = tuple(problem.what for problem in problems)
        return sorted(alerts, key=lambda alert: (alert.created_at, alert.place, alert.number))

    def close_as_revoked(self, alert: Alert, comment: str) -> None:
        repository = alert.place.removeprefix("github:")
        self._client.request(
            "PATCH",
            f"/repos/{repository}/secret-scanning/alerts/{alert.number}",
            json={"state": "resolved", "resolution": "revoked", "resolution_comment": comment},
        )

    def _of(self, repository: str) -> Sequence[Alert]:
        params = {"state": "open", "hide_secret": "true"}
        try:
            rows = pages(self._client, f"/repos/{repository}/secret-scanning/alerts", params=params)
        except NotFound:
            raise NotFound(
                f"no secret-scanning alerts can be read for {repository}",
                where=self._client.host,
                next_step="Switch secret scanning on there, and give the token 'secret scanning alerts: read'.",
                status=404,
            ) from None
        return [_alert(repository, row) for row in rows]


def _alert(repository: str, row: AlertDocument) -> Alert:
    return Alert(
        place=f"github:{repository}",
        number=member(row, "number", repository),
        kind=str(row.get("secret_type") or "unknown"),
        provider=row.get("provider_slug"),
        created_at=datetime.fromisoformat(member(row, "created_at", repository)),
        url=str(row.get("html_url") or ""),
        validity=row.get("validity"),
        publicly_leaked=bool(row.get("publicly_leaked")),
    )
