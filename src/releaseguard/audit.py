"""The audit chain: rotation events that each carry the hash of the one before.

A chain's key is one provider in one environment; its rotations form the chain, numbered without gaps. The id of
step N is a UUIDv5 of key and N, so a plain insert decides who writes step N, whatever the store. The hash is
SHA-256 over the event's canonical JSON (RFC 8785), all columns but ``recorded_at``, which the store sets.

Inside a chain any edit, deletion or reordering shows by itself. A cut tail or a missing chain shows only against
a head kept elsewhere: every run prints it. ``recorded_at`` is not covered, since a writer cannot know it beforehand.

Rows are believed one by one from the first step on (:func:`read_chain`); a row that does not fit is foreign: it is
shown, and changes nothing. A foreign row on the id of the next step does not stop it from being written: the step then
has an id that follows from the head as well, which whoever can only insert does not know, and on which two writers
who have read the chain agree.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from releaseguard.canonical import canonical, covered
from releaseguard.errors import UsageError
from releaseguard.eventlog.interface import EventLog, Judged, Query, SetAside
from releaseguard.eventlog.rows.written import storable
from releaseguard.harmless import visible
from releaseguard.model import OURSELVES, Event, JsonObject, Outcome, deterministic_id, to_text

GENESIS = "0" * 64
"""The hash that the first event of a chain carries as the one before."""
LONGEST = 10_000_000
"""Steps of a chain. A number beyond is no step's."""

MOST_SHOWN = 200
"""Characters of a text of a row that is not believed."""

Fault = Callable[[Event], str | None]
"""What is wrong with what a step says, where its place in the chain is right; ``None``: nothing."""


@dataclass(frozen=True, slots=True, order=True)
class ChainKey:
    """One provider in one environment: the unit in which rotations happen one at a time."""

    provider: str
    environment: str

    def __str__(self) -> str:
        return f"{self.provider}@{self.environment}"


def parse_chain_key(text: object) -> ChainKey | None:
    """Read what :class:`ChainKey` prints; ``None`` for anything else."""
    provider, at, environment = text.partition("@") if isinstance(text, str) else ("", "", "")
    return ChainKey(provider, environment) if provider and at and environment else None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many events it has and the last one's hash. Written ``chain#length:hash``."""

    chain_key: ChainKey
    length: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain_key}#{self.length}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What one step wants to say; key, number, hashes and ids are added by :func:`seal`."""

    event: str
    detail: JsonObject
    outcome: Outcome = Outcome.SUCCESS
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """One way in which a chain is not what it was. ``step`` counts from 1."""

    chain_key: ChainKey
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
    return Head(ChainKey(match["provider"], match["environment"]), int(match["length"]), match["hash"])


def step_id(chain_key: ChainKey, step: int, previous: str = GENESIS, again: int = 0) -> UUID:
    """The id of step ``step`` of the chain: the same for every writer, so that only one can write it.

    ``again`` counts the ids that foreign rows hold already; from 1 on it follows from ``previous``, the hash before it.
    """
    if not again:
        return deterministic_id("chain", chain_key.provider, chain_key.environment, step)
    return deterministic_id("chain again", chain_key.provider, chain_key.environment, step, previous, again)


def event_hash(event: Event) -> str:
    """SHA-256 of the event's canonical JSON, without ``recorded_at``, the hash itself and the signature over it.

    Raises ``ValueError`` for what has no canonical form (NaN, an integer beyond 2**53): no step is written with it.
    """
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

    ``root`` is the hash of the chain's first step: who has it has read the chain. ``taken`` are ids that foreign rows
    hold. Raises ``ValueError`` for what has no canonical form.
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
    """The events of one chain by their numbers (a row without one sorts first and is found by verifying)."""
    return sorted(events, key=lambda event: _step_of(event) or 0)


def head_of(events: Sequence[Event]) -> Head | None:
    """The head of a chain given in order; ``None`` for no events."""
    if not events:
        return None
    last = events[-1]
    chain_key = parse_chain_key(last.detail.get("lane")) or ChainKey(str(last.detail.get("provider")), last.environment)
    return Head(chain_key, _step_of(last) or len(events), str(last.detail.get("hash")))


