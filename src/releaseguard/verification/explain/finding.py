"""Verdicts as sentences: what was observed, in which window, what is usual, what was needed, and the conclusion."""

from __future__ import annotations

from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.evidence import LogEvidence
from releaseguard.verification.explain.signals import explain_signal
from releaseguard.verification.explain.volumes import explain_volume
from releaseguard.verification.explain.words import rounded, text
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.judge.traffic import late_rows
from releaseguard.verification.judge.verdicts import undecided_of, verdict_of
from releaseguard.verification.values import Finding, Rule


def explain(state: ReleaseState, rule: Rule) -> Finding:
    """The finding of a rule at the newest look."""
    verdict = verdict_of(state, rule)
    explained = explain_signal if rule.kind == "signal" else explain_volume
    reason, evidence = explained(state, rule, verdict)
    return Finding(
        id=rule.id,
        provider=rule.provider,
        kind=rule.kind,
        verdict=verdict,
        blocking=rule.blocking,
        undecided=undecided_of(state, rule),
        reason=reason,
        evidence=evidence,
    )


def explain_log(state: ReleaseState) -> LogEvidence:
    """The state of the log at the newest look."""
    log, lags = state.traffic.log, state.known.lags
    late = late_rows(state.traffic.lags, state.look_minute)
    total, down = log.fresh + log.old, log.down and not state.strayed.environments
    return LogEvidence(
        newest_minute=text(log.newest) if log.newest is not None else None,
        events_missing=rounded(log.silent_expected),
        down=down,
        silence_cause=SilenceCause.LOG if down else None,
        events=log.events,
        new_release=log.fresh,
        other_releases=log.old,
        tagged_share=rounded(log.tagged / log.fresh) if log.fresh else None,
        live_share=rounded(log.fresh / total) if total else None,
        repeated_rows=log.repeats,
        usual_lag_minutes=lags.usual.complete,
        clock_ahead_minutes=lags.ahead,
        late_rows=late.rows if late else 0,
        clock_behind_minutes=late.minutes if late and late.is_clock else 0,
    )
