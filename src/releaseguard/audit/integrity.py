"""Whether the chains of a log are intact: no edits, deletions, reordering, cut tails or defaced rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.audit.chain import (
    GENESIS,
    ChainKey,
    Head,
    again_of,
    head_of,
    in_order,
    is_untouched,
    step_id,
    step_of,
    text_of,
)
from releaseguard.audit.histories import UNLINKED, Chain, ChainFinding, Fault, Foreign, histories, read_chain
from releaseguard.eventlog.interface import EventLog, Query, SetAside
from releaseguard.model import OURSELVES, Event


def verify_chain(chain_key: ChainKey, events: Iterable[Event], head: Head | None = None) -> Sequence[ChainFinding]:
    """Every edit, deletion or reordering inside a chain; with ``head`` also a cut tail or a missing chain."""
    chain = read_chain(chain_key, ((event, None) for event in events))
    return [*findings_in(chain), *_against_head(chain, head)]


def findings_in(chain: Chain) -> Sequence[ChainFinding]:
    """What is wrong with each row that is not believed, in order; a row that merely follows such a row is no
    finding."""
    chain_key, findings = chain.chain_key, []
    expected, previous = len(chain.steps) + 1, chain.head.hash if chain.head else GENESIS
    for one in sorted(chain.foreign, key=lambda one: step_of(one.event) or 0):
        step = step_of(one.event) or 0
        problems = list(_problems(chain_key, one, step, expected, previous))
        findings += [ChainFinding(chain_key, step or expected, problem) for problem in problems]
        if step >= expected:
            previous, expected = text_of(one.event, "hash"), step + 1
    return findings


def _problems(chain_key: ChainKey, foreign: Foreign, step: int, expected: int, previous: str) -> Iterable[str]:
    event = foreign.event
    if step < expected:
        yield f"step {step} stands here twice"
    elif step > expected:
        last = step - 1
        yield f"steps {expected} to {last} are missing" if expected < last else f"step {last} is missing"
    elif event.detail.get("previous") != previous:
        yield "does not follow the step before it: one of the two was replaced or moved"
    if event.id != step_id(chain_key, step, text_of(event, "previous"), again_of(event)):
        yield "has an id that is not its own: it was moved from another place or chain"
    if not is_untouched(event):
        yield "was edited after it was written"
    elif foreign.sound and foreign.problem != UNLINKED and step == expected:
        yield foreign.problem


def _against_head(chain: Chain, head: Head | None) -> Iterable[ChainFinding]:
    """The head is intact where any row of its number has its hash; an earlier edit is a finding of its own."""
    if head is None:
        return
    rows = [*chain.steps, *(one.event for one in chain.foreign)]
    there = {text_of(event, "hash") for event in rows if step_of(event) == head.length}
    if not rows:
        yield ChainFinding(chain.chain_key, 1, f"the whole chain is missing: its head counted {head.length} steps")
    elif not there:
        problem = f"the tail is missing: the head counted {head.length} steps, {len(rows)} are left"
        yield ChainFinding(chain.chain_key, head.length, problem)
    elif head.hash not in there:
        yield ChainFinding(chain.chain_key, head.length, "is not the step that the head names: the chain was rewritten")


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One chain: its current end, and the ways in which it was tampered with."""

    chain_key: ChainKey
    head: Head | None
    findings: Sequence[ChainFinding]


@dataclass(frozen=True, slots=True)
class LogReport:
    """The result of checking all our own rows in a log."""

    chains: Sequence[ChainReport]
    foreign: Sequence[Foreign] = ()
    unreadable: Sequence[SetAside] = ()
    """Rows of ours that are no longer events; they were not written like this."""

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
    """Check every chain in the log and those that ``heads`` name; ``chain_keys`` are checked even if nothing names
    them. Includes every row that claims to be ours and is not believed, or cannot be read.

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
