"""Whether the app's own events prove that it runs on the new version. Pure: rows in, a proof out.

A row is evidence where it *carries* the new version (grade A: ``detail.secret_version``; grade B: the id or release of
the deployment made for it). A wrong clock cannot fake what a row carries, so times only decide what came last. Whatever
speaks against the new version (a success with another version, a refused credential) is dated as late as it can have
happened, at its recording; evidence is dated as early as possible.

A fleet can be mixed: one process may have kept the old key. The share of successes on the old version says how large
its part is; the proof then needs so many consecutive successes on the new version that such a process, if it still ran,
would have shown itself with 99% probability.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from releaseguard.eventlog.interface import SetAside
from releaseguard.model import CLIENT, Event, Outcome
from releaseguard.rotation.proof.denials import refuses
from releaseguard.rotation.proof.missing import unread_rows, what_is_missing
from releaseguard.rotation.proof.rows import (
    EvidenceRow,
    Says,
    action_of,
    carried_by,
    may_object,
    read_row,
    shortest_delays,
)
from releaseguard.rotation.proof.tally import RuntimeTally, count_rows
from releaseguard.rotation.proof.values import Proof, Question, RuntimeDestination, RuntimeProof
from releaseguard.rotation.values import Basis, Grade

HIDDEN_SHARE = 0.01
"""The probability that a process of the share seen so far does not show itself in the series of successes."""


def prove(question: Question, events: Iterable[Event], set_aside: Iterable[SetAside] = ()) -> Proof:
    """Judge every runtime destination by the rows of the log; the weakest decides.

    ``set_aside`` are rows since then that cannot be read: while one of them may be a refused credential, nothing is
    proven. Without any runtime destination nothing can be proven: a later CI run leaves no event.
    """
    rows = _relevant(question, events)
    delays = shortest_delays(rows)
    proofs = [_prove_one(question, runtime, rows, delays) for runtime in question.runtimes]
    if not proofs:
        nothing = "No runtime destination is configured: nothing that runs reports which version it uses."
        return Proof(False, None, (), (nothing,))
    unread = unread_rows(question, set_aside)
    missing = (*(proof.missing for proof in proofs if proof.missing), *unread)
    return Proof(
        proven=not missing,
        grade=None if missing else max(proof.grade for proof in proofs if proof.grade),
        runtimes=proofs,
        missing=missing,
        refused=any(proof.refused for proof in proofs),
        refused_at_least_once=any(proof.refused_at_least_once for proof in proofs),
    )


def says_nothing(events: Sequence[Event]) -> bool:
    """Whether there are events and none of them names a value, deployment or release."""
    return bool(events) and not any(
        carried_by(event) or event.detail.get("deployment_id") or event.release for event in events
    )


def traffic_of(events: Iterable[Event], success_events: frozenset[str], hours: float) -> Mapping[str | None, float]:
    """Successes per hour by source, without phones and test users."""
    rates: dict[str | None, float] = {}
    for event in {action_of(event): event for event in events}.values():
        if event.event in success_events and event.outcome is Outcome.SUCCESS and not event.synthetic:
            rates[event.source] = rates.get(event.source, 0.0) + 1 / hours
    rates.pop(CLIENT, None)
    return rates


def _relevant(question: Question, events: Iterable[Event]) -> list[Event]:
    return [event for event in events if question.is_about(event)]


def _prove_one(
    question: Question, runtime: RuntimeDestination, rows: Sequence[Event], delays: Mapping[str | None, timedelta]
) -> RuntimeProof:
    heard = [read_row(question, runtime, row, delays) for row in rows if may_object(question, runtime, row)]
    tally = count_rows(question, runtime, heard)
    counted = _after_the_last_contradiction(tally)
    needed = max(_needed(question, tally), _beside_denials(question, runtime))
    silent = _still_old(tally, counted)
    enough = len(counted) >= needed and not silent
    grade = max(Grade(row.says.value) for row in _best(counted, needed)) if enough else None
    missing = None if grade else what_is_missing(question, runtime, tally, len(counted), needed, silent)
    best = _best(counted, needed)
    refusals, accepted = _answers_to_the_new(question, tally)
    return RuntimeProof(
        uri=runtime.uri,
        grade=grade,
        successes=len(counted),
        needed=needed,
        synthetic=sum(row.event.synthetic for row in counted),
        events=tuple(str(row.event.id) for row in best),
        missing=missing,
        refused=refusals >= question.successes and not accepted,
        refused_at_least_once=refusals > 0 and not accepted,
        old=sum(row.says is Says.OLD and not refuses(question, row.event) for row in tally.against),
        unlabelled=tally.unlabelled + tally.nameless + tally.sourceless,
        basis=_basis(best) if grade is Grade.A else None,
    )


def _basis(best: Sequence[EvidenceRow]) -> Basis:
    return Basis.LABEL if any(row.basis is Basis.LABEL for row in best) else Basis.FINGERPRINT


def _best(counted: Sequence[EvidenceRow], needed: int) -> Sequence[EvidenceRow]:
    """The strongest rows that suffice; the grade is that of the weakest of them."""
    return sorted(counted, key=lambda row: (row.says.value, row.basis is not Basis.FINGERPRINT))[:needed]


def _after_the_last_contradiction(tally: RuntimeTally) -> Sequence[EvidenceRow]:
    last = tally.last_against
    return [row for row in tally.evidence if last is None or row.happened > last]


def _needed(question: Question, tally: RuntimeTally) -> int:
    """The number of consecutive successes: the configured one, or more where a process with the old version may be
    hiding."""
    among = [row for row in tally.against if row.speaks or row.event.source is None]
    if not among:
        return question.successes
    last = max(row.by for row in among)
    mixed_in = sum(row.happened <= last for row in tally.evidence)
    share = len(among) / (len(among) + mixed_in)
    return max(question.successes, math.ceil(math.log(HIDDEN_SHARE) / math.log1p(-share)) if share < 1 else 0)


def _beside_denials(question: Question, runtime: RuntimeDestination) -> int:
    return max((more for source, more in question.denied_as_before.items() if runtime.runs(source)), default=0)


def _still_old(tally: RuntimeTally, counted: Sequence[EvidenceRow]) -> Sequence[str]:
    """Sources whose latest success used the old version."""
    last = tally.last_against
    gone_over = [row for row in tally.elsewhere if row.says is Says.NEW_VERSION and last and row.happened > last]
    converted = {row.event.source for row in (*counted, *gone_over)}
    old = {row.event.source for row in tally.against if row.says is Says.OLD}
    return sorted(str(source) for source in old - converted if source)


def _answers_to_the_new(question: Question, tally: RuntimeTally) -> tuple[int, int]:
    """How often the provider refused and accepted the new version.

    A refusal without a label counts where nothing at all has succeeded since the new version is in service.
    """
    refused = [row for row in tally.against if row.speaks and refuses(question, row.event)]
    labelled = sum(row.says in (Says.NEW_VERSION, Says.NEW_DEPLOYMENT) for row in refused)
    succeeded = len(tally.evidence) + tally.unlabelled + (len(tally.against) - len(refused))
    blank = 0 if succeeded else sum(row.says is Says.NOTHING for row in refused)
    accepted = sum(row.says is not Says.NOTHING for row in tally.evidence)
    return labelled + blank, accepted
