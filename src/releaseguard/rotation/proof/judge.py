"""Whether the app's own events prove that it runs on the new version. Pure: rows in, a proof out.

A row is evidence when it *carries* the new version (grade A: ``detail.secret_version``; grade B: the id or release
of the deployment that was made for it). What a row carries cannot be faked by a slow or fast clock, so clocks
decide only what came last. Everything that speaks against the new version, a success with another version or a
refused credential, is dated as late as it can have happened (when it was recorded), evidence as early.

A fleet can be mixed: one process kept the old key. Successes on the old version among successes on the new one say
how large its share is; the proof then needs so many successes in a row on the new version that such a process,
were it still there, would have shown itself with 99% probability.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from releaseguard import readable
from releaseguard.eventlog.interface import SetAside
from releaseguard.eventlog.rows.aside import tally_of
from releaseguard.eventlog.rows.detail import is_unread
from releaseguard.model import Event, Outcome
from releaseguard.rotation.history.views import store_time
from releaseguard.rotation.values import Direction, Pin

CLIENT = "client"
HIDDEN_SHARE = 0.01
"""The probability with which a process of the share seen so far may stay unseen in the run of successes."""


class Grade(StrEnum):
    """How strong a proof is; the order of the letters is the order of strength."""

    A = "A"
    """The events carry the new secret version."""
    B = "B"
    """The events carry the new deployment's id, or its release where that differs from the one before."""
    C = "C"
    """Only the time speaks for it."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What apps report as ``secret_version`` of a unit, and which of it is the new version."""

    members: Mapping[str, tuple[int | None, int]]
    """By secret: the version before and the new one."""
    reported: Sequence[str] = ()
    """The members whose own version the app knows (those with a companion); all where empty."""

    @classmethod
    def of(cls, pins: Sequence[Pin], direction: Direction, reported: Sequence[str] = ()) -> Labels:
        """The labels of carrying ``pins`` in ``direction``."""
        other = Direction.BACK if direction is Direction.FORWARD else Direction.FORWARD
        members = {pin.name: (pin.version(other), to) for pin in pins if (to := pin.version(direction)) is not None}
        return cls(members, tuple(name for name in reported if name in members))

    @property
    def group(self) -> str:
        """The one version of the whole group: its members' versions in order, ``1.2``."""
        return ".".join(str(to) for _, to in self.members.values())

    def is_new(self, carried: Any) -> bool:
        """Whether ``carried`` can only have been reported by a process that holds the new version."""
        if isinstance(carried, Mapping):
            return self._all_new(carried)
        text = str(carried)
        return text == self.group or text in self._unmistakable()

    def _all_new(self, carried: Mapping[str, Any]) -> bool:
        changed = {name for name, (old, new) in self.members.items() if old != new} or set(self.members)
        known = all(str(carried[name]) == str(new) for name, (_, new) in self.members.items() if name in carried)
        return known and changed <= carried.keys()

    def _unmistakable(self) -> frozenset[str]:
        """Numbers that are some reported member's new version and no reported member's version before."""
        members = [self.members[name] for name in self.reported] or list(self.members.values())
        before = {str(old) for old, _ in members}
        return frozenset(str(new) for _, new in members) - (before if len(members) > 1 else frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeDestination:
    """One destination from which a running app reads the secret. Times are the store's."""

    uri: str
    since: datetime
    """From when on events can carry the new version: the deployment exists, or the value has been written."""
    serving: datetime
    """From when on the old version should be gone: the deployment serves."""
    sources: frozenset[str] | None = None
    """The event sources that run there; ``None``: any source speaks for it."""
    not_sources: frozenset[str] = frozenset()
    """Sources that are known to run elsewhere: they say nothing about this one, for or against."""
    deployment: str | None = None
    previous_deployment: str | None = None
    release: str | None = None
    previous_release: str | None = None
    later_deployments: frozenset[str] = frozenset()
    """Deployments made after this one: they took the new version over when they were created."""

    def speaks(self, event: Event) -> bool:
        """Whether the event comes from an app that runs here."""
        if event.source == CLIENT:
            return False
        if self.sources is None:
            return event.source not in self.not_sources
        return event.source in self.sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be proven, about whom, by how much."""

    provider: str
    environment: str
    success_events: frozenset[str]
    auth_error_codes: frozenset[str]
    labels: Labels
    runtimes: Sequence[RuntimeDestination]
    successes: int = 3
    accept_timing: bool = False
    traffic: Mapping[str | None, float] = field(default_factory=dict)
    """Successes an hour by source, before the rotation."""
    flow: str | None = None
    """The flow that could make an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeProof:
    """How far one runtime is proven."""

    uri: str
    grade: Grade | None
    successes: int
    needed: int
    synthetic: int
    events: Sequence[str]
    """Ids of the rows it rests on."""
    missing: str | None
    refused: bool
    """Whether the provider refuses the new version there: the reason to roll back."""
    refused_at_least_once: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer. ``refused`` asks for a roll-back; ``refused_at_least_once`` too, once the time is over."""

    proven: bool
    grade: Grade | None
    runtimes: Sequence[RuntimeProof]
    missing: Sequence[str]
    refused: bool = False
    refused_at_least_once: bool = False

    @property
    def events(self) -> Sequence[str]:
        """Ids of all rows the proof rests on."""
        return tuple(dict.fromkeys(identity for runtime in self.runtimes for identity in runtime.events))


def prove(question: Question, events: Iterable[Event], set_aside: Iterable[SetAside] = ()) -> Proof:
    """Judge every runtime by the rows of the log; the weakest decides.

    ``set_aside`` are rows since then that cannot be read: while one of them may be a refused credential, nothing is
    proven. With no runtime at all nothing can be proven: a later CI run leaves no event that could show it.
    """
    rows = _relevant(question, events)
    delays = _shortest_delays(rows)
    proofs = [_prove_one(question, runtime, rows, delays) for runtime in question.runtimes]
    if not proofs:
        nothing = "No runtime destination is configured: nothing that runs reports which version it uses."
        return Proof(False, None, (), (nothing,))
    unread = _unread(question, set_aside)
    missing = (*(proof.missing for proof in proofs if proof.missing), *unread)
    return Proof(
        proven=not missing,
        grade=None if missing else max(proof.grade for proof in proofs if proof.grade),
        runtimes=proofs,
        missing=missing,
        refused=any(proof.refused for proof in proofs),
        refused_at_least_once=any(proof.refused_at_least_once for proof in proofs),
    )


def _unread(question: Question, set_aside: Iterable[SetAside]) -> Sequence[str]:
    """The sentence about rows that cannot be read and may be a refused credential; empty where there are none."""
    tally = tally_of(row for row in set_aside if _may_refuse(question, row))
    if not tally.rows:
        return ()
    return (f"{tally.sentence()}; among them may be an authentication error: correct or delete them, then --resume",)


def _may_refuse(question: Question, row: SetAside) -> bool:
    """Whether what can be read of the row leaves it open that it is an authentication error since the new version."""
    serving = min((runtime.serving for runtime in question.runtimes), default=None)
    at = row.recorded_at or row.occurred_at
    if at is not None and serving is not None and at <= serving:
        return False
    if row.provider not in {None, question.provider} or row.source == CLIENT or row.outcome is Outcome.SUCCESS:
        return False
    if row.error_code:
        return row.error_code in question.auth_error_codes
    return row.event not in question.success_events


def traffic_of(events: Iterable[Event], success_events: frozenset[str], hours: float) -> Mapping[str | None, float]:
    """Successes an hour by source, phones and synthetic users left out."""
    rates: dict[str | None, float] = {}
    for event in {_action(event): event for event in events}.values():
        if event.event in success_events and event.outcome is Outcome.SUCCESS and not event.synthetic:
            rates[event.source] = rates.get(event.source, 0.0) + 1 / hours
    rates.pop(CLIENT, None)
    return rates


def _relevant(question: Question, events: Iterable[Event]) -> list[Event]:
    return [
        event for event in events if event.provider == question.provider and event.environment == question.environment
    ]


def _action(event: Event) -> object:
    """What one user action is known by: its correlation id, or all that a row written twice has in common."""
    detail = repr(sorted(event.detail.items()))
    return event.correlation_id or (event.occurred_at, event.source, event.event, event.latency_ms, detail)


def _shortest_delays(rows: Sequence[Event]) -> Mapping[str | None, timedelta]:
    """By source: the least time between a row's two times.

    Below zero its clock is ahead by that much at least, since nothing is recorded before it happens. Above zero it
    may be behind, or late: a row of it happened no later than it says plus this.
    """
    shortest: dict[str | None, timedelta] = {}
    for row in rows:
        if row.recorded_at is not None:
            delay = row.recorded_at - row.occurred_at
            shortest[row.source] = min(shortest.get(row.source, delay), delay)
    return shortest


class _Says(StrEnum):
    NEW_VERSION = "A"
    NEW_DEPLOYMENT = "B"
    NOTHING = "C"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class _Row:
    event: Event
    says: _Says
    happened: datetime
    """As early as it can have been, as far as the clock of its source is known."""
    by: datetime
    """As late as it can have been, if its source has one clock. Only the share of a hidden process rests on this."""
    speaks: bool = True
    """Whether its source is known to run here; other sources can only object."""


@dataclass(frozen=True, slots=True)
class _Tally:
    """What one runtime's rows say."""

    evidence: Sequence[_Row]
    """Successes with the new version since it was there, in order."""
    elsewhere: Sequence[_Row]
    """The same from sources that are named nowhere: no evidence, but they have left the old version."""
    against: Sequence[_Row]
    """Successes with another version and refused credentials since the new one serves."""
    unlabelled: int
    """Successes of which only the time is known."""
    too_early: int
    """Successes with the new version whose clock says that they came before it."""
    repeats: int = 0
    """Rows of ``evidence`` left out because another one tells of the same action."""

    @property
    def last_against(self) -> datetime | None:
        return max((store_time(row.event) for row in self.against), default=None)


def _prove_one(
    question: Question, runtime: RuntimeDestination, rows: Sequence[Event], delays: Mapping[str | None, timedelta]
) -> RuntimeProof:
    heard = [_read(question, runtime, row, delays) for row in rows if _may_object(question, runtime, row)]
    tally = _count(question, runtime, heard)
    counted = _after_the_last_contradiction(tally)
    needed = _needed(question, tally)
    silent = _still_old(tally, counted)
    enough = len(counted) >= needed and not silent
    grade = max(Grade(row.says.value) for row in _best(counted, needed)) if enough else None
    missing = None if grade else _what_is_missing(question, runtime, tally, len(counted), needed, silent)
    refusals, accepted = _answers_to_the_new(question, tally)
    return RuntimeProof(
        uri=runtime.uri,
        grade=grade,
        successes=len(counted),
        needed=needed,
        synthetic=sum(row.event.synthetic for row in counted),
        events=tuple(str(row.event.id) for row in _best(counted, needed)),
        missing=missing,
        refused=refusals >= question.successes and not accepted,
        refused_at_least_once=refusals > 0 and not accepted,
    )


def _may_object(question: Question, runtime: RuntimeDestination, event: Event) -> bool:
    """Whether the event can speak against the new version at ``runtime``.

    A source that the project names nowhere may be a process that everybody forgot: it proves nothing, but while it
    works with the old version nobody may revoke that.
    """
    if runtime.speaks(event):
        return True
    named = runtime.not_sources.union(*(other.sources or () for other in question.runtimes))
    return event.source != CLIENT and event.source not in named


def _best(counted: Sequence[_Row], needed: int) -> Sequence[_Row]:
    """The strongest rows that suffice: the grade is the weakest of these."""
    return sorted(counted, key=lambda row: row.says.value)[:needed]


def _read(
    question: Question, runtime: RuntimeDestination, event: Event, delays: Mapping[str | None, timedelta]
) -> _Row:
    none = timedelta()
    delay = delays.get(event.source, none)
    happened = event.occurred_at + min(delay, none)
    by = min(store_time(event), happened + max(delay, none))
    return _Row(event, _says(question, runtime, event), happened, by, runtime.speaks(event))


def _says(question: Question, runtime: RuntimeDestination, event: Event) -> _Says:
    """What a row carries, the strongest statement first: it settles the row."""
    version = event.detail.get("secret_version")
    if version not in (None, ""):
        return _Says.NEW_VERSION if question.labels.is_new(version) else _Says.OLD
    if is_unread(event.detail) and runtime.speaks(event):
        return _Says.OLD  # its label may be in what was too much to read
    deployment = event.detail.get("deployment_id")
    if deployment and runtime.deployment:
        return _of_deployment(question, runtime, event, str(deployment))
    release = event.release
    if not release or not runtime.release or runtime.release == runtime.previous_release:
        return _Says.NOTHING
    if release == runtime.release:
        return _Says.NEW_DEPLOYMENT if runtime.previous_release else _Says.NOTHING
    return _Says.OLD if release == runtime.previous_release else _Says.NOTHING


def _of_deployment(question: Question, runtime: RuntimeDestination, event: Event, deployment: str) -> _Says:
    """What the id of a deployment says: where it is known to be another runtime's, nothing about this one."""
    if deployment in runtime.later_deployments:
        return _Says.NEW_DEPLOYMENT
    if deployment == runtime.deployment and runtime.deployment != runtime.previous_deployment:
        return _Says.NEW_DEPLOYMENT
    if deployment == runtime.previous_deployment:
        return _Says.OLD
    others = {one.deployment for one in question.runtimes} | {one.previous_deployment for one in question.runtimes}
    return _Says.OLD if runtime.speaks(event) and deployment not in others - {runtime.deployment} else _Says.NOTHING


def _count(question: Question, runtime: RuntimeDestination, rows: Sequence[_Row]) -> _Tally:
    evidence, elsewhere, against = [], [], []
    unlabelled = too_early = 0
    for row in rows:
        if _refuses(question, row.event):
            if store_time(row.event) > runtime.serving:
                against.append(row)
        elif row.event.event not in question.success_events or row.event.outcome is not Outcome.SUCCESS:
            continue
        elif row.says is _Says.OLD:
            if store_time(row.event) > runtime.serving:
                against.append(row)
        elif not row.speaks:
            elsewhere.append(row)
        elif not _after(row, runtime.serving if row.says is _Says.NOTHING else runtime.since):
            too_early += row.says is not _Says.NOTHING and store_time(row.event) > runtime.serving
        elif row.says is not _Says.NOTHING or question.accept_timing:
            evidence.append(row)
        else:
            unlabelled += 1
    once = _once_each(evidence)
    return _Tally(once, elsewhere, _once_each(against), unlabelled, too_early, len(evidence) - len(once))


def _once_each(rows: Sequence[_Row]) -> Sequence[_Row]:
    """Each user action once and in order: what it says by its earliest row as evidence, by its latest as objection.

    The latest only matters for objections, and those are dated by all their rows: see ``last_against``.
    """
    first: dict[tuple[object, _Says], _Row] = {}
    for row in sorted(rows, key=lambda row: row.happened):
        first.setdefault((_action(row.event), row.says), row)
    return list(first.values())


def _refuses(question: Question, event: Event) -> bool:
    return event.outcome is Outcome.ERROR and (event.error_code or "") in question.auth_error_codes


def _after(row: _Row, moment: datetime) -> bool:
    """It happened and was recorded after ``moment``."""
    return row.happened > moment and store_time(row.event) > moment


def _after_the_last_contradiction(tally: _Tally) -> Sequence[_Row]:
    last = tally.last_against
    return [row for row in tally.evidence if last is None or row.happened > last]


def _needed(question: Question, tally: _Tally) -> int:
    """How many successes in a row: the configured number, more where a process of the old version may be hiding."""
    among = [row for row in tally.against if row.speaks or row.event.source is None]
    if not among:
        return question.successes
    last = max(row.by for row in among)
    mixed_in = sum(row.happened <= last for row in tally.evidence)
    share = len(among) / (len(among) + mixed_in)
    return max(question.successes, math.ceil(math.log(HIDDEN_SHARE) / math.log1p(-share)) if share < 1 else 0)


def _still_old(tally: _Tally, counted: Sequence[_Row]) -> Sequence[str]:
    """Sources whose last word was the old version: nothing of theirs has shown the new one since."""
    last = tally.last_against
    gone_over = [row for row in tally.elsewhere if row.says is _Says.NEW_VERSION and last and row.happened > last]
    converted = {row.event.source for row in (*counted, *gone_over)}
    old = {row.event.source for row in tally.against if row.says is _Says.OLD}
    return sorted(str(source) for source in old - converted if source)


def _answers_to_the_new(question: Question, tally: _Tally) -> tuple[int, int]:
    """How often the provider refused and accepted the new version.

    A refusal that carries nothing counts where nothing at all has succeeded since the new version serves.
    """
    refused = [row for row in tally.against if row.speaks and _refuses(question, row.event)]
    labelled = sum(row.says in (_Says.NEW_VERSION, _Says.NEW_DEPLOYMENT) for row in refused)
    succeeded = len(tally.evidence) + tally.unlabelled + (len(tally.against) - len(refused))
    blank = 0 if succeeded else sum(row.says is _Says.NOTHING for row in refused)
    accepted = sum(row.says is not _Says.NOTHING for row in tally.evidence)
    return labelled + blank, accepted


def _what_is_missing(
    question: Question, runtime: RuntimeDestination, tally: _Tally, counted: int, needed: int, silent: Sequence[str]
) -> str:
    parts = [f"{runtime.uri}: {counted} of {needed} successes with the new version"]
    parts += _observations(question, tally, silent)
    parts.append(_how_to_get_it(question, runtime, max(needed - counted, 1)))
    return "; ".join(parts)


def _observations(question: Question, tally: _Tally, silent: Sequence[str]) -> Iterable[str]:
    old = [row for row in tally.against if row.says is _Says.OLD and not _refuses(question, row.event)]
    refused = [row for row in tally.against if _refuses(question, row.event)]
    if old:
        yield f"{len(old)} with another version, last recorded {_clock(old)}"
    if refused:
        yield f"{len(refused)} refused credentials, last recorded {_clock(refused)}"
    if silent:
        yield f"last heard on another version: {', '.join(silent)}"
    if tally.unlabelled:
        yield (
            f"{tally.unlabelled} successes carry neither secret_version nor the new deployment: "
            "their time alone is weak evidence"
        )
    if tally.repeats:
        why = "same correlation_id, or without one the same instant and content"
        yield f"{tally.repeats} rows count as repetitions: {why}"
    if tally.too_early:
        yield f"{tally.too_early} carry the new version but a clock from before it: check the writer's clock"


def _clock(rows: Sequence[_Row]) -> str:
    return readable.clock(max(store_time(row.event) for row in rows), seconds=True, zone=" UTC")


def _how_to_get_it(question: Question, runtime: RuntimeDestination, lacking: int) -> str:
    rate = sum(
        hourly
        for source, hourly in question.traffic.items()
        if (source not in runtime.not_sources if runtime.sources is None else source in runtime.sources)
    )
    flow = f", or run the flow {question.flow}" if question.flow else ""
    if rate <= 0:
        return f"there was no traffic in the day before: use the app{flow}"
    wait = readable.roughly(max(timedelta(hours=lacking / rate), timedelta(seconds=1)))
    return f"at today's rate of {rate:.3g} an hour that takes about {wait}{flow}"
