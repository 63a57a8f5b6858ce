"""Secrets and companion variables at GitHub: repositories, environments, organisations, Dependabot.

Facts of the protocol: GitHub's REST documentation of Actions secrets, Dependabot secrets and Actions
variables. A value never comes back; ``updated_at`` (whole seconds) is the only sign of a write.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, cast

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
from releaseguard.destinations.sending import Writes, all_of, in_order, looked_until, moment_of, without_value
from releaseguard.errors import AccessDenied, ConfigError, Failed, NotFound, RateLimited, Refused, ServiceError
from releaseguard.http import Reply, ServiceClient, quoted
from releaseguard.http.paging import pages
from releaseguard.model import Remark, Standing
from releaseguard.secret import Secret
from releaseguard.services.github.address import ACTIONS, GitHubAddress
from releaseguard.services.github.copies import GitHubCopies, shadows
from releaseguard.services.github.keys import Box, Boxes, PublicKeys, as_bytes
from releaseguard.services.github.requests import (
    Archived,
    Grants,
    StoredDocument,
    refuse_archived,
    secrets_path,
    variables_path,
)

LARGEST = 48 * 1024
"""Bytes of one secret or variable."""
_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands under a name, and (organisations only) which repositories may use it."""

    observed: Observed
    visibility: str | None = None


