"""The secrets of a Supabase project's edge functions.

Facts of the protocol: Supabase's management API description (2026-05). The listing shows SHA-256 digests, so
a value can be compared without being read. All secrets of a push travel in one request: an old key is never
left standing beside a companion that calls it new.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from releaseguard.destinations.interface import (
    CopySearch,
    CostEstimate,
    Destination,
    HeldValue,
    Item,
    Observed,
    SyncStatus,
    ValueSearch,
    WriteResult,
)
from releaseguard.destinations.sending import Writes, all_of, in_order, looked_until, moment_of
from releaseguard.errors import AccessDenied, ConfigError, Failed, NotFound, Refused, ServiceError
from releaseguard.http import ServiceClient, quoted
from releaseguard.http.paging import entries
from releaseguard.model import Remark, Standing
from releaseguard.secret import Secret
from releaseguard.services.supabase.address import SupabaseAddress
from releaseguard.services.supabase.answers import ProjectListed, SecretListed

MOST_SECRETS = 100
LONGEST_VALUE = 24_576
_NAME = re.compile(r"(?!SUPABASE_)[A-Za-z_][A-Za-z0-9_]{0,255}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


class SupabaseDestination(Destination):
    """The edge function secrets of one project; running functions see a new value at once."""

    service = "supabase"
    runtime = True
    needs_deployment = False
    holds_companions = True

    def __init__(
        self, client: ServiceClient, address: SupabaseAddress, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.address = address
        self._client = client
        self._ref = address.ref
        self._sleep = sleep
        self._writes = Writes()

    def reach(self) -> Iterator[Remark]:
        """The project exists and runs, and its secrets are listed."""
        listed = self._listed(self._ref)
        yield Remark(Standing.OK, f"secrets listed ({len(listed)})", self.uri)
        about = self._client.request("GET", f"/v1/projects/{quoted(self._ref)}").json()
        status = str(about.get("status") if isinstance(about, dict) else None)
        if not status.startswith("ACTIVE"):
            fix = "See the project in Supabase's dashboard: a paused one serves nothing until it is restored."
            yield Remark(Standing.WARN, f"the project is {status}", self.uri, fix, "status")

    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        self._check(items)
        listed = self._listed(self._ref)
        self._check_room(items, listed)
        return CostEstimate(
            reads=2,
            writes=1,
            create=[item.name for item in items if item.name not in listed],
            update=[item.name for item in items if item.name in listed],
        )

    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        """All of them in one request; read back by digest."""
        self._writes = Writes()
        self._check(items)
        listed = self._listed(self._ref)
        self._check_room(items, listed)
        before = self._seen(items, listed)
        body = [{"name": item.name, "value": item.value} for wave in in_order(items) for item in wave]
        # The same array again leaves the same secrets: this POST may be repeated.
        on_write = self._writes.of(*(item.name for item in items))
        self._client.request("POST", _secrets_path(self._ref), json=body, repeatable=True, on_write=on_write)
        after = looked_until(
            lambda: self.observe(items),
            lambda now: all(_took(before[name], seen) for name, seen in now.items()),
            self._sleep,
        )
        if lost := sorted(name for name, seen in after.items() if not _took(before[name], seen)):
            raise Failed(
                f"Supabase accepted {', '.join(lost)}, but does not show the new value",
                where=self.uri,
                next_step="Look at the project's edge function secrets, then run the rotation with --resume.",
            )
        return [
            WriteResult(item.name, after[item.name], self._writes[item.name])
            for wave in in_order(items)
            for item in wave
        ]

    def written(self) -> Mapping[str, int]:
        return self._writes.by_name()

    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        return self._seen(items, self._listed(self._ref))

    def copies(self, names: Sequence[str]) -> Sequence[str]:
        return self.search(names).found

    def search(self, names: Sequence[str]) -> CopySearch:
        """Looks into every other project that the token reaches."""
        refs = [str(project.get("ref") or project.get("id")) for project in projects(self._client)]
        calls = [partial(self._search_project, ref, names) for ref in refs if ref != self._ref]
        searches = all_of(self._client, calls) if calls else []
        return CopySearch(
            sorted(place for search in searches for place in search.found),
            sorted(place for search in searches for place in search.unread),
        )

    def holding(self, values: Mapping[str, Secret]) -> ValueSearch:
        """By digest, in every project that the token reaches."""
        refs = [str(project.get("ref") or project.get("id")) for project in projects(self._client)]
        searches = all_of(self._client, [partial(self._held_in, ref, values) for ref in refs]) if refs else []
        return ValueSearch(
            sorted(one for search in searches for one in search.found),
            sorted(place for search in searches for place in search.unread),
        )

    def _held_in(self, ref: str, values: Mapping[str, Secret]) -> ValueSearch:
        try:
            listed = self._listed(ref)
        except (AccessDenied, NotFound) as error:
            return ValueSearch((), [f"supabase:{ref} ({error.status})"])
        return ValueSearch(
            [
                HeldValue(secret, name, f"supabase:{ref}")
                for name, shown in listed.items()
                for secret, value in values.items()
                if _sync(value, str(shown.get("value"))) is SyncStatus.YES
            ]
        )

    def _search_project(self, ref: str, names: Sequence[str]) -> CopySearch:
        try:
            listed = self._listed(ref)
        except (AccessDenied, NotFound) as error:
            return CopySearch([], [f"supabase:{ref} ({error.status})"])
        return CopySearch([f"supabase:{ref}"] if listed.keys() & {*names} else [])

    def _listed(self, ref: str) -> Mapping[str, SecretListed]:
        try:
            found = self._client.request("GET", _secrets_path(ref)).json()
        except NotFound as error:
            raise NotFound(
                f"there is no project {ref}, or the token may not see it",
                where=self.uri,
                next_step="Check the reference in the destination (the 20 letters of the project's address) and "
                "SUPABASE_ACCESS_TOKEN.",
                status=error.status,
            ) from None
        if not isinstance(found, list):
            raise ServiceError("the listing of secrets is not a list", where=self.uri)
        return {str(secret.get("name")): secret for secret in entries(found)}

    def _seen(self, items: Sequence[Item], listed: Mapping[str, SecretListed]) -> dict[str, Observed]:
        return {item.name: _observed(item, listed.get(item.name)) for item in items}

    def _check(self, items: Sequence[Item]) -> None:
        for item in items:
            if not _NAME.fullmatch(item.name):
                raise ConfigError(
                    f"Supabase does not accept the name {item.name}",
                    where=self.uri,
                    next_step="Give it another name there (` as NAME`): at most 256 letters, digits and underscores, "
                    "not beginning with SUPABASE_.",
                )
            if len(item.value.reveal()) > LONGEST_VALUE:
                raise Refused(
                    f"{item.name} is longer than the {LONGEST_VALUE} characters that Supabase stores",
                    where=self.uri,
                    next_step="Check what was given; or leave this destination out.",
                )

    def _check_room(self, items: Sequence[Item], there: Mapping[str, SecretListed]) -> None:
        if len(there.keys() | {item.name for item in items}) > MOST_SECRETS:
            raise Refused(
                f"the project would hold more than the {MOST_SECRETS} secrets that Supabase allows",
                where=self.uri,
                next_step="Remove secrets that nothing reads, then run it again.",
            )


def projects(client: ServiceClient) -> Sequence[ProjectListed]:
    """The projects that the client's token reaches."""
    return entries(client.request("GET", "/v1/projects").json())


