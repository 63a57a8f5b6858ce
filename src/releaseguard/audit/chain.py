"""The audit chain: rotation events that each carry the hash of the one before.

A chain's key is one provider in one environment; its rotations form the chain, numbered without gaps. The id of step N
is a UUIDv5 of key and N, so a plain insert decides who writes step N in any store. The hash is SHA-256 over the event's
canonical JSON (RFC 8785), with all columns but ``recorded_at``, which the store sets.

Any edit, deletion or reordering inside a chain is visible by itself. A cut tail or a missing chain is visible only
against a head kept elsewhere, which every run prints. ``recorded_at`` is not covered, since a writer cannot know it
beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from msgspec import Struct

from releaseguard.errors import UsageError
from releaseguard.eventlog.signing.canonical import canonical, covered
from releaseguard.model import OURSELVES, Event, JsonObject, Outcome, deterministic_id
from releaseguard_events.stores.storable import storable

GENESIS = "0" * 64
"""The previous hash of a chain's first event."""

LONGEST = 10_000_000
"""The greatest number that a step may have."""


class ChainKey(Struct, frozen=True, order=True):
    """One provider in one environment: the unit in which rotations happen one at a time."""

    provider: str
    environment: str

    def __str__(self) -> str:
        return f"{self.provider}@{self.environment}"


def parse_chain_key(text: object) -> ChainKey | None:
    """Read what :class:`ChainKey` prints; ``None`` for anything else."""
    provider, at, environment = text.partition("@") if isinstance(text, str) else ("", "", "")
    return ChainKey(provider, environment) if provider and at and environment else None


class Head(Struct, frozen=True):
    """The end of a chain: how many events it has and the last one's hash. Written ``chain#length:hash``."""

    chain_key: ChainKey
    length: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain_key}#{self.length}:{self.hash}"


class Draft(Struct, frozen=True):
    """The content of one step; :func:`seal` adds key, number, hashes and id."""

    event: str
    detail: JsonObject
    outcome: Outcome = Outcome.SUCCESS
    error_code: str | None = None


_HEAD = re.compile(r"(?P<provider>[a-z0-9_]+)@(?P<environment>[^#]+)#(?P<length>\d+):(?P<hash>[0-9a-f]{64})")


def parse_head(text: str) -> Head:
    """Read what :class:`Head` prints. Raises ``UsageError`` for anything else."""
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is not the head of a chain",
            next_step="Copy it from a run's output or job summary: sendgrid@production#12:<64 hexadecimal digits>.",
        )
    return Head(ChainKey(match["provider"], match["environment"]), int(match["length"]), match["hash"])


def step_id(chain_key: ChainKey, step: int, previous: str = GENESIS, again: int = 0) -> UUID:
    """The id of step ``step`` of the chain, the same for every writer, so that only one can write it.

    ``again`` counts the ids that foreign rows occupy already; from 1 on the id also depends on ``previous``, the hash
    before it.
    """
    if not again:
        return deterministic_id("chain", chain_key.provider, chain_key.environment, step)
    return deterministic_id("chain again", chain_key.provider, chain_key.environment, step, previous, again)


def event_hash(event: Event) -> str:
    """SHA-256 of the event's canonical JSON, without ``recorded_at``, the hash itself and the signature over it.

    Raises ``ValueError`` for values without a canonical form (NaN, an integer beyond 2**53).
    """
    import hashlib

    return hashlib.sha256(canonical(covered(event, without=("hash", "signature")))).hexdigest()


def seal(
    chain_key: ChainKey,
    head: Head | None,
    drafts: Sequence[Draft],
    *,
    occurred_at: Any,
    source: str,
    root: str | None = None,
    taken: Container[UUID] = (),
) -> Sequence[Event]:
    """The next events of a chain, numbered and linked after ``head`` (``None``: the chain is empty).

    ``root`` is the hash of the chain's first step, known only to those who have read the chain. ``taken`` are ids that
    foreign rows occupy. Raises ``ValueError`` for values without a canonical form.
    """
    previous = head.hash if head else GENESIS
    step = head.length if head else 0
    sealed: list[Event] = []
    for draft in drafts:
        step += 1
        id_, again = _free_id(chain_key, step, previous, taken)
        marks = {"provider": chain_key.provider, "lane": str(chain_key), "step": step, "previous": previous}
        marks |= {"root": root} if root else {}
        event = Event(
            id=id_,
            occurred_at=occurred_at,
            provider=OURSELVES,
            event=draft.event,
            outcome=draft.outcome,
            error_code=draft.error_code,
            environment=chain_key.environment,
            source=source,
            detail={**draft.detail, **marks, **({"again": again} if again else {})},
        )
        event = storable(event)  # the hash is of what the store gives back
        previous = event_hash(event)
        root = root or previous
        sealed.append(replace(event, detail={**event.detail, "hash": previous}))
    return sealed


def _free_id(chain_key: ChainKey, step: int, previous: str, taken: Container[UUID]) -> tuple[UUID, int]:
    again = 0
    while (id_ := step_id(chain_key, step, previous, again)) in taken:
        again += 1
    return id_, again


def in_order(events: Iterable[Event]) -> Sequence[Event]:
    """The events of one chain by number; a row without a number sorts first and fails verification."""
    return sorted(events, key=lambda event: step_of(event) or 0)


def head_of(events: Sequence[Event]) -> Head | None:
    """The head of a chain given in order; ``None`` without events."""
    if not events:
        return None
    last = events[-1]
    chain_key = parse_chain_key(last.detail.get("lane")) or ChainKey(str(last.detail.get("provider")), last.environment)
    return Head(chain_key, step_of(last) or len(events), str(last.detail.get("hash")))


def again_of(event: Event) -> int:
    again = event.detail.get("again", 0)
    return again if type(again) is int and 0 <= again <= LONGEST else 0


def is_untouched(event: Event) -> bool:
    try:
        return event_hash(event) == event.detail.get("hash")
    except ValueError:
        return False


def step_of(event: Event) -> int | None:
    step = event.detail.get("step")
    return step if type(step) is int and 1 <= step <= LONGEST else None


def text_of(event: Event, key: str) -> str:
    value = event.detail.get(key)
    return value if isinstance(value, str) else ""
