"""The audit chain: rotation events that each carry the hash of the one before.

A *lane* is one provider in one environment; its rotations form one chain, numbered without gaps. The id of
step N is a UUIDv5 of lane and N, so a plain insert decides who writes step N, whatever the store. The hash is
SHA-256 over the event's canonical JSON (RFC 8785), all columns but ``recorded_at``, which the store sets.

Inside a chain any edit, deletion or reordering shows by itself. A cut tail or a missing chain shows only against
a head kept elsewhere: every run prints it. ``recorded_at`` is not covered, since a writer cannot know it beforehand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from releaseguard.errors import Failed, UsageError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import OURSELVES, Event, JsonObject, Outcome, deterministic_id, to_text

GENESIS = "0" * 64
"""The hash that the first event of a chain carries as the one before."""


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """One provider in one environment: the unit in which rotations happen one at a time."""

    provider: str
    environment: str

    def __str__(self) -> str:
        return f"{self.provider}@{self.environment}"


def parse_lane(text: object) -> Lane | None:
    """Read what :class:`Lane` prints; ``None`` for anything else."""
    provider, at, environment = text.partition("@") if isinstance(text, str) else ("", "", "")
    return Lane(provider, environment) if provider and at and environment else None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many events it has and the last one's hash. Written ``lane#length:hash``."""

    lane: Lane
    length: int
    hash: str

    def __str__(self) -> str:
        return f"{self.lane}#{self.length}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What one step wants to say; lane, number, hashes and ids are added by :func:`seal`."""

    event: str
    detail: JsonObject
    outcome: Outcome = Outcome.SUCCESS
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a chain is not what it was. ``step`` counts from 1."""

    lane: Lane
    step: int
    problem: str


_HEAD = re.compile(r"(?P<provider>[a-z0-9_]+)@(?P<environment>[^#]+)#(?P<length>\d+):(?P<hash>[0-9a-f]{64})")


def parse_head(text: str) -> Head:
    """Read what :class:`Head` prints. Raises ``UsageError`` for anything else."""
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is not the head of a chain",
            next_step="Copy it from a run's output or job summary: sendgrid@production#12:<64 hexadecimal digits>.",
        )
    return Head(Lane(match["provider"], match["environment"]), int(match["length"]), match["hash"])


def step_id(lane: Lane, step: int) -> UUID:
    """The id of step ``step`` of ``lane``: the same for every writer, so that only one can write it."""
    return deterministic_id("chain", lane.provider, lane.environment, step)


def event_hash(event: Event) -> str:
    """SHA-256 of the event's canonical JSON, without ``recorded_at`` and without the hash itself.

    Raises ``ValueError`` for what has no canonical form (NaN, an integer beyond 2**53): no step is written with it.
    """
    columns: dict[str, Any] = {column: getattr(event, column) for column in _COVERED}
    columns["id"] = str(event.id)
    columns["occurred_at"] = to_text(event.occurred_at)
    columns["outcome"] = str(event.outcome)
    columns["detail"] = {key: value for key, value in event.detail.items() if key != "hash"}
    return hashlib.sha256(_canonical(columns)).hexdigest()


_COVERED = tuple(column.name for column in fields(Event) if column.name != "recorded_at")
_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every reader of JSON takes exactly (RFC 8785, appendix D)."""


def _canonical(value: Any) -> bytes:
    """``value`` in the form of RFC 8785.

    Where there is neither a number with a fraction nor a character outside ASCII, the standard library writes that
    very form, ten times as fast; all the rest is ``rfc8785``'s to write or to refuse.
    """
    if _is_plain(value):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    import rfc8785

    return rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(-_SAFE_INTEGER <= value <= _SAFE_INTEGER)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(inner) for key, inner in value.items())
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return value is None or kind is bool


def seal(lane: Lane, head: Head | None, drafts: Sequence[Draft], *, occurred_at: Any, source: str) -> Sequence[Event]:
    """The next events of a chain, numbered and linked after ``head`` (``None``: the chain is empty)."""
    previous = head.hash if head else GENESIS
    step = head.length if head else 0
    sealed = []
    for draft in drafts:
        step += 1
        detail = {
            **draft.detail,
            "provider": lane.provider,
            "lane": str(lane),
            "step": step,
            "previous": previous,
        }
        event = Event(
            id=step_id(lane, step),
            occurred_at=occurred_at,
            provider=OURSELVES,
            event=draft.event,
            outcome=draft.outcome,
            error_code=draft.error_code,
            environment=lane.environment,
            source=source,
            detail=detail,
        )
        previous = event_hash(event)
        sealed.append(replace(event, detail={**detail, "hash": previous}))
    return sealed


def in_order(events: Iterable[Event]) -> Sequence[Event]:
    """The events of one chain by their numbers (a row without one sorts first and is found by verifying)."""
    return sorted(events, key=lambda event: _step_of(event) or 0)


def head_of(events: Sequence[Event]) -> Head | None:
    """The head of a chain given in order; ``None`` for no events."""
    if not events:
        return None
    last = events[-1]
    lane = parse_lane(last.detail.get("lane")) or Lane(str(last.detail.get("provider")), last.environment)
    return Head(lane, _step_of(last) or len(events), str(last.detail.get("hash")))


