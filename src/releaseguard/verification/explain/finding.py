"""Verdicts in words: what was observed, in which window, what the baseline says, what was needed, therefore."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from releaseguard import readable
from releaseguard.model import Verdict, to_text
from releaseguard.stats.bounds import lower_share, upper_share
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.interface import LEAST_TAGGED, Evidence, Finding, Rule
from releaseguard.verification.judge.replay import (
    SUSPICION,
    VOLUME_DEVIATIONS,
    ErrorState,
    Failure,
    FinalLook,
    Replay,
    VolumeState,
)

MOST_NAMES = 5
"""Of events that no card names."""
LONGEST_NAME = 80


def explain(replay: Replay, rule: Rule) -> Finding:
    """A rule's finding at the newest look."""
    verdict = replay.verdict_of(rule)
    words, evidence = _signal(replay, rule, verdict) if rule.kind == "signal" else _volume(replay, rule, verdict)
    failure = replay.failures.get(rule.id)
    cause = failure.cause if failure else replay.silence_of(rule)
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
            "failed_at": _text(failure.minute) if failure else None,
            "failed_on": _failed_on(rule, failure) if failure else None,
            "silence_cause": cause.value if cause else None,
        },
    )


def _failed_on(rule: Rule, failure: Failure) -> Evidence:
    """What had been seen at the look that failed the rule."""
    told = {"since": _text(failure.since), "events": failure.events}
    if rule.kind == "signal":
        return {**told, "errors": failure.errors}
    return {**told, "expected": _rounded(failure.expected)}


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
        "unknown_events": _most_of(state.strays),
        "began_before_deployment": state.trouble is not None,
        "would_change": _what_would_change(verdict),
    }
    return _signal_words(replay, rule, verdict, state, evidence) + _unknown_words(state), evidence


def _most_of(strays: Counter[str]) -> Mapping[str, int]:
    """The most frequent names, each cut, since an app may write anything there."""
    return {name[:LONGEST_NAME]: count for name, count in sorted(strays.items(), key=_by_count)[:MOST_NAMES]}


def _by_count(named: tuple[str, int]) -> tuple[int, str]:
    return -named[1], named[0]


def _unknown_words(state: ErrorState) -> str:
    if not state.strays:
        return ""
    names = ", ".join(f"{name} ({count})" for name, count in _most_of(state.strays).items())
    return f"; among them errors by events that no card names: {names}"


def _counted(state: ErrorState) -> tuple[int, int]:
    """The events and errors to tell of: while an incident from before goes on, those that are excused by it."""
    return (state.events, state.errors) if state.trouble is None else state.excused


def _signal_words(replay: Replay, rule: Rule, verdict: Verdict, state: ErrorState, evidence: Mapping[str, Any]) -> str:
    base = replay.known.errors[rule.id]
    usual = f"where the baseline says {base.share:.1%} of {base.events}" if base.events else "with no baseline"
    if failure := replay.failures.get(rule.id):
        return _failed_signal(replay, rule, verdict, failure, usual)
    observed = f"observed {evidence['errors']} errors of {evidence['events']} events in {_span(replay)} {usual}"
    limit = f"{evidence['limit']:.1%}"
    if verdict is Verdict.PASS:
        return f"{observed}; needed confidence that it is below {limit}, and has it"
    if state.trouble is not None:
        began = "errors began before the deployment and are not known to be over"
        return f"{observed}; {began}, so they are not held against this release"
    return f"{observed}; {_why_undecided(replay, rule, evidence, limit)}"


def _failed_signal(replay: Replay, rule: Rule, verdict: Verdict, failure: Failure, usual: str) -> str:
    observed = f"observed {failure.errors} errors of {failure.events} events in {_stretch(failure)} {usual}"
    limit = replay.limit(rule)
    above = failure.errors >= limit * failure.events
    harm = f"harm begins at {limit:.1%}" if above else "that is more than chance explains"
    return f"{observed}; {harm}; {_evidence_words(replay, failure)}; therefore {_called(verdict)}"


def _stretch(failure: Failure) -> str:
    """How long what failed a rule had lasted, and when that was."""
    return f"{failure.minute - failure.since} min up to {readable.clock(_text(failure.minute))}"


