"""Which variables of a team's projects hold one of our values, under whatever name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from releaseguard import readable
from releaseguard.destinations.interface import HeldValue, ValueSearch
from releaseguard.destinations.sending import all_of
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.http import quoted
from releaseguard.secret import Secret
from releaseguard.services.vercel.answers import ProjectDocument
from releaseguard.services.vercel.listings import READABLE, Listings, StoredVariable

MOST_READ = 300
"""Variables that are read one by one: each takes a request."""


@dataclass(frozen=True, slots=True)
class VercelValues:
    """What holds one of ``values``, by secret."""

    listings: Listings
    values: Mapping[str, Secret]

    def search(self) -> ValueSearch:
        """Looks into every project; variables that are sensitive show nothing, and so many that are more than
        :data:`MOST_READ` are left out and said to be."""
        projects = self.listings.projects()
        listed = all_of(self.listings.client, [partial(self._listed, one) for one in projects]) if projects else []
        records = [(place, path, record) for place, path, there, _ in listed for record in there]
        unread = [word for *_, word in listed if word]
        hidden = sum(record.type not in READABLE | {"system"} for *_, record in records)
        shown = [one for one in records if one[2].type in READABLE]
        if hidden:
            which = readable.agree(hidden, "sensitive variable, which shows", "sensitive variables, which show")
            unread.append(f"vercel: {which} nothing")
        if len(shown) > MOST_READ:
            unread.append(f"vercel: {readable.count(len(shown) - MOST_READ, 'variable')} beyond the first {MOST_READ}")
        calls = [partial(self._held, *one) for one in shown[:MOST_READ]]
        found = [one for held in (all_of(self.listings.client, calls) if calls else []) for one in held]
        return ValueSearch(sorted(found), unread)

    def _listed(self, project: ProjectDocument) -> tuple[str, str, Sequence[StoredVariable], str]:
        path, place = f"projects/{quoted(str(project['id']))}", f"vercel:{project['id']}"
        try:
            return place, path, self.listings.records(path), ""
        except (AccessDenied, NotFound) as error:
            return place, path, (), f"{place} ({error.status})"

    def _held(self, place: str, path: str, record: StoredVariable) -> Sequence[HeldValue]:
        value = self.listings.value(path, record.id)
        if value is None:
            return ()
        branch = f" (branch {record.branch})" if record.branch else ""  # another one than that of its targets
        return list(_matches(self.values, value, record, f"{place}/{','.join(sorted(record.serves))}{branch}"))


def _matches(values: Mapping[str, Secret], value: Secret, record: StoredVariable, uri: str) -> Iterator[HeldValue]:
    for secret, ours in values.items():
        if value.holds(ours):
            yield HeldValue(secret, record.key, uri)