UNLINKED = "does not follow a step that is believed"


# --- Which rows are believed ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Foreign:
    """A row that claims to be ours and is not believed: shown, and without any effect."""

    event: Event
    problem: str
    chain_key: ChainKey | None = None
    sound: bool = False
    """Whether it is consistent in itself: under the id of the step that it names, with the hash of what it says."""

    def to_json(self) -> JsonObject:
        """As ``health``, ``drift`` and ``audit`` print it."""
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


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain's rows: the steps that are believed, from the first on, and what does not fit beside or after them."""

    chain_key: ChainKey
    steps: Sequence[Event] = ()
    foreign: Sequence[Foreign] = ()

    @property
    def head(self) -> Head | None:
        """Its end, as far as it is believed; ``None``: nothing is."""
        return head_of(self.steps)

    @property
    def root(self) -> str | None:
        """The hash of its first step."""
        return str(self.steps[0].detail["hash"]) if self.steps else None

    def breach(self, settled: Collection[str] = ()) -> ChainFinding | None:
        """Where the chain went on and is not believed any further; ``None``: where it ends, it ends.

        It went on where at least two steps beyond its end follow one another and know what only a reader of the
        chain knows: its root, or one of its rotations. Whoever can only insert knows neither. A chain without a
        single believed step has nothing to be known. ``settled``: ids of rows that a person has disowned.
        """
        end = len(self.steps)
        later = [one.event for one in self.foreign if one.sound and str(one.event.id) not in settled]
        by_hash = {_text(event, "hash"): event for event in later if (_step_of(event) or 0) > end}
        known = {_text(event, "rotation_id") for event in self.steps} - {""}
        for event in by_hash.values():
            before = by_hash.get(_text(event, "previous"))
            if before and _step_of(before) == (_step_of(event) or 0) - 1 and self._is_known(event, before, known):
                problem = "is missing or was edited, and steps that follow on it are there"
                return ChainFinding(self.chain_key, end + 1, problem)
        return None

    def _is_known(self, event: Event, before: Event, rotations: Container[object]) -> bool:
        if not self.steps:
            return True
        pair = (before, event)
        return any(_text(one, "root") == self.root or _text(one, "rotation_id") in rotations for one in pair)


def read_chain(chain_key: ChainKey, rows: Iterable[Judged], fault: Fault = lambda _: None) -> Chain:
    """Which of a chain's rows are its history. Never raises, whatever the rows hold.

    A step is believed where nothing is held against it by the log, its id is its own, it follows the believed step
    before it, its hash is that of what it says, and ``fault`` finds nothing wrong with that. On a step that is signed
    no unsigned one follows, whenever it was recorded. Of several that fit, the one under the first id counts: an honest
    writer takes that where it is free.
    """
    by_step: dict[int, list[Judged]] = {}
    given = {event.id: (event, doubt) for event, doubt in rows}
    for event, doubt in given.values():
        by_step.setdefault(_step_of(event) or 0, []).append((event, doubt))
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
    claims = sorted(claims, key=lambda judged: _again_of(judged[0]))
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
    """Whether it stands under the id of the step that it names, in its chain, with the hash of what it says."""
    own = step_id(chain_key, step, _text(event, "previous"), _again_of(event))
    there = event.id == own and event.provider == OURSELVES and event.environment == chain_key.environment
    return there and event.detail.get("provider") == chain_key.provider and _is_untouched(event)


def _again_of(event: Event) -> int:
    again = event.detail.get("again", 0)
    return again if type(again) is int and 0 <= again <= LONGEST else 0


def _foreign(chain_key: ChainKey, event: Event, doubt: str | None, hashes: Sequence[str], fault: Fault) -> Foreign:
    step = _step_of(event)
    sound = doubt is None and step is not None and _is_itself(chain_key, event, step)
    return Foreign(event, doubt or _why_foreign(chain_key, event, hashes, fault, sound=sound), chain_key, sound)