def _why_undecided(replay: Replay, rule: Rule, evidence: Mapping[str, Any], limit: str) -> str:
    cause = replay.silence_of(rule)
    if cause:
        return _silence_words(replay, rule, cause)
    if evidence["events"] and evidence["tagged"] * 2 < evidence["events"]:
        return "most of them carry no release, so they cannot be held for or against it"
    if not replay.known.errors[rule.id].events:
        return "needed some history to compare with, and there is none"
    if not replay.has_room(rule):
        return "so many are usual that the rise which the card calls harm has no room: nothing can exclude it"
    if evidence["e_value"] > SUSPICION:
        leaning = f"the newest lean towards a rise (e-value {evidence['e_value']:g})"
        return f"{leaning}; needed at most {SUSPICION:g} for a pass"
    more, minutes = evidence["needed_events"], evidence["needed_minutes"]
    if more is None:
        return f"no number of events that can be waited for would exclude {limit}"
    return f"needed about {more} more to exclude {limit}{_when(minutes)}"


def _when(minutes: float | None) -> str:
    """When what is needed will be there; minutes, for it can be longer than any calendar."""
    return f", about {minutes:.0f} min at today's rate" if minutes is not None else ""


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
    if failure := replay.failures.get(rule.id):
        return _failed_volume(replay, rule, verdict, failure)
    observed = f"observed {state.judged} events in {_span(replay)} where {state.expected:.1f} were to be expected"
    if verdict is Verdict.PASS:
        return f"{observed}; needed confidence that it is not {_harm(rule)}, and has it"
    return f"{observed}; {_why_no_volume(replay, rule, state, evidence)}"


def _failed_volume(replay: Replay, rule: Rule, verdict: Verdict, failure: Failure) -> str:
    expected = f"{failure.expected:.1f} were to be expected"
    observed = f"observed {failure.events} events in {_stretch(failure)} where {expected}"
    harm = f"a loss of {rule.max_drop:.0%}" if failure.is_loss else f"{rule.max_rise:g} times the usual"
    why = f" ({_silence_words(replay, rule, failure.cause)})" if failure.cause else ""
    return f"{observed}; harm is {harm}; {_evidence_words(replay, failure)}; therefore {_called(verdict)}{why}"


def _why_no_volume(replay: Replay, rule: Rule, state: VolumeState, evidence: Mapping[str, Any]) -> str:
    if evidence["began_before_deployment"]:
        return "its calls failed or had dropped before the deployment, so fewer of them are not this release's doing"
    if cause := replay.silence_of(rule):
        return _silence_words(replay, rule, cause)
    if evidence["baseline"]["days"] < 1:
        return "there is less than a day of history to compare with"
    if state.tagged < LEAST_TAGGED * state.fresh:
        return "most of them carry no release, so they cannot pass it"
    if state.value > SUSPICION:
        return f"that leans towards a change; needed an e-value of at most {SUSPICION:g} for a pass"
    more, minutes = evidence["needed_events"], evidence["needed_minutes"]
    if more is None:
        return f"the usual volume varies too much from hour to hour to exclude {_harm(rule)}"
    return f"needed about {more} more to exclude {_harm(rule)}{_when(minutes)}"


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


def _silence_words(replay: Replay, rule: Rule, cause: SilenceCause) -> str:
    """Why nothing more of the new release comes, and since when."""
    quiet, last = replay.quiet(rule), replay.last_event(rule)
    since = f"since {readable.clock(_text(last))}" if last is not None else "since the deployment"
    if cause is SilenceCause.LOG:
        return "nothing of any provider reaches the log any more: its pipeline is down or late"
    if cause is SilenceCause.PROVIDER:
        return f"nothing of the new release {since}, while the other providers prove that users are there"
    if cause is SilenceCause.IDLE:
        return f"nothing of the new release {since}, and too little was to be expected: users are away"
    if quiet.all_tagged:
        return "other releases make its events: the new one, which serves others, has made none"
    return "the events come from other releases: the new one serves nobody"


def _evidence_words(replay: Replay, failure: Failure) -> str:
    ending = failure.ending
    if ending is not None:
        return (
            f"as usual that has a probability of {_odds(ending.chance)} at the window's last look, "
            f"needed at most {_odds(ending.allowed)}"
        )
    reached = f"{min(replay.peak, 1e9):,.0f}" if replay.peak >= replay.threshold else "enough by itself"
    return f"needed an e-value of {replay.threshold:,.0f} over the checklist, reached {reached}"


def _odds(chance: float) -> str:
    return f"{chance:.2%}" if chance >= 1e-4 else "less than 0.01%"


def _last_look(ending: FinalLook | None) -> Evidence | None:
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
