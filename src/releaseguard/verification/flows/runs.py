"""What a flow's run is, and how it is told from rows of the event log. Values and pure functions.

A run writes ``flow_started`` before its first request and ``flow_finished`` after its last, both with the run's
id. A run that was killed has only the first, so the next one finds it, takes it up under the same id, and the
app, which knows the idempotency keys already, does nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from releaseguard.cards.rules import PLACEHOLDER, amounts_in, placeholders
from releaseguard.cards.spec import Card, FlowSpec, StepSpec
from releaseguard.errors import ConfigError
from releaseguard.keeping import said
from releaseguard.model import OURSELVES, Event, Outcome, deterministic_id

STARTED, REACHED, FINISHED, CLEANED = "flow_started", "flow_step", "flow_finished", "flow_cleaned"
EVENTS = (STARTED, REACHED, FINISHED, CLEANED)
NOT_CLEANED = "cleaning up failed; the next run tries again"
UNNAMED = "the app's answer does not say what there is to take back: look in the app"
LONGEST_ID = 200
"""Characters of an extracted id that are kept for the clean-up; a longer one is no id."""

Known = Mapping[str, Any]
"""What placeholders stand for: texts, numbers, and the test user's e-mail as a ``Secret``."""


class Result(StrEnum):
    """How a run ended."""

    ARRIVED = "arrived"
    """The event arrived, as a success, from the new release."""
    OLD_RELEASE = "old_release"
    """It arrived from another release: the old version is still running."""
    UNTAGGED = "untagged"
    """It arrived without a release, so it proves nothing about the new one."""
    ERROR = "error"
    """The app answered with a failure and logged one."""
    LIED = "lied"
    """The app answered that all is well and logged an error."""
    REFUSED = "refused"
    """A request failed, and no error was logged for it."""
    NOT_ARRIVED = "not_arrived"
    """The app answered that all is well, and no event followed, while others' events did."""
    UNMATCHED = "unmatched"
    """Only events without a correlation id followed: the app does not pass the request's on."""
    LOG_SILENT = "log_silent"
    """Nothing at all reached the log in the meantime, so the missing event says nothing."""
    LIMITED = "limited"
    """The app's own rate limit stopped the run."""
    ABANDONED = "abandoned"
    """It was killed, and a run for another release tidied up after it."""

    @property
    def is_failure(self) -> bool:
        """Whether it speaks against the release."""
        return self in {Result.ERROR, Result.LIED, Result.REFUSED, Result.NOT_ARRIVED}


@dataclass(frozen=True, slots=True)
class StepRun:
    """One request of a run. ``status`` is ``None`` where none was sent or no answer came."""

    name: str
    status: int | None
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """Which run it is. ``purpose`` is what it was run for: a release, or a rotation."""

    environment: str
    purpose: str
    provider: str
    flow: str
    number: int

    @property
    def run_id(self) -> str:
        """The same for every process that takes this run up; also its correlation id."""
        return str(deterministic_id("flow", self.environment, self.purpose, self.provider, self.flow, self.number))

    def idempotency_key(self, step: str) -> str:
        """The same each time this step of this run is sent."""
        return str(deterministic_id("flow-step", self.run_id, step))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRun:
    """A run that has ended."""

    key: RunKey
    release: str | None
    """The release that the event had to come from; ``None`` where any would do (a rotation's proof)."""
    result: Result
    reason: str
    finished_at: datetime
    steps: Sequence[StepRun] = ()
    event_ids: Sequence[str] = ()
    arrived_after_s: float | None = None
    cleaned: bool = True
    """Whether nothing was left behind."""
    remarks: Sequence[str] = ()

    @property
    def run_id(self) -> str:
        return self.key.run_id


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run of which something is left to do, and what it had learned."""

    key: RunKey
    release: str | None
    started_at: datetime
    extracted: Mapping[str, str]
    result: FlowRun | None
    """Set where the run itself ended, and only its clean-up failed."""


@dataclass(frozen=True, slots=True)
class RunObservation:
    """What had reached the log when the waiting ended."""

    answered: bool
    """Whether every request was answered as expected."""
    matched: Sequence[Event]
    """The provider's events with the run's correlation id."""
    unmatched: Sequence[Event] = ()
    """The flow's event, synthetic and without any correlation id, since the run began."""
    others: bool = True
    """Whether any other traffic reached the log since then."""
    failed_at: str = ""
    """The request that failed, and how."""
    limited: bool = False


# --- what becomes of a run ------------------------------------------------------------------------------------