class GitHubDestination(Destination):
    """One store of secrets at GitHub. ``keys`` may be shared between destinations of the same client."""

    address: GitHubAddress
    service = "github"
    runtime = False
    needs_deployment = False

    def __init__(
        self,
        client: ServiceClient,
        address: GitHubAddress,
        *,
        keys: PublicKeys | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self.holds_companions = address.scheme == ACTIONS
        self._client = client
        self._secrets = secrets_path(address)
        self._variables = variables_path(address)
        self._keys = keys or PublicKeys(client)
        self._sleep = sleep
        self._writes = Writes()
        self._sealed = Boxes(self._keys, self._secrets)

    def reach(self) -> Iterator[Remark]:
        """The place exists, its secrets and variables are listed, and the key that values are sealed with is given."""
        with self._explained():
            listed = pages(self._client, self._secrets, "secrets")
            self._keys.of(self._secrets)
            if self._variables is not None:
                pages(self._client, self._variables, "variables")
        more = ", variables" if self._variables is not None else ""
        yield Remark(Standing.OK, f"secrets listed ({len(listed)}){more}, public key", self.uri)

    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        self._check(items)
        with self._explained():
            seen = self._look_before(items, partial(refuse_archived, self._client, self.address))
            self._boxes(items)  # the push finds them there
        present = {name for name, found in seen.items() if found.observed.present}
        selected = sum(found.visibility == "selected" for found in seen.values())
        return CostEstimate(
            reads=1 + 2 * len(items) + selected,
            writes=len(items),
            create=[item.name for item in items if item.name not in present],
            update=[item.name for item in items if item.name in present],
        )

    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        self._writes = Writes()
        self._check(items)
        results: list[WriteResult] = []
        with self._explained():
            boxes = self._boxes(items)
            seen = self._look_before(items)
            for wave in in_order(items):
                results += all_of(self._client, [partial(self._deliver, item, seen, boxes) for item in wave])
        return results

    def written(self) -> Mapping[str, int]:
        return self._writes.by_name()

    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        with self._explained():
            looks = all_of(self._client, [partial(self._look, item) for item in items])
            if not all(seen.observed.present for seen in looks):
                self._keys.of(self._secrets)  # 404 also stands for a place that does not exist
            secrets = [item.name for item in items if item.kind is ItemKind.SECRET]
            hidden = shadows(self._client, self.address, secrets)
        return {seen.observed.name: _with_remarks(seen.observed, hidden) for seen in looks}

    def copies(self, names: Sequence[str]) -> Sequence[str]:
        return self.search(names).found

    def search(self, names: Sequence[str]) -> CopySearch:
        return GitHubCopies(self._client, names, but=self.address.place).search()

    def _look_before(self, items: Sequence[Item], *more: Callable[[], None]) -> Mapping[str, _Seen]:
        looks: list[Callable[[], Any]] = [partial(self._look, item) for item in items]
        keys = () if self._keys.has(self._secrets) else (partial(self._keys.of, self._secrets),)
        found = all_of(self._client, [*looks, *keys, *more])[: len(items)]
        return {seen.observed.name: seen for seen in found}

    def _look(self, item: Item) -> _Seen:
        if item.kind is ItemKind.COMPANION:
            return _Seen(self._look_at_variable(item))
        reply = self._get(f"{self._secrets}/{quoted(item.name)}")
        if reply.status == 404:
            return _Seen(Observed(item.name, present=False, sync=SyncStatus.NO))
        return _secret_seen(item, _object(reply))

    def _look_at_variable(self, item: Item) -> Observed:
        reply = self._get(f"{self._variables}/{quoted(item.name)}")
        if reply.status == 404:
            return Observed(item.name, present=False, sync=SyncStatus.NO)
        return self._variable_seen(item, _object(reply))

    def _look_again(self, item: Item) -> _Seen:
        """As :meth:`_look`, after an accepted write: a server may know the listing alone."""
        seen = self._look(item)
        if seen.observed.present:
            return seen
        wrapped, path = (
            ("variables", self._variables) if item.kind is ItemKind.COMPANION else ("secrets", self._secrets)
        )
        try:
            listed = pages(self._client, str(path), wrapped)
        except (AccessDenied, NotFound):
            return seen
        found = next((one for one in listed if one.get("name") == item.name), None)
        if found is None:
            return seen
        return _Seen(self._variable_seen(item, found)) if wrapped == "variables" else _secret_seen(item, found)

    @staticmethod
    def _variable_seen(item: Item, found: StoredDocument) -> Observed:
        updated = str(found.get("updated_at") or "")
        same = Secret(str(found.get("value"))).same_as(item.value)
        return Observed(
            item.name,
            present=True,
            changed_at=moment_of(updated),
            marker=updated or None,
            sync=SyncStatus.YES if same else SyncStatus.NO,
        )

    def _get(self, path: str) -> Reply:
        return self._client.request("GET", path, allow=(404,))

    def _boxes(self, items: Sequence[Item]) -> Mapping[str, Box]:
        """The secrets, sealed before the first request where the key is known: fifty places at once have the time for
        it then, and between an answer and the next request they would wait for each other."""
        if not self._keys.has(self._secrets):
            return {}
        return {item.name: self._sealed.of(item.name, item.value) for item in items if item.kind is ItemKind.SECRET}

    def _deliver(self, item: Item, seen: Mapping[str, _Seen], boxes: Mapping[str, Box]) -> WriteResult:
        if item.kind is ItemKind.SECRET:
            return self._deliver_secret(item, seen[item.name], boxes.get(item.name))
        return self._deliver_variable(item, seen)

    def _deliver_secret(self, item: Item, before: _Seen, box: Box | None) -> WriteResult:
        reply = self._put(item, box, self._grants(item, before))
        doubt = _same_second(before.observed, reply)
        after = looked_until(
            lambda: self._look_again(item).observed,
            lambda now: _moved(before.observed, now) or (doubt and now.present),
            self._sleep,
        )
        if _moved(before.observed, after):
            return WriteResult(item.name, after, self._writes[item.name])
        if doubt and after.present:
            return WriteResult(item.name, _with_remarks(after, {item.name: [_DOUBT]}), self._writes[item.name])
        raise self._not_taken(item.name, "updated_at did not move")

    def _put(self, item: Item, box: Box | None, grants: Grants) -> Reply:
        """The answer; to a second request where GitHub has changed its key meanwhile."""
        box = box or Box.of(item.value, self._keys.of(self._secrets))
        try:
            return self._put_box(item, box, grants)
        except ServiceError as error:
            if error.status != 422:
                raise
            fresh = self._keys.of(self._secrets, instead_of=box.key)
            if fresh == box.key:
                raise
        return self._put_box(item, Box.of(item.value, fresh), grants)

    def _put_box(self, item: Item, box: Box, grants: Grants) -> Reply:
        body = {"encrypted_value": box.sealed, "key_id": box.key.id, **grants}
        try:
            path = f"{self._secrets}/{quoted(item.name)}"
            return self._client.request("PUT", path, json=body, on_write=self._writes.of(item.name))
        except ServiceError as error:
            refusal = without_value(error, item.value)
        raise refusal  # outside the handler: an error that was replaced is nobody's context

    def _grants(self, item: Item, before: _Seen) -> Grants:
        """Which repositories may use an organisation's secret: as they are. GitHub asks for it with every write."""
        if self.address.repo:
            return {}
        visibility = before.visibility or "private"
        if visibility != "selected":
            return {"visibility": visibility}
        path = f"{self._secrets}/{quoted(item.name.removesuffix('_VERSION'))}/repositories"
        chosen = [repo["id"] for repo in pages(self._client, path, "repositories")]
        return {"visibility": visibility, "selected_repository_ids": chosen}

    def _deliver_variable(self, item: Item, seen: Mapping[str, _Seen]) -> WriteResult:
        self._write_variable(item, seen)
        after = looked_until(
            lambda: self._look_again(item).observed, lambda now: now.sync is SyncStatus.YES, self._sleep
        )
        if after.sync is not SyncStatus.YES:
            raise self._not_taken(item.name, "the variable holds another value")
        return WriteResult(item.name, after, self._writes[item.name])

    def _write_variable(self, item: Item, seen: Mapping[str, _Seen]) -> None:
        """A POST whose answer was lost is looked for and never repeated blindly."""
        on_write = self._writes.of(item.name)
        if not seen[item.name].observed.present:
            secret = seen.get(item.name.removesuffix("_VERSION"), seen[item.name])
            body = {"name": item.name, "value": item.value, **self._grants(item, secret)}
            try:
                self._client.request("POST", str(self._variables), json=body, on_write=on_write)
            except (AccessDenied, NotFound, RateLimited):
                raise
            except ServiceError as error:
                if error.status != 409 and not self._look_at_variable(item).present:
                    raise  # 409: it is there already
            else:
                return
        body = {"name": item.name, "value": item.value}
        path = f"{self._variables}/{quoted(item.name)}"
        self._client.request("PATCH", path, json=body, repeatable=True, on_write=on_write)

    def _check(self, items: Sequence[Item]) -> None:
        for item in items:
            if not _NAME.fullmatch(item.name):
                raise ConfigError(
                    f"GitHub does not accept the name {item.name}",
                    where=self.uri,
                    next_step="Give it another name there (` as NAME`): letters, digits and underscores, "
                    "not beginning with a digit or GITHUB_.",
                )
            if len(as_bytes(item.value)) > LARGEST:
                raise Refused(
                    f"{item.name} is larger than the 48 KB that GitHub stores",
                    where=self.uri,
                    next_step="Keep it where it fits, and have the workflow fetch it from the vault.",
                )
            if item.kind is ItemKind.COMPANION and not self.holds_companions:
                raise ConfigError(f"Dependabot has no variables for {item.name}", where=self.uri)

    def _not_taken(self, name: str, sign: str) -> Failed:
        return Failed(
            f"GitHub accepted {name}, but it does not show the write: {sign}",
            where=self.uri,
            next_step=f"Look at {name} in GitHub's settings, then run the rotation with --resume.",
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """GitHub's refusals with what to do about them here."""
        try:
            yield
        except Archived:
            raise
        except AccessDenied as error:
            raise AccessDenied(error.what, where=self.uri, next_step=_permission(error), status=error.status) from None
        except NotFound as error:
            raise NotFound(
                f"{error.what}: there is no such {self._kind}, or the token may not see it",
                where=self.uri,
                next_step=self._missing(),
                status=error.status,
            ) from None

    @property
    def _kind(self) -> str:
        if self.address.environment:
            return "environment"
        return "repository" if self.address.repo else "organisation"

    def _missing(self) -> str:
        place = self.address
        if place.environment:
            repo = f"{place.account}/{place.repo}"
            path = f"repos/{repo}/environments/{quoted(place.environment)}"
            return f"Create it: `gh api -X PUT {path}`, or correct the destination."
        return "Correct the destination, or give the token access to it."


_DOUBT = "written in the same second as the write before it: updated_at cannot show the difference"


def _moved(before: Observed, after: Observed) -> bool:
    """Whether a read-back shows a write: it is there, and was not before or has a later time."""
    if not after.present or not before.present:
        return after.present
    if before.changed_at is None or after.changed_at is None:
        return before.marker != after.marker
    return after.changed_at > before.changed_at


def _same_second(before: Observed, reply: Reply) -> bool:
    """Whether a write that ``reply`` confirms is too close to the one before for whole seconds to differ.

    Both times are the service's own: the answer's ``Date`` and ``updated_at``, cut to the second.
    """
    try:
        written = parsedate_to_datetime(reply.headers.get("date", ""))
        gap = written - before.changed_at if before.changed_at else None
    except (ValueError, TypeError):
        return False
    return gap is not None and gap <= timedelta(seconds=1)


def _secret_seen(item: Item, found: StoredDocument) -> _Seen:
    updated = str(found.get("updated_at") or "")
    observed = Observed(item.name, present=True, changed_at=moment_of(updated), marker=updated or None)
    return _Seen(observed, found.get("visibility"))


def _object(reply: Reply) -> StoredDocument:
    if not isinstance(found := reply.json(), dict):
        raise ServiceError("the answer is not an object", where=reply.where, status=reply.status)
    return cast("StoredDocument", found)


def _with_remarks(observed: Observed, remarks: Mapping[str, Sequence[str]]) -> Observed:
    added = remarks.get(observed.name, ())
    return Observed(
        observed.name,
        observed.present,
        observed.changed_at,
        observed.marker,
        observed.sync,
        (*observed.remarks, *added),
    )


def _permission(error: AccessDenied) -> str | None:
    if "not accessible by integration" in error.what:
        return (
            "The token that GitHub Actions gives to a job cannot write secrets. Set RELEASEGUARD_GITHUB_TOKEN to a "
            "fine-grained token with Secrets and Variables: read and write, or RELEASEGUARD_GITHUB_APP_ID and "
            "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY of a GitHub App with these permissions."
        )
    if "not accessible by personal access token" in error.what:
        return (
            "Give the token the permissions Secrets, Variables and Environments: read and write, for this "
            "repository (an organisation's secrets need the organisation permission of the same name)."
        )
    return error.next_step
