"""The variables of a Netlify site, by its API's description of ``/accounts/{account}/env``.

A variable that is marked secret never comes back; the time of its last change does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import (
    CopySearch,
    CostEstimate,
    Destination,
    Item,
    ItemKind,
    Observed,
    SyncStatus,
    WriteResult,
)
from releaseguard.destinations.sending import Writes, all_of, in_order, looked_until, moment_of
from releaseguard.errors import AccessDenied, Failed, NotFound, RateLimited, ServiceError
from releaseguard.http import ServiceClient, quoted
from releaseguard.http.paging import entries
from releaseguard.secret import Secret


class NetlifyDestination(Destination):
    """The variables of one site; a new value is seen by the functions of the next deployment."""

    service = "netlify"
    runtime = True
    needs_deployment = False
    holds_companions = True

    def __init__(
        self, client: ServiceClient, address: Address, account: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.address = address
        self._client = client
        self._path = f"/api/v1/accounts/{quoted(account)}/env"
        self._site = {"site_id": address.base.partition(":")[2]}
        self._sleep = sleep
        self._writes = Writes()

    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        there = self._listed(self._site)
        return CostEstimate(
            reads=2,
            writes=len(items),
            create=[item.name for item in items if item.name not in there],
            update=[item.name for item in items if item.name in there],
        )

    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        self._writes = Writes()
        there = self._listed(self._site)
        for wave in in_order(items):
            all_of(self._client, [partial(self._write, item, exists=item.name in there) for item in wave])
        before = {item.name: _observed(item, there.get(item.name)) for item in items}
        after = looked_until(
            lambda: self.observe(items),
            lambda now: all(_took(before[name], seen) for name, seen in now.items()),
            self._sleep,
        )
        if lost := [name for name, seen in after.items() if not _took(before[name], seen)]:
            raise Failed(f"Netlify accepted {', '.join(lost)}, but does not show the new value", where=self.uri)
        return [WriteResult(i.name, after[i.name], self._writes[i.name]) for wave in in_order(items) for i in wave]

    def written(self) -> Mapping[str, int]:
        return self._writes.by_name()

    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        there = self._listed(self._site)
        return {item.name: _observed(item, there.get(item.name)) for item in items}

    def copies(self, names: Sequence[str]) -> Sequence[str]:
        return self.search(names).found

    def search(self, names: Sequence[str]) -> CopySearch:
        """Looks into every other site that the token reaches."""
        sites = [str(site.get("id")) for site in entries(self._client.request("GET", "/api/v1/sites").json())]
        others = [site for site in sites if site != self._site["site_id"]]
        holding = [site for site in others if self._listed({"site_id": site}).keys() & {*names}]
        return CopySearch([f"netlify:{site}" for site in holding], [])

    def _listed(self, site: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
        found = entries(self._client.request("GET", self._path, params=site).json())
        return {str(variable.get("key")): variable for variable in found}

    def _write(self, item: Item, *, exists: bool) -> None:
        """A POST whose answer was lost is looked for and never repeated blindly."""
        variable = {
            "key": item.name,
            "is_secret": item.kind is ItemKind.SECRET,
            "values": [{"context": "all", "value": item.value}],
        }
        count = self._writes.of(item.name)
        if not exists:
            try:
                self._client.request("POST", self._path, params=self._site, json=[variable], on_write=count)
            except (AccessDenied, NotFound, RateLimited):
                raise
            except ServiceError:
                if item.name not in self._listed(self._site):
                    raise
            else:
                return
        path = f"{self._path}/{quoted(item.name)}"
        self._client.request("PUT", path, params=self._site, json=variable, on_write=count)


def _observed(item: Item, found: Mapping[str, Any] | None) -> Observed:
    if found is None:
        return Observed(item.name, present=False, sync=SyncStatus.NO)
    shown = next((str(one["value"]) for one in entries(found, "values") if one.get("value")), None)
    same = shown is not None and Secret(shown).same_as(item.value)
    return Observed(
        item.name,
        present=True,
        changed_at=moment_of(found.get("updated_at")),
        marker=str(found.get("updated_at")),
        sync=SyncStatus.UNKNOWN if shown is None else SyncStatus.YES if same else SyncStatus.NO,
    )


def _took(before: Observed, after: Observed) -> bool:
    """Whether a write shows: by the value, or where that is hidden by its time."""
    if not after.present or after.sync is not SyncStatus.UNKNOWN:
        return after.sync is SyncStatus.YES
    return before.marker != after.marker