def _why_foreign(chain_key: ChainKey, event: Event, hashes: Sequence[str], fault: Fault, *, sound: bool) -> str:
    step = _step_of(event)
    if step is None:
        return "names no step of its chain"
    if step < len(hashes):
        return f"claims to be step {step}, which is another row"
    if not sound and event.id != step_id(chain_key, step, _text(event, "previous"), _again_of(event)):
        return f"has an id that is not that of step {step}"
    if not sound:
        return f"its hash is not that of what it says: as step {step} it was edited, or made up"
    follows = step == len(hashes) and event.detail.get("previous") == hashes[-1]
    return (follows and fault(event)) or UNLINKED


# --- Verifying --------------------------------------------------------------------------------------------------


def verify_chain(chain_key: ChainKey, events: Iterable[Event], head: Head | None = None) -> Sequence[ChainFinding]:
    """Every edit, deletion or reordering inside a chain; with ``head`` also a cut tail or a missing chain."""
    chain = read_chain(chain_key, ((event, None) for event in events))
    return [*findings_in(chain), *_against_head(chain, head)]


def findings_in(chain: Chain) -> Sequence[ChainFinding]:
    """What is wrong with every row that is not believed, in order; what merely comes after such a row is no finding."""
    chain_key, findings = chain.chain_key, []
    expected, previous = len(chain.steps) + 1, chain.head.hash if chain.head else GENESIS
    for one in sorted(chain.foreign, key=lambda one: _step_of(one.event) or 0):
        step = _step_of(one.event) or 0
        problems = list(_problems(chain_key, one, step, expected, previous))
        findings += [ChainFinding(chain_key, step or expected, problem) for problem in problems]
        if step >= expected:
            previous, expected = _text(one.event, "hash"), step + 1
    return findings


def _problems(chain_key: ChainKey, foreign: Foreign, step: int, expected: int, previous: str) -> Iterable[str]:
    event = foreign.event
    if step < expected:
        yield f"step {step} stands here twice"
    elif step > expected:
        yield f"steps {expected} to {step - 1} are missing"
    elif event.detail.get("previous") != previous:
        yield "does not follow the step before it: one of the two was replaced or moved"
    if event.id != step_id(chain_key, step, _text(event, "previous"), _again_of(event)):
        yield "has an id that is not its own: it was moved from another place or chain"
    if not _is_untouched(event):
        yield "was edited after it was written"
    elif foreign.sound and foreign.problem != UNLINKED and step == expected:
        yield foreign.problem


def _is_untouched(event: Event) -> bool:
    try:
        return event_hash(event) == event.detail.get("hash")
    except ValueError:
        return False


def _against_head(chain: Chain, head: Head | None) -> Iterable[ChainFinding]:
    """A head is kept where any row of its number has its hash: an edit before that is a finding of its own."""
    if head is None:
        return
    rows = [*chain.steps, *(one.event for one in chain.foreign)]
    there = {_text(event, "hash") for event in rows if _step_of(event) == head.length}
    if not rows:
        yield ChainFinding(chain.chain_key, 1, f"the whole chain is missing: its head counted {head.length} steps")
    elif not there:
        problem = f"the tail is missing: the head counted {head.length} steps, {len(rows)} are left"
        yield ChainFinding(chain.chain_key, head.length, problem)
    elif head.hash not in there:
        yield ChainFinding(chain.chain_key, head.length, "is not the step that the head names: the chain was rewritten")


def _step_of(event: Event) -> int | None:
    step = event.detail.get("step")
    return step if type(step) is int and 1 <= step <= LONGEST else None


def _text(event: Event, key: str) -> str:
    value = event.detail.get(key)
    return value if isinstance(value, str) else ""


# --- A whole log ----------------------------------------------------------------------------------------------

_MARKS = frozenset({"lane", "step", "previous", "hash"})
"""The keys of ``detail`` that only a step of a chain has."""


@dataclass(frozen=True, slots=True)
class Histories:
    """The rows of our own, read: the chains, and what claims to be ours and belongs to none."""

    chains: Mapping[ChainKey, Chain]
    strangers: Sequence[Foreign] = ()

    @property
    def foreign(self) -> Sequence[Foreign]:
        """Every row that is not believed."""
        return [*self.strangers, *(one for chain in self.chains.values() for one in chain.foreign)]


