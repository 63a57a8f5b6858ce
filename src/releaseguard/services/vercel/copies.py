"""Where else at Vercel a name is held: the projects of the team, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from releaseguard.destinations.interface import CopySearch
from releaseguard.destinations.sending import all_of
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.http import quoted
from releaseguard.http.paging import entries
from releaseguard.services.vercel.address import STANDARD_TARGETS
from releaseguard.services.vercel.answers import ProjectDocument, VariableDocument
from releaseguard.services.vercel.listings import Listings


@dataclass(frozen=True, slots=True)
class VercelCopies:
    """What holds one of ``names`` beside the targets (``ours``, as records name them) of the project ``mine``."""

    listings: Listings
    names: Sequence[str]
    mine: str
    """The project's id or name, as its address says it."""
    ours: Callable[[], frozenset[str]]

    def search(self) -> CopySearch:
        """Looks into every project of the team (or account), our own one's other targets included, and into the
        team's shared variables (``vercel:TEAM/shared``). Each target found is an address of its own."""
        calls = [partial(self._in_project, project) for project in self.listings.projects()]
        searches = [*(all_of(self.listings.client, calls) if calls else []), self._in_shared()]
        return CopySearch(
            sorted({place for search in searches for place in search.found}),
            sorted({place for search in searches for place in search.unread}),
            {place: other for search in searches for place, other in search.also.items()},
        )

    def _in_project(self, project: ProjectDocument) -> CopySearch:
        by_id = self.mine.startswith("prj_") or not project.get("name")
        place = f"vercel:{project['id'] if by_id else project['name']}"
        other = f"vercel:{(project.get('name') if by_id else project['id']) or project['id']}"
        path = f"projects/{quoted(str(project['id']))}"
        try:
            records = self.listings.records(path)
        except (AccessDenied, NotFound) as error:
            return CopySearch([], [f"{place} ({error.status})"])
        ours = self.ours() if self.mine in {project["id"], project.get("name")} else frozenset[str]()
        outside = frozenset[str]().union(*(r.serves for r in records if r.key in self.names)) - ours
        slugs = self.listings.slugs(path) if outside - {*STANDARD_TARGETS} else {}
        found = sorted(slugs.get(target, target) for target in outside)
        return CopySearch(
            [f"{place}/{target}" for target in found], (), {f"{place}/{t}": f"{other}/{t}" for t in found}
        )

    def _in_shared(self) -> CopySearch:
        if not self.listings.team_id:
            return CopySearch([])
        reply = self.listings.shared()
        if reply.status in {401, 403}:
            return CopySearch([], [f"the team's shared variables ({reply.status})"])
        shared: Sequence[VariableDocument] = entries(reply.json(), "data") if reply.status == 200 else []
        held = any(one.get("key") in self.names for one in shared)
        return CopySearch([f"vercel:{self.listings.team_id}/shared"] if held else [])
