"""What a proof still lacks, as sentences: how much, what speaks against it, how to get it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from releaseguard import readable
from releaseguard.cards.refused import is_refusal
from releaseguard.eventlog.interface import SetAside
from releaseguard.eventlog.rows.aside import tally_of
from releaseguard.model import CLIENT, Outcome
from releaseguard.rotation.history.views import store_time
from releaseguard.rotation.proof.denials import refuses
from releaseguard.rotation.proof.rows import EvidenceRow, Says, carried_by
from releaseguard.rotation.proof.tally import RuntimeTally
from releaseguard.rotation.proof.values import Question, RuntimeDestination


def unread_rows(question: Question, set_aside: Iterable[SetAside]) -> Sequence[str]:
    """A sentence about unreadable rows that may be a refused credential; empty where there are none."""
    tally = tally_of(row for row in set_aside if _may_refuse(question, row))
    if not tally.rows:
        return ()
    return (f"{tally.sentence()}; among them may be an authentication error: correct or delete them, then --resume",)


def _may_refuse(question: Question, row: SetAside) -> bool:
    """Whether the readable part of the row allows it to be an authentication error since the new version."""
    serving = min((runtime.serving for runtime in question.runtimes), default=None)
    at = row.recorded_at or row.occurred_at
    if at is not None and serving is not None and at <= serving:
        return False
    if row.provider not in {None, question.provider, *question.also_called} or row.source == CLIENT:
        return False
    if row.error_code:
        return is_refusal(row.error_code, question.auth_error_codes)
    return row.outcome is not Outcome.SUCCESS and row.event not in question.success_events


def what_is_missing(
    question: Question,
    runtime: RuntimeDestination,
    tally: RuntimeTally,
    counted: int,
    needed: int,
    silent: Sequence[str],
) -> str:
    """What one destination lacks for a proof, and what would bring it; ``counted`` of ``needed`` successes are
    there."""
    there = f"{runtime.uri}: {counted} of {readable.count(needed, 'success')}"
    parts = [f"{there} with the version that was put back" if question.is_back else f"{there} with the new version"]
    parts += _observations(question, tally, silent)
    misnamed = [*_misnamed(question, tally), *_unnamed_sources(question, tally)]
    parts += misnamed
    if not tally.heard and question.heard_in:
        parts.append(_heard_in(question))
    elif counted or not (tally.nameless or tally.sourceless or misnamed):  # more of the same would prove no more
        parts.append(_how_to_get_it(question, runtime, max(needed - counted, 1)))
    return "; ".join(parts)


def _heard_in(question: Question) -> str:
    where = ", ".join(f"{name!r} ({count})" for name, count in question.heard_in.items())
    return (
        f"no row is in the environment {question.environment!r}, and successes are in {where}: have the app write "
        f"{question.environment!r}, or name theirs: [project] environment"
    )


_NAMELESS = (
    "success says neither its source nor which value it used",
    "successes say neither their source nor which value they used",
)


def _observations(question: Question, tally: RuntimeTally, silent: Sequence[str]) -> Iterable[str]:
    old = [row for row in tally.against if row.says is Says.OLD and not refuses(question, row.event)]
    refused = [row for row in tally.against if refuses(question, row.event)]
    if old:
        yield f"{len(old)} with another version, last recorded {_clock(old)}"
    if refused:
        yield f"{readable.count(len(refused), 'refused credential')}, last recorded {_clock(refused)}"
    strange = [row for row in old if question.labels.is_strange(carried_by(row.event))]
    if strange:
        yield (
            f"{len(strange)} of them with a fingerprint of neither value: is [project] salt (or name) what the app has "
            "as RELEASEGUARD_SALT?"
        )
    yield from _of_unchanged(question, old)
    if silent:
        yield f"last heard on another version: {', '.join(silent)}"
    yield from _worthless(question, tally)


def _of_unchanged(question: Question, old: Sequence[EvidenceRow]) -> Iterable[str]:
    """Rows that may report the version of an unchanged member of the group, as they always will."""
    labels = question.labels
    found = Counter(name for row in old for name in labels.may_be_of_unchanged(carried_by(row.event)))
    changed = " or ".join(name for name, member in labels.members.items() if member.moved)
    for name, count in found.most_common():
        yield (
            f"{count} of them may report the version of {name}, which has not changed: the app must report that of "
            f"{changed}"
        )


def _worthless(question: Question, tally: RuntimeTally) -> Iterable[str]:
    """Successes that prove nothing, and why."""
    if tally.unlabelled:
        yield (
            f"{readable.agree(tally.unlabelled, 'success carries', 'successes carry')} neither secret_version nor the "
            f"new deployment: {'its' if tally.unlabelled == 1 else 'their'} time alone is weak evidence"
        )
    if tally.nameless:
        yield (
            f"{readable.agree(tally.nameless, *_NAMELESS)}: the app's rows have to say both (source, "
            "detail.secret_version), or they prove nothing"
        )
    if tally.sourceless:
        yield (
            f"{tally.sourceless} with the new version and without a source, which "
            f"[providers.{question.provider}.sources] asks for: have the rows say it, or leave that section out"
        )
    if tally.repeats:
        why = "same correlation_id, or without one the same instant and content"
        yield f"{readable.agree(tally.repeats, 'row counts as a repetition', 'rows count as repetitions')}: {why}"
    if question.denied_as_before:
        yield (
            "some uses are not allowed, as with the value before: more successes are needed, to be sure that there are "
            "no more of them now"
        )
    if tally.failed:
        yield (
            f"{readable.agree(tally.failed, 'success carries', 'successes carry')} the code of a failure: have the app "
            "look at what the provider answers, or they prove nothing"
        )
    if tally.too_early:
        early = readable.agree(tally.too_early, "carries", "carry")
        yield f"{early} the new version but a clock from before it: check the writer's clock"


def _misnamed(question: Question, tally: RuntimeTally) -> Iterable[str]:
    """Rows whose names differ from ours and mean ours, by column, the most frequent first."""
    named = [both for row in (*tally.elsewhere, *tally.against) for both in question.misnamed(row.event).items()]
    for (column, (written, meant)), count in Counter(named).most_common():
        yield f"{count} under the {column} {written!r}: the app must write {meant!r}, or they prove nothing"


def _unnamed_sources(question: Question, tally: RuntimeTally) -> Iterable[str]:
    """Rows with the new version from sources that no ``sources`` setting names, where the project uses that setting."""
    rows = [row for row in tally.elsewhere if row.says is Says.NEW_VERSION and not question.misnamed(row.event)]
    counted = Counter(row.event.source for row in rows if row.event.source)
    for source, count in counted.most_common():
        yield (
            f"{count} with the new version from {source!r}, a source that [providers.{question.provider}.sources] "
            "names nowhere: add it where it runs, or they prove nothing"
        )


def _clock(rows: Sequence[EvidenceRow]) -> str:
    return readable.clock(max(store_time(row.event) for row in rows), seconds=True, zone=" UTC")


def _how_to_get_it(question: Question, runtime: RuntimeDestination, lacking: int) -> str:
    if runtime.sources == frozenset({CLIENT}):
        return "only phones are said to run there, and what they log proves nothing"
    rate = question.usual_rate(runtime)
    if rate <= 0 and (runtime.not_sources if runtime.sources is None else not runtime.sources):
        setting = f"[providers.{question.provider}.sources] {runtime.uri!r} = [...]"
        return f"no source is said to run there, so nothing proves it: name it, {setting}"
    flow = f", or run the flow {question.flow}" if question.flow else ""
    if rate <= 0:
        return f"there was no traffic in the day before: use the app{flow}"
    wait = readable.roughly(max(timedelta(hours=lacking / rate), timedelta(seconds=1)))
    return f"at today's rate of {rate:.3g} an hour that takes about {wait}{flow}{_MUTE if question.mute else ''}"


_MUTE = (
    "; but no row of the day before says which value it used: unless the app now writes what is pushed beside the "
    "secret into its rows (detail.secret_version), more of them prove nothing"
)