def judged(
    card: Card, flow: FlowSpec, release: str | None, seen: RunObservation
) -> tuple[Result, str, Sequence[Event]]:
    """The run's result, its reason in a sentence, and the events it rests on."""
    good = [event for event in seen.matched if event.event == flow.event and event.outcome is Outcome.SUCCESS]
    bad = [event for event in seen.matched if event.event in card.events.error or event.outcome is Outcome.ERROR]
    if seen.limited:
        return Result.LIMITED, f"the app's own limit stopped it: {seen.failed_at}", ()
    if bad:
        return _logged_an_error(seen, bad)
    if not seen.answered:
        return Result.REFUSED, f"{seen.failed_at}, and no error was logged for it", good
    if good:
        return _arrived(release, good)
    return _did_not_arrive(flow, seen)


def _logged_an_error(seen: RunObservation, bad: Sequence[Event]) -> tuple[Result, str, Sequence[Event]]:
    code = f" ({bad[0].error_code})" if bad[0].error_code else ""
    if seen.answered:
        return Result.LIED, f"the app answered that all is well and logged {bad[0].event}{code}", bad
    return Result.ERROR, f"{seen.failed_at}, and {bad[0].event}{code} was logged", bad


def _arrived(release: str | None, good: Sequence[Event]) -> tuple[Result, str, Sequence[Event]]:
    ours = [event for event in good if release is None or event.release == release]
    if ours:
        where = f" from release {release}" if release else ""
        return Result.ARRIVED, f"{ours[0].event} arrived{where}", ours
    others = sorted({event.release for event in good if event.release is not None})
    if others:
        return Result.OLD_RELEASE, f"{good[0].event} arrived from release {others[0]}, not from {release}", good
    return Result.UNTAGGED, f"{good[0].event} arrived without a release, so it does not prove {release}", good


def _did_not_arrive(flow: FlowSpec, seen: RunObservation) -> tuple[Result, str, Sequence[Event]]:
    if seen.unmatched:
        reason = f"{flow.event} arrived without a correlation id: the app has to pass x-correlation-id on to its events"
        return Result.UNMATCHED, reason, seen.unmatched
    if not seen.others:
        reason = f"neither {flow.event} nor any other event reached the log within {flow.arrives_within}"
        return Result.LOG_SILENT, reason, ()
    reason = f"the app answered that all is well, and no {flow.event} arrived within {flow.arrives_within}"
    return Result.NOT_ARRIVED, reason, ()


# --- requests -------------------------------------------------------------------------------------------------


class Missing(Exception):
    """A placeholder stands for something that no answer held."""


def filled(value: Any, known: Known) -> Any:
    """``value`` with every ``{name}`` replaced; a text that is one placeholder becomes the value itself.

    Raises :class:`Missing` for a name that is not known.
    """
    if isinstance(value, Mapping):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, known) for item in value]
    if not isinstance(value, str):
        return value
    if whole := PLACEHOLDER.fullmatch(value):
        return _value(whole[1], known)
    return PLACEHOLDER.sub(lambda match: str(_value(match[1], known)), value)


def _value(name: str, known: Known) -> Any:
    if name not in known:
        raise Missing(f"no answer held {name!r}")
    return known[name]


def capped(flow: FlowSpec, step: StepSpec, body: Any, *, where: str) -> None:
    """Raises ``ConfigError`` where a request, as it would be sent, asks for more than the flow's ``max_amount``."""
    for asked in amounts_in(body):
        if not asked <= (flow.max_amount or 0):
            raise ConfigError(
                f"flow {flow.id!r}, step {step.name!r} would ask for {asked:g}, more than max_amount "
                f"({flow.max_amount})",
                where=where or None,
                next_step="Lower the amount on the card; nothing was sent.",
            )


def extracted(step: StepSpec, answer: Any) -> Mapping[str, Any]:
    """What a step's ``extract`` finds in the app's answer; what is not there is left out."""
    found = {name: _at(answer, path.split(".")) for name, path in step.extract.items()}
    return {name: value for name, value in found.items() if isinstance(value, str | int | float) and value != ""}