def _secrets_path(ref: str) -> str:
    return f"/v1/projects/{quoted(ref)}/secrets"


def _observed(item: Item, found: SecretListed | None) -> Observed:
    if found is None:
        return Observed(item.name, present=False, sync=SyncStatus.NO)
    shown, updated = str(found.get("value")), str(found.get("updated_at") or "")
    sync = _sync(item.value, shown)
    blind = sync is SyncStatus.UNKNOWN and not updated
    return Observed(
        item.name,
        present=True,
        changed_at=moment_of(updated),
        # The marker is kept in the event log: a piece of the digest tells writes apart and gives no guess away.
        marker=f"{shown[:8] if _DIGEST.fullmatch(shown) else ''}@{updated}",
        sync=sync,
        remarks=("the listing shows neither a digest nor a time",) if blind else (),
    )


def _sync(value: Secret, shown: str) -> SyncStatus:
    """By digest; a listing that shows values (or nothing) instead of digests is understood too."""
    if value.same_as(Secret(shown)):
        return SyncStatus.YES
    if not _DIGEST.fullmatch(shown):
        return SyncStatus.UNKNOWN
    return SyncStatus.YES if value.has_sha256(shown) else SyncStatus.NO


def _took(before: Observed, after: Observed) -> bool:
    """Whether a write shows: by the digest, else by the time, else by being there at all."""
    if not after.present or after.sync is not SyncStatus.UNKNOWN:
        return after.sync is SyncStatus.YES
    if not before.present or before.changed_at is None or after.changed_at is None:
        return True
    return after.changed_at > before.changed_at
