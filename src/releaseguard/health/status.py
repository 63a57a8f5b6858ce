"""What is open now: leaks, rotations, releases that fail or were never judged, providers in trouble."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from releaseguard.eventlog.interface import Query
from releaseguard.health.document import log_row
from releaseguard.health.values import TROUBLED, HealthState, Overview
from releaseguard.model import OURSELVES, Event, Verdict, to_text
from releaseguard.readable import abbreviated
from releaseguard.report.rows import StillUsedRow
from releaseguard.report.status.document import ReleaseRow, StatusDocument, TroubledRow
from releaseguard.verification.context import VerifyContext
from releaseguard.verification.rows.accepted import ACCEPTED, is_about, named
from releaseguard.verification.rows.first_look import VERIFIED
from releaseguard.verification.rows.releases import DEPLOYED, deployments_of
from releaseguard.verification.values import Deployment

JUDGED_WITHIN = timedelta(days=1)
"""How long a deployment without a verdict is reported."""
DECIDED = frozenset({Verdict.PASS.value, Verdict.WARN.value, Verdict.FAIL.value})


READ_BACK = timedelta(days=30)
"""The age of a deployment up to which its verdict still counts."""


def look(
    overview: Overview, judging: VerifyContext, usual: str, still_used: Sequence[StillUsedRow] = ()
) -> StatusDocument:
    """Read the releases' marks and verdicts, and report what is open besides the providers' health. ``usual`` is the
    environment of commands that name none; ``still_used`` are values that should have stopped working.

    Raises ``ServiceError`` where the log does not answer.
    """
    query = Query(environment=overview.environment, providers=[OURSELVES], since=overview.until - READ_BACK)
    marks = judging.log.select(replace(query, events=[DEPLOYED]))
    deployments = deployments_of(marks, judging.promise.window, judging.population.tags)
    verdicts = list(judging.log.select(replace(query, events=[VERIFIED, ACCEPTED])))
    return {**status_of(overview, deployments, verdicts, usual), "still_used": still_used}


def status_of(
    overview: Overview, deployments: Sequence[Deployment], verdicts: Sequence[Event], usual: str
) -> StatusDocument:
    """The status as of the overview's end. ``verdicts`` are rows that ``verify`` has written, what people accepted
    among them, in order of time; those that fit no deployment in every part are not believed."""
    rows = [_release(one, verdicts, usual) for one in deployments]
    ends = [one.followed_at for one in deployments]
    pairs = list(zip(rows, ends, strict=True))
    return {
        "environment": overview.environment,
        "as_of": to_text(overview.until),
        "log": log_row(overview),
        "judged": sum(one.condition.state is not HealthState.UNKNOWN for one in overview.providers),
        "open_leaks": [leak for provider in overview.providers for leak in provider.leaks],
        "still_used": [],
        "rotations": [rotation for provider in overview.providers for rotation in provider.rotations],
        "failing": [row for row, ended in reversed(pairs) if row["verdict"] == Verdict.FAIL.value and ended is None],
        "unjudged": [row for row, ended in reversed(pairs) if _waits(row, ended, overview.until)],
        "troubled": list(_troubled(overview)),
        "broken": list(overview.broken),
    }


def _waits(row: ReleaseRow, ended: datetime | None, now: datetime) -> bool:
    """Whether somebody still has to look: where another release replaced it, an undecided verdict is final."""
    young = now - datetime.fromisoformat(row["deployed_at"]) <= JUDGED_WITHIN
    return young and row["verdict"] not in DECIDED and (ended is None or row["verdict"] is None)


def _release(deployment: Deployment, verdicts: Sequence[Event], usual: str) -> ReleaseRow:
    """With the newest verdict; a FAIL is final, whatever a later run says, unless a person accepted a check meanwhile:
    what was said since then holds."""
    mine = _looks_that_hold(deployment, verdicts)
    failed = [row for row in mine if row.detail.get("verdict") == Verdict.FAIL.value]
    last = (failed or mine)[-1] if mine else None
    verdict = None if last is None else str(last.detail.get("verdict"))
    return {
        "release": deployment.release,
        "component": deployment.component,
        "deployed_at": to_text(deployment.deployed_at),
        "verdict": verdict,
        "judged_at": None if last is None else to_text(last.occurred_at),
        "next_step": _next(deployment, usual),
    }


def _looks_that_hold(deployment: Deployment, rows: Sequence[Event]) -> Sequence[Event]:
    """The looks at a deployment since a person accepted a check of it; all of them where nobody did, or none came."""
    about = named(deployment)
    looks = [row for row in rows if row.event == VERIFIED and about.items() <= row.detail.items()]
    accepted = [row.occurred_at for row in rows if row.event == ACCEPTED and is_about(row, deployment)]
    return [row for row in looks if row.occurred_at >= max(accepted)] or looks if accepted else looks


def _next(deployment: Deployment, usual: str) -> str:
    elsewhere = ["--environment", deployment.environment] if deployment.environment != usual else []
    component = ["--component", deployment.component] if deployment.component else []
    return shlex.join(["releaseguard", "verify", "--release", abbreviated(deployment.release), *elsewhere, *component])


def _troubled(overview: Overview) -> Iterator[TroubledRow]:
    for one in overview.providers:
        if one.condition.state in TROUBLED:
            since = one.condition.since
            yield {
                "provider": one.provider,
                "state": one.condition.state.value,
                "reason": one.condition.reason,
                "since": None if since is None else to_text(since),
            }


def is_bad(document: StatusDocument) -> bool:
    """Whether something is wrong rather than merely waiting."""
    return document["log"]["down"] or any(
        document[open_] for open_ in ("open_leaks", "still_used", "failing", "troubled", "broken")
    )
