"""Verdicts in words: what was observed, in which window, what the baseline says, what was needed, therefore."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from releaseguard.model import Verdict, to_text
from releaseguard.verification.bounds import lower_share, upper_share
from releaseguard.verification.interface import LEAST_TAGGED, Evidence, Finding, Rule, SilenceCause
from releaseguard.verification.judge import SUSPICION, VOLUME_DEVIATIONS, Ending, ErrorState, Replay, VolumeState

_SILENCE = {
    SilenceCause.PROVIDER: "the provider's events stopped while the others prove that users are there",
    SilenceCause.IDLE: "users are away: too little was to be expected",
    SilenceCause.LOG: "nothing of any provider reaches the log: its pipeline is down or late",
    SilenceCause.RELEASE_NOT_LIVE: "all events come from other releases: the new one serves nobody",
}


def explain(replay: Replay, rule: Rule) -> Finding:
    """A rule's finding at the newest look."""
    verdict = replay.verdict_of(rule)
    words, evidence = _signal(replay, rule, verdict) if rule.kind == "signal" else _volume(replay, rule, verdict)
    cause = replay.silence_of(rule)
    return Finding(
        id=rule.id,
        provider=rule.provider,
        kind=rule.kind,
        verdict=verdict,
        blocking=rule.blocking,
        undecided=rule.undecided,
        reason=words,
        evidence={
            "window": _window(replay),
            **evidence,
            "checklist_e_value": _rounded(replay.peak),
            "threshold": _rounded(replay.threshold),
            "last_look": _last_look(replay.endings.get(rule.id)),
            "failed_at": _text(replay.failed[rule.id]) if rule.id in replay.failed else None,
            "silence_cause": cause.value if cause else None,
        },
    )


def explain_log(replay: Replay) -> Evidence:
    """The log itself, as of the newest look."""
    log = replay.log
    total = log.fresh + log.old
    return {
        "newest_minute": _text(log.newest) if log.newest is not None else None,
        "events_missing": _rounded(log.silent_expected),
        "down": log.down,
        "silence_cause": SilenceCause.LOG.value if log.down else None,
        "events": log.events,
        "new_release": log.fresh,
        "other_releases": log.old,
        "tagged_share": _rounded(log.tagged / log.fresh) if log.fresh else None,
        "live_share": _rounded(log.fresh / total) if total else None,
        "repeated_rows": log.repeats,
        "usual_lag_minutes": replay.known.lags.usual.complete,
        "clock_ahead_minutes": replay.known.lags.ahead,
    }


# --- errors ------------------------------------------------------------------------------------------------------


def _signal(replay: Replay, rule: Rule, verdict: Verdict) -> tuple[str, Evidence]:
    state, base = replay.errors[rule.id], replay.known.errors[rule.id]
    limit = replay.limit(rule)
    confidence = replay.promise.confidence
    events, errors = _counted(state)
    needed = replay.events_needed(rule) if verdict is Verdict.INCONCLUSIVE and base.events else None
    rate = replay.known.expected_events(rule, replay.length) / replay.length
    evidence = {
        "events": events,
        "errors": errors,
        "error_share": _rounded(errors / events) if events else None,
        "interval": [
            _rounded(lower_share(errors, events, confidence)),
            _rounded(upper_share(errors, events, confidence)),
        ],
        "baseline": {
            "events": base.events,
            "errors": base.errors,
            "share": _rounded(base.share),
            "bound": _rounded(base.bound),
        },
        "limit": _rounded(limit),
        "e_value": _rounded(state.value),
        "other_releases": {"events": state.old_events, "errors": state.old_errors},
        "tagged": state.tagged,
        "needed_events": needed,
        "needed_minutes": _minutes_for(needed, rate),
        "began_before_deployment": state.trouble is not None,
        "would_change": _what_would_change(verdict),
    }
    return _signal_words(replay, rule, verdict, state, evidence), evidence


def _counted(state: ErrorState) -> tuple[int, int]:
    """The events and errors to tell of: while an incident from before goes on, those that are excused by it."""
    return (state.events, state.errors) if state.trouble is None else state.excused


