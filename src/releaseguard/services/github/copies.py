"""Where else at GitHub a name is held: copies in other places, and environments' own that hide a repository's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import SHADOWS_UNREAD, CopySearch
from releaseguard.destinations.sending import all_of
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.http import ServiceClient, member, quoted
from releaseguard.http.paging import pages
from releaseguard.services.github.address import ACTIONS, GitHubAddress, actions, dependabot
from releaseguard.services.github.requests import secrets_path


class OwnerDocument(TypedDict, total=False):
    """Whose a repository is: a ``User`` or an ``Organization``."""

    login: str
    type: str


class RepositoryDocument(TypedDict, total=False):
    """A repository of a listing."""

    full_name: str
    owner: OwnerDocument


@dataclass(frozen=True, slots=True)
class GitHubCopies:
    """What holds one of ``names`` in all that the client's token reaches, ``but`` one place."""

    client: ServiceClient
    names: Sequence[str]
    but: Address

    def search(self) -> CopySearch:
        """Looks into every repository, its environments, Dependabot's store, and the organisations they belong to."""
        repositories = self._repositories()
        owners = {
            str(member(repo["owner"], "login")): repo["owner"].get("type") for repo in repositories if repo.get("owner")
        }
        organisations = sorted(owner for owner, kind in owners.items() if kind == "Organization")
        found = all_of(
            self.client,
            [partial(self._in_repository, str(repo["full_name"])) for repo in repositories]
            + [partial(self._in_stores, [actions(owner), dependabot(owner)]) for owner in organisations],
        )
        return CopySearch(
            sorted({place for search in found for place in search.found}),
            sorted({place for search in found for place in search.unread}),
        )

    def _repositories(self) -> Sequence[RepositoryDocument]:
        try:
            return pages(self.client, "/user/repos")
        except AccessDenied:  # an App's installation has no user
            return pages(self.client, "/installation/repositories", "repositories")

    def _in_repository(self, full_name: str) -> CopySearch:
        owner, _, repo = full_name.partition("/")
        stores, unread = [actions(owner, repo), dependabot(owner, repo)], []
        try:
            stores += _environments(self.client, owner, repo)
        except (AccessDenied, NotFound) as error:
            unread.append(f"environments of github:{full_name} ({error.status})")
        searched = self._in_stores(stores)
        return CopySearch(searched.found, [*searched.unread, *unread])

    def _in_stores(self, stores: Sequence[GitHubAddress]) -> CopySearch:
        wanted = {name.upper() for name in self.names}
        found, unread = [], []
        for store in stores:
            if store == self.but:
                continue
            try:
                listed = pages(self.client, secrets_path(store), "secrets")
            except (AccessDenied, NotFound) as error:
                unread.append(f"{store.uri} ({error.status})")
            else:
                if wanted & {str(secret["name"]).upper() for secret in listed}:
                    found.append(store.uri)
        return CopySearch(found, unread)


def shadows(client: ServiceClient, place: GitHubAddress, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Name -> remarks about environments whose secret of that name hides this repository's."""
    if place.scheme != ACTIONS or not place.repo or place.environment or not names:
        return {}
    try:
        environments = _environments(client, place.account, place.repo)
    except (AccessDenied, NotFound):
        return {name: [SHADOWS_UNREAD] for name in names}
    pairs = [(name, store) for name in names for store in environments]
    held = all_of(client, [partial(_holds, client, store, name) for name, store in pairs])
    remarks: dict[str, list[str]] = {}
    for (name, store), holds in zip(pairs, held, strict=True):
        if holds:
            remarks.setdefault(name, []).append(f"shadowed by {store.uri}")
    return remarks


def _environments(client: ServiceClient, owner: str, repo: str) -> list[GitHubAddress]:
    listed = pages(client, f"/repos/{quoted(owner)}/{quoted(repo)}/environments", "environments")
    return [actions(owner, repo, str(found["name"])) for found in listed]


def _holds(client: ServiceClient, store: GitHubAddress, name: str) -> bool:
    return client.request("GET", f"{secrets_path(store)}/{quoted(name)}", allow=(404,)).status == 200
