"""GitHub's secret-scanning alerts.

Values are never fetched: ``hide_secret=true`` (https://docs.github.com/rest/secret-scanning/secret-scanning).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from releaseguard.errors import NotFound
from releaseguard.http import ServiceClient
from releaseguard.leaks.interface import Alert, AlertSource

PAGE = 100


class GitHubAlerts(AlertSource):
    """The alerts of some repositories (``OWNER/REPO``)."""

    def __init__(self, client: ServiceClient, repositories: Sequence[str]) -> None:
        self._client = client
        self._repositories = repositories

    def open_alerts(self) -> Sequence[Alert]:
        alerts = [alert for repository in self._repositories for alert in self._of(repository)]
        return sorted(alerts, key=lambda alert: (alert.created_at, alert.place, alert.number))

    def close_as_revoked(self, alert: Alert, comment: str) -> None:
        repository = alert.place.removeprefix("github:")
        self._client.request(
            "PATCH",
            f"/repos/{repository}/secret-scanning/alerts/{alert.number}",
            json={"state": "resolved", "resolution": "revoked", "resolution_comment": comment},
        )

    def _of(self, repository: str) -> Iterator[Alert]:
        for page in range(1, 1000):
            rows = self._page(repository, page)
            yield from (_alert(repository, row) for row in rows)
            if len(rows) < PAGE:
                return

    def _page(self, repository: str, page: int) -> Sequence[Mapping[str, Any]]:
        params: dict[str, str | int | bool | None] = {
            "state": "open",
            "hide_secret": True,
            "per_page": PAGE,
            "page": page,
        }
        reply = self._client.request("GET", f"/repos/{repository}/secret-scanning/alerts", params=params, allow=(404,))
        if reply.status == 404:
            raise NotFound(
                f"no secret-scanning alerts can be read for {repository}",
                where=self._client.host,
                next_step="Switch secret scanning on there, and give the token 'secret scanning alerts: read'.",
                status=404,
            )
        rows: Sequence[Mapping[str, Any]] = reply.json()
        return rows


def _alert(repository: str, row: Mapping[str, Any]) -> Alert:
    return Alert(
        place=f"github:{repository}",
        number=row["number"],
        kind=row["secret_type"],
        provider=row.get("provider_slug"),
        created_at=datetime.fromisoformat(row["created_at"]),
        url=row["html_url"],
        validity=row.get("validity"),
        publicly_leaked=bool(row.get("publicly_leaked")),
    )
