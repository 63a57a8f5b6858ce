"""What an earlier deployment's look found: an invariant's rows that existed before this release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import OURSELVES, Event, Verdict, to_text
from releaseguard.stats.bounds import lower_share
from releaseguard.verification.evidence import EarlierRows, InvariantEvidence
from releaseguard.verification.rows.recorded import WRITTEN_CHECK
from releaseguard.verification.values import Deployment, Finding

SURE = 0.999
"""The confidence with which more rows than before count against a release, since data grows by itself."""
NEWEST_LOOKS = 20
"""The number of looks at each invariant that are read beforehand."""
LOOKED_AT = frozenset({Verdict.PASS.value, Verdict.WARN.value, Verdict.FAIL.value})


@dataclass(frozen=True, slots=True)
class EarlierLook:
    """The newest look at an invariant before a deployment."""

    at: datetime
    rows: int


def earlier_query(check: str, deployment: Deployment, limit: int | None = None) -> Query:
    """The looks before the deployment, newest first."""
    return Query(
        environment=deployment.environment,
        providers=[OURSELVES],
        events=[WRITTEN_CHECK],
        until=deployment.deployed_at,
        detail={"check": check},
        newest_first=True,
        limit=limit,
    )


def earlier_look(log: EventLog, check: str, deployment: Deployment, newest: Sequence[Event]) -> EarlierLook | None:
    """The newest look before the deployment that recorded its count: among the :data:`NEWEST_LOOKS` already read, else
    among all; ``None`` without one."""
    found = newest_of(newest)
    if found is not None or len(newest) < NEWEST_LOOKS:
        return found
    return newest_of(log.select(earlier_query(check, deployment)))


def newest_of(rows: Iterable[Event]) -> EarlierLook | None:
    """The first of the rows, newest first, that says how many rows its look counted; ``None`` without one."""
    for row in rows:
        counted = row.detail.get("rows")
        if row.detail.get("verdict") in LOOKED_AT and isinstance(counted, int):
            return EarlierLook(row.occurred_at, counted)
    return None


def began_before(found: Finding, earlier: EarlierLook | None) -> Finding:
    """The finding without what existed before the release, which excuses its own level only."""
    evidence = found.evidence
    if found.verdict is not Verdict.FAIL or not isinstance(evidence, InvariantEvidence) or earlier is None:
        return found
    evidence = replace(evidence, before=EarlierRows(earlier.rows, to_text(earlier.at)))
    stood = f"at {to_text(earlier.at)}, before this deployment, there were {earlier.rows}"
    if not earlier.rows or _is_more(evidence.rows, earlier.rows):
        return replace(found, reason=f"{found.reason}; {stood}", evidence=evidence)
    reason = f"{found.reason}, but it began before the deployment: {stood}; correct the data, or the query"
    return replace(found, verdict=Verdict.WARN, reason=reason, evidence=evidence)


def _is_more(rows: int, before: int) -> bool:
    """Whether two counts at the same rate would hardly ever differ so much; given their sum, each row is equally likely
    in either."""
    return lower_share(rows, rows + before, SURE) > 0.5
