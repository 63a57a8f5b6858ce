"""Decides which rows are the history of their chain. All others are foreign: they are shown and change nothing.

Rows are believed one by one from the first step on (:func:`read_chain`). A foreign row on the id of the next step does
not prevent that step from being written: the step then gets an id that also depends on the head, which somebody who can
only insert does not know, and on which two writers who have read the chain agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import TypedDict

from msgspec import Struct

from releaseguard.audit.chain import (
    GENESIS,
    ChainKey,
    Head,
    again_of,
    head_of,
    is_untouched,
    parse_chain_key,
    step_id,
    step_of,
    text_of,
)
from releaseguard.eventlog.interface import Judged
from releaseguard.harmless import visible
from releaseguard.model import OURSELVES, Event, to_text

MOST_SHOWN = 200
"""The most characters of an unbelieved row's text that are shown."""

Fault = Callable[[Event], str | None]
"""What is wrong with the content of a step whose place in the chain is right; ``None``: nothing."""


class ChainFinding(Struct, frozen=True):
    """One way in which a chain was tampered with. ``step`` counts from 1."""

    chain_key: ChainKey
    step: int
    problem: str


UNLINKED = "does not follow a step that is believed"


class ForeignRow(TypedDict):
    """A row that is not believed, as ``health``, ``drift`` and ``audit`` print it."""

    id: str
    recorded_at: str | None
    event: str | None
    lane: str | None
    problem: str


class Foreign(Struct, frozen=True):
    """A row that claims to be ours and is not believed: it is shown and has no effect."""

    event: Event
    problem: str
    chain_key: ChainKey | None = None
    sound: bool = False
    """Whether it is consistent in itself: it has the id of the step that it names, and the hash of its content."""

    def to_json(self) -> ForeignRow:
        """The row as ``health``, ``drift`` and ``audit`` print it."""
        at = self.event.recorded_at or self.event.occurred_at
        return {
            "id": str(self.event.id),
            "recorded_at": to_text(at),
            "event": visible(self.event.event[:MOST_SHOWN]),
            "lane": visible(str(self.chain_key)[:MOST_SHOWN]) if self.chain_key else None,
            "problem": self.problem,
        }

    def sentence(self) -> str:
        """For people."""
        row = self.to_json()
        chain_key = f" of {row['lane']}" if self.chain_key else ""
        return f"{row['event']}{chain_key}, row {row['id']} of {row['recorded_at']}: {self.problem}"


class Chain(Struct, frozen=True):
    """One chain's rows: the believed steps from the first on, and what does not fit next to or after them."""

    chain_key: ChainKey
    steps: Sequence[Event] = ()
    foreign: Sequence[Foreign] = ()

    @property
    def head(self) -> Head | None:
        """The end of its believed part; ``None`` where nothing is believed."""
        return head_of(self.steps)

    @property
    def root(self) -> str | None:
        """The hash of its first step."""
        return str(self.steps[0].detail["hash"]) if self.steps else None

    def breach(self, settled: Collection[str] = ()) -> ChainFinding | None:
        """Where the chain continues and cannot be believed any further; ``None`` where it simply ends.

        It continues where at least two linked steps beyond its end know what only a reader of the chain knows: its
        root, or one of its rotations. Somebody who can only insert knows neither. A chain without any believed step has
        no such knowledge. ``settled``: ids of rows that a person has disowned.
        """
        end = len(self.steps)
        later = [one.event for one in self.foreign if one.sound and str(one.event.id) not in settled]
        by_hash = {text_of(event, "hash"): event for event in later if (step_of(event) or 0) > end}
        known = {text_of(event, "rotation_id") for event in self.steps} - {""}
        for event in by_hash.values():
            before = by_hash.get(text_of(event, "previous"))
            if before and step_of(before) == (step_of(event) or 0) - 1 and self._is_known(event, before, known):
                problem = "is missing or was edited, and steps that follow on it are there"
                return ChainFinding(self.chain_key, end + 1, problem)
        return None

    def _is_known(self, event: Event, before: Event, rotations: Container[object]) -> bool:
        if not self.steps:
            return True
        pair = (before, event)
        return any(text_of(one, "root") == self.root or text_of(one, "rotation_id") in rotations for one in pair)


