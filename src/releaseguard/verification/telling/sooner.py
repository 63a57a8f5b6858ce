"""What would decide an undecided verdict sooner: the cheapest evidence for each check. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta

from releaseguard.model import Verdict
from releaseguard.readable import as_flag
from releaseguard.report.verdict.document import SoonerRow
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.evidence import SignalEvidence, VolumeRuleEvidence
from releaseguard.verification.selection import OF_THE_PRESENT
from releaseguard.verification.values import Finding, Judged, is_cut

NO_TIME_HELPS = frozenset({SilenceCause.RELEASE_NOT_LIVE, SilenceCause.LOG})
"""Causes for which nothing of the release will come, however long one waits."""
LONGEST = timedelta(hours=24)
"""The longest window that is worth waiting for."""


def sooner_of(judged: Judged) -> Sequence[SoonerRow]:
    """The cheapest evidence for each check that leaves the release undecided and that more evidence can decide."""
    if judged.verdict is not Verdict.INCONCLUSIVE:
        return []
    waiting = (one for one in judged.findings if one.verdict is Verdict.INCONCLUSIVE and one.undecided == "block")
    return [row for finding in waiting for row in _of(judged, finding)]


def _of(judged: Judged, finding: Finding) -> Iterator[SoonerRow]:
    evidence = finding.evidence
    if not isinstance(evidence, SignalEvidence | VolumeRuleEvidence):
        return
    cut = is_cut(judged.deployment, judged.promise)
    if not cut and (flow := _flow_left_out(judged, finding)):
        yield {"check": finding.id, "by": "flow", "words": f"the flow {flow[0]}, which is left out ({flow[1]})"}
    elif evidence.began_before_deployment:
        words = "the old release held at a tenth of the traffic beside the next one, as its control"
        yield {"check": finding.id, "by": "old_release", "words": words}
    elif cut or evidence.silence_cause in NO_TIME_HELPS:
        return
    elif window := _window(judged, evidence.needed_minutes):
        yield {"check": finding.id, "by": "window", "words": f"a window of {window} ([verify] window)"}


def _flow_left_out(judged: Judged, finding: Finding) -> tuple[str, str] | None:
    """The flow that would settle the check, and why it does not run; ``None`` without one."""
    flow = judged.settled_by.get(finding.id)
    left_out = (one for one in judged.skipped if one.check.id == flow and one.reason != OF_THE_PRESENT)
    return next(((one.check.id, one.reason) for one in left_out), None)


def _window(judged: Judged, needed: float | None) -> str | None:
    """The window in which the missing events would come, where the configured one is too short; ``None`` otherwise."""
    if needed is None or not math.isfinite(needed):
        return None
    seen = min(judged.as_of - judged.deployment.deployed_at, timedelta(minutes=judged.promise.window_minutes))
    whole = max(seen, timedelta(0)) + timedelta(minutes=math.ceil(needed))
    in_fives = timedelta(minutes=5 * math.ceil(whole / timedelta(minutes=5)))
    too_short = whole > timedelta(minutes=judged.promise.window_minutes)
    return as_flag(in_fives) if too_short and in_fives <= LONGEST else None
