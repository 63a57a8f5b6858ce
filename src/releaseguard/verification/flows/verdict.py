"""The verdict over a flow's runs. Pure: runs in, decision out.

FAIL rests on an e-process (Ville's inequality: a non-negative martingale that starts at 1 reaches T with probability at
most 1/T, however often one looks). The null hypothesis is a flow that fails in at most ``TOLERATED`` of its runs for
reasons of its own; the alternatives are that nearly all, or half, of its runs fail. PASS requires that the flow's whole
budget ran clean, and states which share of failures that excludes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from releaseguard.cards.spec import FlowCheck, FlowSpec
from releaseguard.model import Verdict
from releaseguard.stats.bounds import upper_share
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.checks.row_checks import finding
from releaseguard.verification.evidence import FlowEvidence
from releaseguard.verification.flows.runs import FlowRun, Result
from releaseguard.verification.flows.templates import requests_of
from releaseguard.verification.values import Finding

TOLERATED = 0.05
"""The share of runs that may fail on a good release: a slow provider, a full inbox."""
BETS = ((0.9, 1.0), (0.1, 0.5))
"""(weight, share of failing runs) of each alternative."""
THRESHOLD = 500.0
"""1% over the five flows that ship."""
CONFIDENCE = 0.95
UNDECIDED_SHARE = 1
"""Runs that decide nothing are repeated at most as often as those that can decide."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the runs so far say, and whether another is worth its cost."""

    verdict: Verdict
    reason: str
    another: bool
    e_value: float


def decide(flow: FlowSpec, runs: Sequence[FlowRun]) -> Decision:
    """The verdict over all runs of one release, oldest first."""
    good, bad = _counts(runs)
    value = e_value(good, bad)
    newest = runs[-1] if runs else None
    if value >= THRESHOLD and newest:
        last = next(run for run in reversed(runs) if run.result.is_failure)
        reason = f"observed {bad} of {good + bad} runs failing (last: {last.reason}); needed clean runs"
        return Decision(Verdict.FAIL, reason, another=False, e_value=value)
    left = good + bad < flow.max_runs and len(runs) < (1 + UNDECIDED_SHARE) * flow.max_runs
    left = left and not (newest and _asks_in_vain(flow, newest))
    if not bad and good >= flow.max_runs:
        share = upper_share(0, good, CONFIDENCE)
        reason = f"observed {good} clean runs of {good}, which exclude that {share:.0%} or more of them fail"
        if any(run.result is Result.ANSWERED for run in runs):
            reason += "; the app's answers alone are seen, which do not say which release gave them"
        return Decision(Verdict.PASS, reason, another=False, e_value=value)
    return Decision(Verdict.INCONCLUSIVE, _open(flow, good, bad, newest), another=left, e_value=value)


def e_value(good: int, bad: int) -> float:
    """The evidence that the flow fails more often than is tolerated."""
    return sum(weight * (share / TOLERATED) ** bad * ((1 - share) / (1 - TOLERATED)) ** good for weight, share in BETS)


def _asks_in_vain(flow: FlowSpec, newest: FlowRun) -> bool:
    """Whether the app still does not have what the flow requests."""
    return newest.result is Result.NOT_THIS_APP and list(newest.requests) == list(requests_of(flow))


def stops_for_now(run: FlowRun) -> bool:
    """Whether running the flow again at once would meet the same obstacle."""
    return not run.result.is_failure and not run.result.is_clean


def verdict_of(provider: str, check: FlowCheck, flow: FlowSpec, runs: Sequence[FlowRun]) -> Finding:
    """The check's finding over all runs of one release."""
    decision = decide(flow, runs)
    good, bad = _counts(runs)
    evidence = FlowEvidence(
        runs=len(runs),
        clean=good,
        failed=bad,
        max_runs=flow.max_runs,
        results=dict(sorted(Counter(run.result.value for run in runs).items())),
        excluded_share=round(upper_share(bad, good + bad, CONFIDENCE), 4),
        e_value=round(decision.e_value, 3),
        threshold=THRESHOLD,
        event_ids=[one for run in runs[-5:] for one in run.event_ids][:5],
        run_ids=[run.run_id for run in runs[-5:]],
        left_behind=sum(not run.cleaned for run in runs),
        remarks=sorted({remark for run in runs for remark in run.remarks}),
        requests=list(requests_of(flow)),
        silence_cause=_silence(runs),
    )
    return finding(provider, check, decision.verdict, decision.reason, evidence)


def _counts(runs: Sequence[FlowRun]) -> tuple[int, int]:
    return sum(run.result.is_clean for run in runs), sum(run.result.is_failure for run in runs)


def _open(flow: FlowSpec, good: int, bad: int, newest: FlowRun | None) -> str:
    if newest is None:
        return f"the flow {flow.id} has not run yet"
    if newest.result is Result.NOT_THIS_APP:
        return newest.reason
    if stops_for_now(newest):
        return f"the newest run decides nothing: {newest.reason}"
    seen = f"observed {good} clean and {bad} failed runs (last: {newest.reason})"
    return f"{seen}; needed {flow.max_runs} clean runs for a PASS, and more failures for a FAIL"


def _silence(runs: Sequence[FlowRun]) -> SilenceCause | UnsetType:
    causes = {Result.OLD_RELEASE: SilenceCause.RELEASE_NOT_LIVE, Result.LOG_SILENT: SilenceCause.LOG}
    return causes.get(runs[-1].result, UNSET) if runs else UNSET
