"""The gate's record on a project: what a replay with planted harms measured, kept in the log for later verdicts.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from releaseguard.model import OURSELVES, Event, Outcome, Verdict, new_id, to_text
from releaseguard.report.backtest.shown import PlantedRow, RecordRow
from releaseguard.verification.backtesting.measuring import Measured
from releaseguard.verification.backtesting.planting import Planting
from releaseguard.verification.rows.gate_record import MEASURED


def planted_rows(found: Sequence[Planting]) -> Sequence[PlantedRow]:
    """The plantings as rows of documents."""
    return [
        {
            "provider": one.provider,
            "harm": one.harm.kind,
            "size": one.harm.size,
            "tried": len(one.found_after_s),
            "found": one.found,
            "nine_in_ten_s": one.nine_in_ten_s,
        }
        for one in found
    ]


def record_of(measured: Measured, environment: str, promised: float, at: datetime) -> RecordRow:
    """What one environment's releases and plantings show about the gate."""
    mine = [one for one in measured.backtest.replayed if one.deployment.environment == environment]
    return {
        "measured_at": to_text(at),
        "releases": len(mine),
        "failed": sum(one.verdict is Verdict.FAIL for one in mine),
        "undecided": sum(one.verdict is Verdict.INCONCLUSIVE for one in mine),
        "good": sum(one.good is True for one in mine),
        "good_failed": sum(one.good is True and one.failed_after_s is not None for one in mine),
        "bad": sum(one.good is False for one in mine),
        "bad_failed": sum(one.good is False and one.failed_after_s is not None for one in mine),
        "false_alarms_promised": promised,
        "planted": planted_rows(measured.planted.get(environment, ())),
    }


def recorded_row(record: RecordRow, environment: str, at: datetime) -> Event:
    """The row that stores the record."""
    return Event(
        id=new_id(),
        occurred_at=at,
        provider=OURSELVES,
        event=MEASURED,
        outcome=Outcome.SUCCESS,
        environment=environment,
        source="backtest",
        detail={"record": dict(record)},
    )
