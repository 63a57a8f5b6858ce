"""Environment variables of a Vercel project.

Facts of the protocol: Vercel's REST API description of ``/env`` (2025-10). One record holds one value for
several targets, so a write is allowed only where every target of the record is ours: all others are left as
they are. A sensitive value never comes back; the time of its last update does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from releaseguard.destinations.interface import (
    CopySearch,
    CostEstimate,
    Destination,
    Item,
    ItemKind,
    NotOurs,
    Observed,
    SyncStatus,
    ValueSearch,
    WriteResult,
)
from releaseguard.destinations.sending import Writes, all_of, in_order, looked_until, moment_of_ms
from releaseguard.errors import AccessDenied, ConfigError, Failed, NotFound, RateLimited, ServiceError
from releaseguard.http import ServiceClient, member, quoted
from releaseguard.http.paging import entries
from releaseguard.model import Remark, Standing
from releaseguard.secret import Secret
from releaseguard.services.vercel.address import STANDARD_TARGETS, VercelAddress
from releaseguard.services.vercel.answers import MadeVariables, NewVariable, RefusedVariable
from releaseguard.services.vercel.copies import VercelCopies
from releaseguard.services.vercel.listings import READABLE, Listings, StoredVariable, record_of
from releaseguard.services.vercel.names import is_taken
from releaseguard.services.vercel.values import VercelValues
from releaseguard.tomlfile import did_you_mean

LONGEST_COMMENT = 500


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one item means: records to be given the value, and targets that have none yet."""

    item: Item
    records: Sequence[StoredVariable]
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Look:
    """One record as it is now, and whether it holds the item's value (``None``: it does not say)."""

    record: StoredVariable
    same: bool | None