def histories(rows: Iterable[Judged], fault: Fault = lambda _: None, names: Container[str] = ()) -> Histories:
    """The chains in rows of our own. ``names`` are the events that only a step of a chain may have.

    A step that names no chain is put where its other columns say. Never raises, whatever the rows hold.
    """
    chain_keys: dict[ChainKey, list[Judged]] = {}
    strangers = []
    for event, doubt in rows:
        if _MARKS & event.detail.keys():
            chain_key = parse_chain_key(event.detail.get("lane"))
            chain_key = chain_key or ChainKey(_text(event, "provider") or "unknown", event.environment)
            chain_keys.setdefault(chain_key, []).append((event, doubt))
        elif doubt or event.event in names:
            strangers.append(Foreign(event, doubt or "names no chain that it is a step of"))
    return Histories(
        {chain_key: read_chain(chain_key, mine, fault) for chain_key, mine in chain_keys.items()}, strangers
    )


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One chain: where it ends now, and in which ways it is not what it was."""

    chain_key: ChainKey
    head: Head | None
    findings: Sequence[ChainFinding]


@dataclass(frozen=True, slots=True)
class LogReport:
    """What a whole log's own rows are found to be."""

    chains: Sequence[ChainReport]
    foreign: Sequence[Foreign] = ()
    unreadable: Sequence[SetAside] = ()
    """Rows of ours that are no events any more: they were not written so."""

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not (self.foreign or self.unreadable or any(one.findings for one in self.chains))


def verify_log(
    log: EventLog,
    heads: Sequence[Head] = (),
    chain_keys: Iterable[ChainKey] = (),
    *,
    fault: Fault = lambda _: None,
    names: Container[str] = (),
) -> LogReport:
    """Every chain in the log, and those that ``heads`` name; ``chain_keys`` are looked for although nothing names them.
    And every row that claims to be ours and is not believed, or cannot be read.

    Raises ``ServiceError`` and ``ConfigError`` as the log does.
    """
    ours = Query(providers=(OURSELVES,))
    found = histories(log.judged(ours), fault, names)
    named = sorted({*found.chains, *(head.chain_key for head in heads)})
    strays = _strays(log, found.chains, {*named, *chain_keys})
    reports = []
    for chain_key in sorted({*named, *strays}):
        chain = found.chains.get(chain_key, Chain(chain_key))
        findings = [*findings_in(chain), *strays.get(chain_key, ())]
        for head in (head for head in heads if head.chain_key == chain_key):
            findings += _against_head(chain, head)
        reports.append(ChainReport(chain_key, _last_of(chain), findings))
    return LogReport(reports, found.foreign, [row for row in log.set_aside(ours) if row.provider == OURSELVES])


def _last_of(chain: Chain) -> Head | None:
    """Where the chain ends: beyond a step that was edited too, since its later steps are still there."""
    later = [one.event for one in chain.foreign if one.sound and chain.breach()]
    return head_of(in_order([*chain.steps, *later]))


def _strays(
    log: EventLog, chains: Mapping[ChainKey, Chain], chain_keys: Iterable[ChainKey]
) -> Mapping[ChainKey, Sequence[ChainFinding]]:
    """The step after a chain's last one: still there under its id, so defaced that it looks like none of its steps."""
    read = {chain_key: chains.get(chain_key, Chain(chain_key)) for chain_key in chain_keys}
    expected = {step_id(chain_key, len(chain.steps) + 1): chain for chain_key, chain in read.items()}
    if not expected:
        return {}
    strays: dict[ChainKey, list[ChainFinding]] = {}
    for event, _ in log.judged(Query(ids=tuple(expected))):
        chain = expected[event.id]
        if event.id not in {one.event.id for one in chain.foreign}:
            problem = "was edited: it is there under its id, and no longer names this chain"
            strays.setdefault(chain.chain_key, []).append(ChainFinding(chain.chain_key, len(chain.steps) + 1, problem))
    return strays
