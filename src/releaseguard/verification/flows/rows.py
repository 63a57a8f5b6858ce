"""The rows that record runs in the event log. Pure.

A run writes ``flow_started`` before its first request and ``flow_finished`` after its last, both with the run's id. A
run that was killed has only the first. The next run finds it and continues it under the same id; the app knows the
idempotency keys already and does nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from releaseguard.harmless import JsonDocument
from releaseguard.keeping import clean_text
from releaseguard.model import OURSELVES, Event, Outcome, deterministic_id
from releaseguard.verification.flows.runs import NOT_CLEANED, FlowRun, Result, RunKey, StepRun, Unfinished

STARTED, REACHED, FINISHED, CLEANED = "flow_started", "flow_step", "flow_finished", "flow_cleaned"
EVENTS = (STARTED, REACHED, FINISHED, CLEANED)


def started(key: RunKey, release: str | None, at: datetime) -> Event:
    """The row written before the first request."""
    return _row(STARTED, key, release, at, {})


def reached(key: RunKey, release: str | None, at: datetime, step: str, ids: Mapping[str, str]) -> Event:
    """The row written after a step that made something which has to be cleaned up."""
    return _row(REACHED, key, release, at, {"step": step, "extracted": dict(ids)}, step)


def finished(run: FlowRun) -> Event:
    """The row written after the last request."""
    detail = {
        "result": run.result.value,
        "reason": clean_text(run.reason),
        "steps": [asdict(step) for step in run.steps],
        "event_ids": list(run.event_ids),
        "arrived_after_s": run.arrived_after_s,
        "cleaned": run.cleaned,
        "remarks": [clean_text(remark) for remark in run.remarks],
        "requests": list(run.requests),
    }
    row = _row(FINISHED, run.key, run.release, run.finished_at, detail)
    return row if run.result.is_clean else replace(row, outcome=Outcome.ERROR, error_code=run.result.value)


def cleaned(run: FlowRun, at: datetime) -> Event:
    """The row written when a clean-up that had failed has succeeded."""
    return _row(CLEANED, run.key, run.release, at, {})


def _row(name: str, key: RunKey, release: str | None, at: datetime, detail: JsonDocument, *parts: str) -> Event:
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
    """The runs that have ended, in the order of their rows; a run that a later one cleaned up after is clean."""
    ours = [row for row in rows if row.provider == OURSELVES]
    tidied = {row.detail.get("run_id") for row in ours if row.event == CLEANED}
    ended = [_run(row) for row in ours if row.event == FINISHED]
    return [replace(run, cleaned=True, remarks=_once_clean(run)) if run.run_id in tidied else run for run in ended]


def _once_clean(run: FlowRun) -> Sequence[str]:
    return [remark for remark in run.remarks if remark != NOT_CLEANED]


def unfinished_in(rows: Iterable[Event]) -> Sequence[Unfinished]:
    """The runs that are not finished, oldest first."""
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
        requests=list(detail.get("requests", ())),
    )