def verify_chain(lane: Lane, events: Iterable[Event], head: Head | None = None) -> Sequence[Finding]:
    """Every edit, deletion or reordering inside a chain; with ``head`` also a cut tail or a missing chain."""
    chain = in_order(events)
    findings = []
    previous, expected = GENESIS, 1
    for event in chain:
        step = _step_of(event) or 0
        findings += [
            Finding(lane, step or expected, problem) for problem in _problems(lane, event, step, expected, previous)
        ]
        previous, expected = str(event.detail.get("hash")), step + 1
    return [*findings, *_against_head(lane, chain, head)]


def _problems(lane: Lane, event: Event, step: int, expected: int, previous: str) -> Iterable[str]:
    if step != expected:
        yield (f"steps {expected} to {step - 1} are missing" if step > expected else f"step {step} stands here twice")
    elif event.detail.get("previous") != previous:
        yield "does not follow the step before it: one of the two was replaced or moved"
    if event.id != step_id(lane, step):
        yield "has an id that is not its own: it was moved from another place or chain"
    if not _is_untouched(event):
        yield "was edited after it was written"


def _is_untouched(event: Event) -> bool:
    try:
        return event_hash(event) == event.detail.get("hash")
    except ValueError:
        return False


def _against_head(lane: Lane, chain: Sequence[Event], head: Head | None) -> Iterable[Finding]:
    if head is None:
        return
    if not chain:
        yield Finding(lane, 1, f"the whole chain is missing: its head counted {head.length} steps")
        return
    there = next((event for event in chain if _step_of(event) == head.length), None)
    if there is None:
        yield Finding(
            lane,
            head.length,
            f"the tail is missing: the head counted {head.length} steps, {len(chain)} are left",
        )
    elif there.detail.get("hash") != head.hash:
        yield Finding(lane, head.length, "is not the step that the head names: the chain was rewritten")


def _step_of(event: Event) -> int | None:
    step = event.detail.get("step")
    return step if isinstance(step, int) and not isinstance(step, bool) else None


# --- A whole log ----------------------------------------------------------------------------------------------

_MARKS = frozenset({"lane", "step", "previous", "hash"})
"""The keys of ``detail`` that only a step of a chain has."""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One chain: where it ends now, and in which ways it is not what it was."""

    lane: Lane
    head: Head | None
    findings: Sequence[Finding]


def verify_log(log: EventLog, heads: Sequence[Head] = (), lanes: Iterable[Lane] = ()) -> Sequence[ChainReport]:
    """Every chain in the log, and those that ``heads`` name; ``lanes`` are looked for although nothing names them.

    Raises ``Failed`` where a row was changed so that it is no event any more, ``ServiceError`` and ``ConfigError``
    as the log does.
    """
    _must_all_be_events(log)
    chains = chains_in(log.select(Query(providers=(OURSELVES,))))
    named = sorted({*chains, *(head.lane for head in heads)})
    strays = _strays(log, chains, {*named, *lanes})
    reports = []
    for lane in sorted({*named, *strays}):
        chain = chains.get(lane, ())
        findings = [*verify_chain(lane, chain), *strays.get(lane, ())]
        for head in (head for head in heads if head.lane == lane):
            findings += _against_head(lane, chain, head)
        reports.append(ChainReport(lane, head_of(chain), findings))
    return reports


def _must_all_be_events(log: EventLog) -> None:
    """A row of ours that cannot be read was not written so: we write none."""
    for row in log.set_aside(Query(providers=(OURSELVES,))):
        if row.provider == OURSELVES:
            raise Failed(
                f"a row of our own was edited: column {row.column} of row {row.row} {row.problem}",
                where=log.label,
                next_step="Restore the row from a backup, then verify again: nothing else was looked at.",
            )


def chains_in(events: Iterable[Event]) -> Mapping[Lane, Sequence[Event]]:
    """The steps of every chain, in order. A step that names no lane is put where its other columns say."""
    chains: dict[Lane, list[Event]] = {}
    for event in events:
        if _MARKS & event.detail.keys():
            lane = parse_lane(event.detail.get("lane"))
            lane = lane or Lane(str(event.detail.get("provider", "unknown")), event.environment)
            chains.setdefault(lane, []).append(event)
    return {lane: in_order(chain) for lane, chain in chains.items()}


def _strays(
    log: EventLog, chains: Mapping[Lane, Sequence[Event]], lanes: Iterable[Lane]
) -> Mapping[Lane, Sequence[Finding]]:
    """The step after a chain's last one: still there under its id, so defaced that it looks like none of its steps."""
    expected = {step_id(lane, step): (lane, step) for lane in lanes for step in (len(chains.get(lane, ())) + 1,)}
    if not expected:
        return {}
    strays: dict[Lane, list[Finding]] = {}
    for event in log.select(Query(ids=tuple(expected))):
        lane, step = expected[event.id]
        if event.id not in {known.id for known in chains.get(lane, ())}:
            problem = "was edited: it is there under its id, and no longer names this chain"
            strays.setdefault(lane, []).append(Finding(lane, step, problem))
    return strays