def _signal_words(replay: Replay, rule: Rule, verdict: Verdict, state: ErrorState, evidence: Mapping[str, Any]) -> str:
    base = replay.known.errors[rule.id]
    observed = f"observed {evidence['errors']} errors of {evidence['events']} events in {_span(replay)}"
    usual = f"where the baseline says {base.share:.1%} of {base.events}" if base.events else "with no baseline"
    limit = f"{evidence['limit']:.1%}"
    if verdict in {Verdict.FAIL, Verdict.WARN}:
        return (
            f"{observed} {usual}; harm begins at {limit}; {_evidence_words(replay, rule)}; therefore {_called(verdict)}"
        )
    if verdict is Verdict.PASS:
        return f"{observed} {usual}; needed confidence that it is below {limit}, and has it"
    if state.trouble is not None:
        return f"{observed} {usual}; the errors began before the deployment and go on, so they are not this release's"
    return f"{observed} {usual}; {_why_undecided(replay, rule, evidence, limit)}"


def _why_undecided(replay: Replay, rule: Rule, evidence: Mapping[str, Any], limit: str) -> str:
    cause = replay.silence_of(rule)
    if cause:
        return _SILENCE[cause]
    if evidence["events"] and evidence["tagged"] * 2 < evidence["events"]:
        return "most of them carry no release, so they cannot be held for or against it"
    more, minutes = evidence["needed_events"], evidence["needed_minutes"]
    if more is None:
        return "needed some history to compare with, and there is none"
    if evidence["e_value"] > SUSPICION:
        return f"that leans towards a rise (e-value {evidence['e_value']:g}); needed at most {SUSPICION:g} for a pass"
    when = f", about {minutes:.0f} min at today's rate" if minutes is not None else ""
    return f"needed about {more} more to exclude {limit}{when}"


# --- volume ------------------------------------------------------------------------------------------------------


def _volume(replay: Replay, rule: Rule, verdict: Verdict) -> tuple[str, Evidence]:
    state, base = replay.volumes[rule.id], replay.known.volumes[rule.id]
    spread = VOLUME_DEVIATIONS * math.sqrt(base.dispersion / max(state.judged, 1) + base.variance)
    ratio = state.judged / state.expected if state.expected else None
    rate = base.expected(0, replay.length) / replay.length
    needed = _volume_needed(base.dispersion, base.variance, rule, state)
    evidence = {
        "events": state.judged,
        "expected": _rounded(state.expected),
        "ratio": _rounded(ratio) if ratio is not None else None,
        "interval": [_rounded(ratio * math.exp(-spread)), _rounded(ratio * math.exp(spread))] if ratio else None,
        "baseline": {"events": base.events, "days": base.days, "dispersion": _rounded(base.dispersion)},
        "max_drop": rule.max_drop,
        "max_rise": rule.max_rise,
        "e_value": _rounded(state.value),
        "complete_minutes": state.complete,
        "since_minute": state.drop.onset if state.drop else None,
        "needed_events": needed if verdict is Verdict.INCONCLUSIVE else None,
        "needed_minutes": _minutes_for(needed, rate) if verdict is Verdict.INCONCLUSIVE and needed else None,
        "began_before_deployment": rule.id in replay.known.volume_incidents,
        "would_change": _what_would_change(verdict),
    }
    return _volume_words(replay, rule, verdict, state, evidence), evidence


