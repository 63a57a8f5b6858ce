"""Workflow runs that may still use what a push has replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypedDict

from releaseguard.destinations.interface import QueuedRun, RunQueue
from releaseguard.destinations.sending import all_of, moment_of
from releaseguard.http import ServiceClient, quoted
from releaseguard.http.paging import pages
from releaseguard.services.github.address import GitHubAddress

_LIVE = ("queued", "waiting", "pending", "requested", "in_progress")
"""A run in one of these states has read its repository's secrets (when it was queued) and may still use them."""


class RunDocument(TypedDict, total=False):
    """A run of a workflow as GitHub lists it; times are ISO 8601."""

    id: int
    name: str | None
    path: str | None
    display_title: str | None
    status: str | None
    conclusion: str | None
    run_number: int | None
    created_at: str | None
    run_started_at: str | None
    updated_at: str | None
    head_branch: str | None
    head_sha: str | None
    html_url: str | None


class GitHubRuns(RunQueue):
    """The runs of the repositories behind some destinations.

    A repository's and an organisation's secrets are read when a run is queued, an environment's when its job
    starts: of an environment only runs in progress can hold the old value.
    """

    def __init__(self, client: ServiceClient, addresses: Sequence[GitHubAddress]) -> None:
        self._client = client
        self._addresses = addresses

    def waiting(self, since: datetime) -> Sequence[QueuedRun]:
        calls = [
            partial(self._runs, place, repository, status)
            for repository, place in self._repositories().items()
            for status in (_LIVE if "@" not in place else ("in_progress",))
        ]
        runs = [run for found in all_of(self._client, calls) for run in found] if calls else []
        return sorted((run for run in runs if run.created_at <= since), key=lambda run: run.created_at)

    def _repositories(self) -> Mapping[str, str]:
        """``O/R`` -> the widest destination whose secrets its runs read; letter case makes no other repository."""
        found: dict[str, tuple[str, str]] = {}
        for address in sorted(self._addresses, key=lambda a: (bool(a.environment), not a.repo)):
            for repository in self._within(address):
                found.setdefault(repository.lower(), (repository, address.uri))
        return dict(found.values())

    def _within(self, address: GitHubAddress) -> Sequence[str]:
        if address.repo:
            return [f"{address.account}/{address.repo}"]
        path = f"/orgs/{quoted(address.account)}/repos"
        return [str(repo["full_name"]) for repo in pages(self._client, path)]

    def _runs(self, place: str, repository: str, status: str) -> Sequence[QueuedRun]:
        owner, _, repo = repository.partition("/")
        path = f"/repos/{quoted(owner)}/{quoted(repo)}/actions/runs"
        listed = pages(self._client, path, "workflow_runs", {"status": status})
        runs = (_queued_run(place, run) for run in listed)
        return [run for run in runs if run is not None]


def _queued_run(place: str, run: RunDocument) -> QueuedRun | None:
    created = moment_of(run.get("created_at"))
    if created is None:
        return None
    return QueuedRun(
        place=place,
        id=int(run["id"]),
        workflow=str(run.get("name") or run.get("path") or "workflow"),
        status=str(run.get("status")),
        created_at=created,
        url=str(run.get("html_url") or ""),
    )