class VercelDestination(Destination):
    """The variables that serve some targets of one project. ``team_id`` goes with every request."""

    address: VercelAddress
    service = "vercel"
    runtime = True
    needs_deployment = True
    holds_companions = True

    def __init__(
        self,
        client: ServiceClient,
        address: VercelAddress,
        *,
        team_id: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._client = client
        self._project = f"projects/{quoted(address.project)}"
        self._team = {"teamId": team_id} if team_id else {}
        self._listings = Listings(client, team_id)
        self._sleep = sleep
        self._slugs: dict[str, str] | None = None
        self._writes = Writes()

    def also_called(self) -> Sequence[VercelAddress]:
        found = self._client.request("GET", f"/v9/{self._project}", params=self._team).json()
        slugs = self._custom_slugs() if {*self.address.targets} - {*STANDARD_TARGETS} else {}
        spelled = {word for pair in slugs.items() if {*pair} & {*self.address.targets} for word in pair}
        targets = tuple(sorted({*self.address.targets, *spelled}))
        projects = sorted({str(member(found, "id")), str(member(found, "name"))})
        return [
            replace(self.address, base=f"vercel:{project}", project=project, targets=targets) for project in projects
        ]

    def reach(self) -> Iterator[Remark]:
        """The project exists, it has every target that is named, and its variables are listed."""
        named = self.also_called()
        self._ours()
        records = self._listings.records(self._project)
        name = next((one.project for one in named if one.project != self.address.project), self.address.project)
        yield Remark(Standing.OK, f"project {name}, variables listed ({len(records)})", self.uri)

    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        plans = self._plans(items)
        writes = sum(len(plan.records) + bool(plan.missing) for plan in plans)
        return CostEstimate(
            reads=1 + writes + bool({*self.address.targets} - {*STANDARD_TARGETS}),
            writes=writes,
            create=[plan.item.name for plan in plans if not plan.records],
            update=[plan.item.name for plan in plans if plan.records],
        )

    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        self._writes = Writes()
        plans = {plan.item.name: plan for plan in self._plans(items)}
        results: list[WriteResult] = []
        for wave in in_order(items):
            results += all_of(self._client, [partial(self._deliver, plans[item.name]) for item in wave])
        return results

    def written(self) -> Mapping[str, int]:
        return self._writes.by_name()

    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        records, ours = self._listings.records(self._project), self._ours()
        looks = all_of(self._client, [partial(self._observe, item, records, ours) for item in items])
        return {seen.name: seen for seen in looks}

    def shown(self, names: Sequence[str]) -> Mapping[str, Secret]:
        records, ours = self._listings.records(self._project), self._ours()
        found = {}
        for name in names:
            mine = [one for one in records if one.key == name and one.branch is None and one.serves & ours]
            values = [seen[1] for record in mine if (seen := self._read(record.id)) and seen[1] is not None]
            if values and len(values) == len(mine) and all(one.same_as(values[0]) for one in values):
                found[name] = values[0]
        return found

    def copies(self, names: Sequence[str]) -> Sequence[str]:
        return self.search(names).found

    def search(self, names: Sequence[str]) -> CopySearch:
        return VercelCopies(self._listings, names, self.address.project, self._ours).search()

    def holding(self, values: Mapping[str, Secret]) -> ValueSearch:
        """In every project of the team, as far as its variables can be read back."""
        return VercelValues(self._listings, values).search()

    def _plans(self, items: Sequence[Item]) -> Sequence[_Plan]:
        """What has to be written. Raises ``NotOurs`` before anything is, where one record is not ours alone."""
        _refuse_taken(items, self.uri)
        records, ours = self._listings.records(self._project), self._ours()
        return [self._plan(item, records, ours) for item in items]

    def _plan(self, item: Item, records: Sequence[StoredVariable], ours: frozenset[str]) -> _Plan:
        touched = [r for r in records if r.key == item.name and r.branch is None and r.serves & ours]
        for record in touched:
            self._refuse_foreign(record, ours)
        covered = frozenset[str]().union(*(record.serves for record in touched))
        return _Plan(item, touched, ours - covered)

    def _refuse_foreign(self, record: StoredVariable, ours: frozenset[str]) -> None:
        if record.keeper is not None:
            raise NotOurs(
                f"{record.key} (variable {record.id}) is kept by {record.keeper}",
                where=self.uri,
                next_step="Disconnect it from the project in Vercel first, or leave this destination out.",
            )
        if foreign := record.serves - ours:
            mine, others = self._words(record.serves & ours), self._words(foreign)
            raise NotOurs(
                f"{record.key} (variable {record.id}) serves {mine} and also {others}: "
                f"a new value would change {others} too",
                where=self.uri,
                next_step=f"Split it in Vercel's settings: take {mine} off that variable (it stays for {others}) and "
                f"add {record.key} once more for {mine}; or add {others} to this destination.",
            )

    def _ours(self) -> frozenset[str]:
        """Our targets as records name them: custom environments by id. Raises ``ConfigError`` for an unknown one."""
        return frozenset(self._target_id(target) for target in self.address.targets)

    def _target_id(self, target: str) -> str:
        if target in STANDARD_TARGETS:
            return target
        slugs = self._custom_slugs()
        found = next((id_ for id_, slug in slugs.items() if target in {id_, slug}), None)
        if found is None:
            raise ConfigError(
                f"the project has no environment {target!r}",
                where=self.uri,
                next_step=did_you_mean(target, [*STANDARD_TARGETS, *slugs.values()]),
            )
        return found

    def _custom_slugs(self) -> Mapping[str, str]:
        """Custom environments: id -> slug; read once."""
        if self._slugs is None:
            self._slugs = self._listings.slugs(self._project)
        return self._slugs

    def _words(self, targets: frozenset[str]) -> str:
        known = self._slugs or {}
        return " and ".join(sorted(known.get(target, target) for target in targets))

    def _look(self, record_id: str, item: Item) -> _Look | None:
        seen = self._read(record_id)
        return _Look(seen[0], seen[1].same_as(item.value) if seen[1] else None) if seen else None

    def _read(self, record_id: str) -> tuple[StoredVariable, Secret | None] | None:
        """A record, and its value where that is shown; ``None``: it is gone."""
        path = f"/v1/{self._project}/env/{quoted(record_id)}"
        reply = self._client.request("GET", path, params=self._team, allow=(404,))
        if reply.status == 404:
            # The record is gone, or this one request is not to be had: the listing tells.
            listed = next((one for one in self._listings.records(self._project) if one.id == record_id), None)
            return (listed, None) if listed else None
        found = reply.json()
        record = record_of(found)
        # A sensitive variable never shows its value again, whoever asks:
        # https://vercel.com/docs/environment-variables/sensitive-environment-variables
        told = record.type in READABLE and found.get("decrypted") is not False and "value" in found
        return record, Secret(str(found["value"])) if told else None

    def _deliver(self, plan: _Plan) -> WriteResult:
        for record in plan.records:
            self._update(record, plan.item)
        created = self._create(plan) if plan.missing else []
        before = {record.id: record.updated_at for record in plan.records} | dict.fromkeys(created)
        looks = looked_until(
            lambda: [self._look(record_id, plan.item) for record_id in before],
            lambda now: all(_took(look, before) for look in now),
            self._sleep,
        )
        if not looks or not all(_took(look, before) for look in looks):
            raise Failed(
                f"Vercel accepted {plan.item.name}, but does not show the new value",
                where=self.uri,
                next_step="Look at the variable in Vercel's settings, then run the rotation with --resume.",
            )
        seen = [look for look in looks if look is not None]
        return WriteResult(plan.item.name, self._observed(plan.item, seen, ()), self._writes[plan.item.name])

    def _update(self, record: StoredVariable, item: Item) -> None:
        """Value and comment only: type, targets and branch stay as they are, and so does what a person has noted."""
        path = f"/v9/{self._project}/env/{quoted(record.id)}"
        is_a_persons = record.comment.strip() and not _OUR_NOTE.match(record.comment)
        body = {"value": item.value, **({} if is_a_persons else _comment(item))}
        on_write = self._writes.of(item.name)
        self._client.request("PATCH", path, params=self._team, json=body, repeatable=True, on_write=on_write)

    def _create(self, plan: _Plan) -> Sequence[str]:
        """The ids of what was made. A POST whose answer was lost is looked for, not repeated."""
        path, body = f"/v10/{self._project}/env", self._new_record(plan)
        try:
            on_write = self._writes.of(plan.item.name)
            answer = self._client.request("POST", path, params=self._team, json=body, on_write=on_write).json()
        except (AccessDenied, NotFound, RateLimited):
            raise
        except ServiceError:
            arrived = self._plan(plan.item, self._listings.records(self._project), plan.missing)
            if arrived.missing:
                raise
            for record in arrived.records:
                self._update(record, plan.item)
            return [record.id for record in arrived.records]
        self._refuse_failures(answer, plan.item)
        made = answer.get("created")
        ids = [str(one["id"]) for one in (made if isinstance(made, list) else [made]) if one and one.get("id")]
        return ids or self._ids_of(plan)

    def _ids_of(self, plan: _Plan) -> Sequence[str]:
        """The records that serve what had none, where an answer does not name what it made."""
        arrived = self._plan(plan.item, self._listings.records(self._project), plan.missing)
        return [record.id for record in arrived.records]

    def _new_record(self, plan: _Plan) -> NewVariable:
        """One record for all targets that have none. Vercel takes no sensitive value for development."""
        standard = [target for target in STANDARD_TARGETS if target in plan.missing]
        custom = sorted(plan.missing - {*STANDARD_TARGETS})
        secret_type = "encrypted" if "development" in standard else "sensitive"
        kind = secret_type if plan.item.kind is ItemKind.SECRET else "plain"
        made: NewVariable = {"key": plan.item.name, "value": plan.item.value, "type": kind}
        if plan.item.note:
            made["comment"] = plan.item.note[:LONGEST_COMMENT]
        if standard:
            made["target"] = standard
        if custom:
            made["customEnvironmentIds"] = custom
        return made

    def _refuse_failures(self, answer: MadeVariables, item: Item) -> None:
        """A 201 can hold failures. Only their codes are quoted: their messages may hold the value."""
        failed: Sequence[RefusedVariable] = entries(answer, "failed")
        if not failed:
            return
        codes = ", ".join(sorted({str(one.get("error", {}).get("code", "no code")) for one in failed}))
        raise Failed(
            f"Vercel answered 201, but did not create {item.name}: {codes[:100]}",
            where=self.uri,
            next_step="Look at the project's variables of that name, then run the rotation with --resume.",
        )

    def _observe(self, item: Item, records: Sequence[StoredVariable], ours: frozenset[str]) -> Observed:
        named = [record for record in records if record.key == item.name and record.serves & ours]
        covering = [record for record in named if record.branch is None]
        looks = [look for record in covering if (look := self._look(record.id, item)) is not None]
        missing = ours - frozenset[str]().union(*(look.record.serves for look in looks))
        return self._observed(item, looks, self._remarks(item, named, ours, missing), missing=bool(missing))

    def _observed(
        self, item: Item, looks: Sequence[_Look], remarks: Sequence[str], *, missing: bool = False
    ) -> Observed:
        times = [look.record.updated_at for look in looks if look.record.updated_at is not None]
        return Observed(
            item.name,
            present=bool(looks),
            changed_at=moment_of_ms(max(times, default=None)),
            marker=",".join(sorted(f"{look.record.id}@{look.record.updated_at}" for look in looks)) or None,
            sync=_sync([look.same for look in looks], missing),
            remarks=tuple(remarks),
        )

    def _remarks(
        self, item: Item, records: Sequence[StoredVariable], ours: frozenset[str], missing: frozenset[str]
    ) -> Sequence[str]:
        remarks = []
        for record in records:
            if record.branch is not None:
                remarks.append(f"shadowed by a variable for the branch {record.branch}")
            elif foreign := record.serves - ours:
                remarks.append(f"one variable also serves {self._words(foreign)}")
        kinds = {one.type for one in records if one.branch is None and "development" not in one.serves}
        if item.kind is ItemKind.SECRET and kinds - {"sensitive"}:
            remarks.append("not sensitive")
        if missing and records:
            remarks.append(f"missing in {self._words(missing)}")
        return remarks


def who_am_i(client: ServiceClient) -> None:
    """Ask whose token the client has: the cheapest question. Raises ``AccessDenied`` where Vercel takes it no more."""
    client.request("GET", "/v2/user")


_OUR_NOTE = re.compile(r"releaseguard \S+ head ")


def _comment(item: Item) -> Mapping[str, str]:
    return {"comment": item.note[:LONGEST_COMMENT]} if item.note else {}


def _took(look: _Look | None, before: Mapping[str, float | None]) -> bool:
    """Whether a record shows the write: by its value, or where that is hidden by its time."""
    if look is None:
        return False
    if look.same is not None:
        return look.same
    was, now = before[look.record.id], look.record.updated_at
    return was is None or now is None or now > was


def _sync(same: Sequence[bool | None], missing: bool) -> SyncStatus:
    if missing or not same or False in same:
        return SyncStatus.NO
    return SyncStatus.UNKNOWN if None in same else SyncStatus.YES


def _refuse_taken(items: Sequence[Item], uri: str) -> None:
    for item in items:
        if is_taken(item.name):
            raise ConfigError(
                f"Vercel keeps the name {item.name} for itself",
                where=uri,
                next_step="Give it another name there (` as NAME`).",
            )