def read_chain(chain_key: ChainKey, rows: Iterable[Judged], fault: Fault = lambda _: None) -> Chain:
    """Decide which of a chain's rows are its history. Never raises, whatever the rows contain.

    A step is believed where the log holds nothing against it, its id is right, it follows the believed step before it,
    its hash fits its content, and ``fault`` finds nothing wrong with the content. After a signed step no unsigned one
    follows, whenever it was recorded. Of several that fit, the one under the first id counts: an honest writer takes
    that id where it is free.
    """
    by_step: dict[int, list[Judged]] = {}
    given = {event.id: (event, doubt) for event, doubt in rows}
    for event, doubt in given.values():
        by_step.setdefault(step_of(event) or 0, []).append((event, doubt))
    steps: list[Event] = []
    previous = GENESIS
    signed = False
    while fitting := _fitting(
        chain_key, by_step.get(len(steps) + 1, ()), len(steps) + 1, previous, fault, signed=signed
    ):
        steps.append(fitting)
        signed = signed or "signature" in fitting.detail
        previous = str(fitting.detail["hash"])
    believed = {event.id for event in steps}
    rest = [judged for judged in given.values() if judged[0].id not in believed]
    hashes = [GENESIS, *(str(event.detail["hash"]) for event in steps)]
    return Chain(chain_key, steps, [_foreign(chain_key, event, doubt, hashes, fault) for event, doubt in rest])


def _fitting(
    chain_key: ChainKey, claims: Iterable[Judged], step: int, previous: str, fault: Fault, *, signed: bool
) -> Event | None:
    claims = sorted(claims, key=lambda judged: again_of(judged[0]))
    fitting = (
        event
        for event, doubt in claims
        if doubt is None
        and ("signature" in event.detail or not signed)
        and event.detail.get("previous") == previous
        and _is_itself(chain_key, event, step)
        and fault(event) is None
    )
    return next(fitting, None)


def _is_itself(chain_key: ChainKey, event: Event, step: int) -> bool:
    """Whether it has the id of the step that it names in its chain, and the hash of its content."""
    own = step_id(chain_key, step, text_of(event, "previous"), again_of(event))
    there = event.id == own and event.provider == OURSELVES and event.environment == chain_key.environment
    return there and event.detail.get("provider") == chain_key.provider and is_untouched(event)


def _foreign(chain_key: ChainKey, event: Event, doubt: str | None, hashes: Sequence[str], fault: Fault) -> Foreign:
    step = step_of(event)
    sound = doubt is None and step is not None and _is_itself(chain_key, event, step)
    return Foreign(event, doubt or _why_foreign(chain_key, event, hashes, fault, sound=sound), chain_key, sound)


def _why_foreign(chain_key: ChainKey, event: Event, hashes: Sequence[str], fault: Fault, *, sound: bool) -> str:
    step = step_of(event)
    if step is None:
        return "names no step of its chain"
    if step < len(hashes):
        return f"claims to be step {step}, which is another row"
    if not sound and event.id != step_id(chain_key, step, text_of(event, "previous"), again_of(event)):
        return f"has an id that is not that of step {step}"
    if not sound:
        return f"its hash is not that of what it says: as step {step} it was edited, or made up"
    follows = step == len(hashes) and event.detail.get("previous") == hashes[-1]
    return (follows and fault(event)) or UNLINKED


_MARKS = frozenset({"lane", "step", "previous", "hash"})
"""The keys of ``detail`` that only a step of a chain has."""


class Histories(Struct, frozen=True):
    """Our own rows, sorted: the chains, and rows that claim to be ours and belong to none."""

    chains: Mapping[ChainKey, Chain]
    strangers: Sequence[Foreign] = ()

    @property
    def foreign(self) -> Sequence[Foreign]:
        """Every row that is not believed."""
        return [*self.strangers, *(one for chain in self.chains.values() for one in chain.foreign)]


def histories(rows: Iterable[Judged], fault: Fault = lambda _: None, names: Container[str] = ()) -> Histories:
    """The chains among our own rows. ``names`` are the events that only a step of a chain may have.

    A step that names no chain is assigned by its other columns. Never raises, whatever the rows contain.
    """
    chain_keys: dict[ChainKey, list[Judged]] = {}
    strangers = []
    for event, doubt in rows:
        if _MARKS & event.detail.keys():
            chain_key = parse_chain_key(event.detail.get("lane"))
            chain_key = chain_key or ChainKey(text_of(event, "provider") or "unknown", event.environment)
            chain_keys.setdefault(chain_key, []).append((event, doubt))
        elif doubt or event.event in names:
            strangers.append(Foreign(event, doubt or "names no chain that it is a step of"))
    return Histories(
        {chain_key: read_chain(chain_key, mine, fault) for chain_key, mine in chain_keys.items()}, strangers
    )