def _volume_words(replay: Replay, rule: Rule, verdict: Verdict, state: VolumeState, evidence: Mapping[str, Any]) -> str:
    observed = f"observed {state.judged} events in {_span(replay)} where {state.expected:.1f} were to be expected"
    harm = _harm(rule)
    if verdict in {Verdict.FAIL, Verdict.WARN}:
        cause = replay.silence_of(rule)
        why = f" ({_SILENCE[cause]})" if cause else ""
        return f"{observed}; harm is {harm}; {_evidence_words(replay, rule)}; therefore {_called(verdict)}{why}"
    if verdict is Verdict.PASS:
        return f"{observed}; needed confidence that it is not {harm}, and has it"
    if evidence["began_before_deployment"]:
        return f"{observed}; the volume had dropped before the deployment, so it is not this release's doing"
    if cause := replay.silence_of(rule):
        return f"{observed}; {_SILENCE[cause]}"
    if evidence["baseline"]["days"] < 1:
        return f"{observed}; there is less than a day of history to compare with"
    if state.tagged < LEAST_TAGGED * state.fresh:
        return f"{observed}; most of them carry no release, so they cannot pass it"
    if state.value > SUSPICION:
        return f"{observed}; that leans towards a change; needed an e-value of at most {SUSPICION:g} for a pass"
    more, minutes = evidence["needed_events"], evidence["needed_minutes"]
    if more is None:
        return f"{observed}; the usual volume varies too much from hour to hour to exclude {harm}"
    when = f", about {minutes:.0f} min at today's rate" if minutes is not None else ""
    return f"{observed}; needed about {more} more to exclude {harm}{when}"


def _harm(rule: Rule) -> str:
    sides = [f"a loss of {rule.max_drop:.0%}"] if rule.max_drop is not None else []
    sides += [f"{rule.max_rise:g} times the usual"] if rule.max_rise is not None else []
    return " or ".join(sides) or "any change"


def _volume_needed(dispersion: float, variance: float, rule: Rule, state: VolumeState) -> int | None:
    """How many more events would settle it; ``None`` where the volume itself varies too much for that."""
    room = -math.log1p(-min(rule.max_drop, 0.999)) if rule.max_drop is not None else math.log(rule.max_rise or 2.0)
    left = (room / VOLUME_DEVIATIONS) ** 2 - variance
    return max(math.ceil(dispersion / left) - state.judged, 1) if left > 0 else None


# --- shared words ------------------------------------------------------------------------------------------------


def _evidence_words(replay: Replay, rule: Rule) -> str:
    ending = replay.endings.get(rule.id)
    if ending is not None and ending.fails and replay.failed[rule.id] == ending.minute:
        return (
            f"as usual that has a probability of {_odds(ending.chance)} at the window's last look, "
            f"needed at most {_odds(ending.allowed)}"
        )
    reached = f"{min(replay.peak, 1e9):,.0f}" if replay.peak >= replay.threshold else "enough by itself"
    return f"needed an e-value of {replay.threshold:,.0f} over the checklist, reached {reached}"


def _odds(chance: float) -> str:
    return f"{chance:.2%}" if chance >= 1e-4 else "less than 0.01%"


def _last_look(ending: Ending | None) -> Evidence | None:
    """The test at the end of the window; ``None`` until it is held, and where a following deployment ended it."""
    if ending is None:
        return None
    return {
        "at": _text(ending.minute),
        "probability": _rounded(ending.chance),
        "needed": _rounded(ending.allowed),
    }


def _called(verdict: Verdict) -> str:
    return "the release fails" if verdict is Verdict.FAIL else "a warning: this check cannot fail a release"


def _what_would_change(verdict: Verdict) -> str:
    return {
        Verdict.PASS: "errors or missing events later in the window",
        Verdict.INCONCLUSIVE: "more events of the new release, or a synthetic flow",
        Verdict.WARN: "nothing in this window",
        Verdict.FAIL: "nothing: a failure is final",
    }[verdict]


def _minutes_for(events: int | None, per_minute: float) -> float | None:
    return _rounded(events / per_minute) if events is not None and per_minute > 0 else None


def _window(replay: Replay) -> Sequence[str]:
    return [_text(replay.deployed), _text(min(replay.look_minute, replay.end))]


def _span(replay: Replay) -> str:
    return f"{min(replay.look_minute, replay.end) - replay.deployed} min"


def _text(minute: int) -> str:
    return to_text(datetime.fromtimestamp(minute * 60, UTC))


def _rounded(value: float) -> float:
    """Four significant digits: the same rows give the same text on every machine."""
    return float(f"{value:.4g}")