def _at(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def kept_for_cleanup(flow: FlowSpec, known: Known) -> Mapping[str, str]:
    """The extracted names that the clean-up needs, and nothing else: they are written to the log."""
    kept = {name: str(known[name]) for name in sorted(needed_for_cleanup(flow)) if name in known}
    return {name: value for name, value in kept.items() if len(value) <= LONGEST_ID}


def needed_for_cleanup(flow: FlowSpec) -> frozenset[str]:
    """The names from the app's answers without which the clean-up does not know what to remove."""
    names = {name for step in flow.cleanup for name in (*placeholders(step.path), *placeholders(step.body))}
    names |= {step.when for step in flow.cleanup if step.when}
    return frozenset(names & {name for step in flow.steps for name in step.extract})


# --- rows of the log ------------------------------------------------------------------------------------------


def started(key: RunKey, release: str | None, at: datetime) -> Event:
    """Written before the first request."""
    return _row(STARTED, key, release, at, {})


def reached(key: RunKey, release: str | None, at: datetime, step: str, ids: Mapping[str, str]) -> Event:
    """Written after a step that made something which has to be cleaned up."""
    return _row(REACHED, key, release, at, {"step": step, "extracted": dict(ids)}, step)


def finished(run: FlowRun) -> Event:
    """Written after the last request."""
    ok = run.result is Result.ARRIVED
    detail = {
        "result": run.result.value,
        "reason": said(run.reason),
        "steps": [asdict(step) for step in run.steps],
        "event_ids": list(run.event_ids),
        "arrived_after_s": run.arrived_after_s,
        "cleaned": run.cleaned,
        "remarks": [said(remark) for remark in run.remarks],
    }
    row = _row(FINISHED, run.key, run.release, run.finished_at, detail)
    return row if ok else replace(row, outcome=Outcome.ERROR, error_code=run.result.value)


def cleaned(run: FlowRun, at: datetime) -> Event:
    """Written when a clean-up that had failed has succeeded."""
    return _row(CLEANED, run.key, run.release, at, {})


def _row(name: str, key: RunKey, release: str | None, at: datetime, detail: Mapping[str, Any], *parts: str) -> Event:
    return Event(
        id=deterministic_id(name, key.run_id, *parts),
        occurred_at=at,
        provider=OURSELVES,
        event=name,
        outcome=Outcome.SUCCESS,
        environment=key.environment,
        release=release,
        source=OURSELVES,
        correlation_id=key.run_id,
        synthetic=True,
        detail={
            "provider": key.provider,
            "flow": key.flow,
            "run_id": key.run_id,
            "purpose": key.purpose,
            "number": key.number,
            **detail,
        },
    )


def runs_in(rows: Iterable[Event]) -> Sequence[FlowRun]:
    """The runs that have ended, in the order of their rows; one that a later run tidied up after is clean."""
    ours = [row for row in rows if row.provider == OURSELVES]
    tidied = {row.detail.get("run_id") for row in ours if row.event == CLEANED}
    ended = [_run(row) for row in ours if row.event == FINISHED]
    return [replace(run, cleaned=True, remarks=_once_clean(run)) if run.run_id in tidied else run for run in ended]


def _once_clean(run: FlowRun) -> Sequence[str]:
    return [remark for remark in run.remarks if remark != NOT_CLEANED]


def unfinished_in(rows: Iterable[Event]) -> Sequence[Unfinished]:
    """The runs of which something is left to do, oldest first."""
    ours = [row for row in rows if row.provider == OURSELVES and row.event in EVENTS]
    ended = {row.detail.get("run_id"): _run(row) for row in ours if row.event == FINISHED}
    clean = {run_id for run_id, run in ended.items() if run.cleaned}
    clean |= {row.detail.get("run_id") for row in ours if row.event == CLEANED}
    begun = [row for row in ours if row.event == STARTED and row.detail.get("run_id") not in clean]
    return [
        Unfinished(_key(row), row.release, row.occurred_at, _learned(ours, row), ended.get(row.detail.get("run_id")))
        for row in begun
    ]


def _learned(rows: Iterable[Event], start: Event) -> Mapping[str, str]:
    learned: dict[str, str] = {}
    for row in rows:
        if row.event == REACHED and row.detail.get("run_id") == start.detail.get("run_id"):
            learned |= row.detail.get("extracted", {})
    return learned


def _key(row: Event) -> RunKey:
    detail = row.detail
    return RunKey(
        environment=row.environment,
        purpose=str(detail["purpose"]),
        provider=str(detail["provider"]),
        flow=str(detail["flow"]),
        number=int(detail["number"]),
    )


def _run(row: Event) -> FlowRun:
    detail = row.detail
    return FlowRun(
        key=_key(row),
        release=row.release,
        result=Result(detail["result"]),
        reason=str(detail["reason"]),
        finished_at=row.occurred_at,
        steps=[StepRun(**step) for step in detail.get("steps", ())],
        event_ids=list(detail.get("event_ids", ())),
        arrived_after_s=detail.get("arrived_after_s"),
        cleaned=bool(detail.get("cleaned", True)),
        remarks=list(detail.get("remarks", ())),
    )
