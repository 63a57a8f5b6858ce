"""The state of the log at a look: what should have arrived, whether it works, and why a provider is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from releaseguard.stats.completeness import ENOUGH
from releaseguard.stats.series import LOOKBACK
from releaseguard.stats.silence import Quiet, SilenceCause, silence_cause
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.judge.traffic import Writers
from releaseguard.verification.values import Rule

UNREMARKABLE = 2.0
"""The number of independent events (clumps) whose absence after the newest row is unremarkable: none at all then has a
probability of 14%."""


def judge_log(state: ReleaseState) -> None:
    """Compute how much should have arrived since the newest row, at the level seen up to then.

    What arrives, or fails to arrive, after the window says nothing about it.
    """
    log, known, deployed = state.traffic.log, state.known, state.deployed
    newest = max(
        (minute for minute in (log.newest, log.arrived) if minute is not None), default=deployed - LOOKBACK - 1
    )
    start = newest + 1 - deployed
    until = state.judged_until - deployed
    missing = sum(
        rates.expected_between(start, until - known.lags.of(name).complete) for name, rates in known.traffic.items()
    )
    log.silent_expected, log.clump = missing * _shown_level(state, start), known.clump


def _shown_level(state: ReleaseState, until: int) -> float:
    """The fraction of the usual traffic in the half hour before ``until``, at most 1: idle users write little."""
    until = min(until, state.length)
    start = max(until - 30, 0)
    seen, expected = sum(state.traffic.rows[start:until]), sum(state.hoped[start:until])
    return min((seen + ENOUGH) / (expected + ENOUGH), 1.0) if until > start else 1.0


def complete_until(state: ReleaseState) -> datetime:
    """The time up to which all rows have arrived, as far as is known: the look less the usual delay, or the end of the
    newest row's minute where the silence since then is more than :data:`UNREMARKABLE`."""
    log = state.traffic.log
    minute = state.look_minute - state.known.lags.usual.complete
    if log.newest is not None and log.silent_expected > UNREMARKABLE * log.clump:
        minute = min(minute, log.newest + 1)
    return datetime.fromtimestamp(minute * 60, UTC)


def due(state: ReleaseState, provider: str, rates: Sequence[float]) -> list[float]:
    """``rates``, less what is usually still on its way: what each counted minute should have brought by now."""
    counts_from = state.look_minute - state.known.lags.of(provider).counts
    until = min(counts_from, state.timeline.end, _lives_until(state))
    return thinned(state, provider, rates[: max(until - state.deployed, 0)])


def _lives_until(state: ReleaseState) -> int:
    """The minute up to which the log counts as working: that of the newest row of any provider, plus as many as could
    be quiet by chance."""
    deployed, log = state.deployed, state.traffic.log
    newest = deployed if log.newest is None else log.newest
    until, hoped = newest + (newest + 1 == state.look_minute), 0.0
    for minute in range(max(newest, deployed), state.judged_until):
        hoped += state.hoped[minute - deployed] / state.known.clump
        if hoped > UNREMARKABLE:
            break
        until = minute + 1
    return until


def thinned(state: ReleaseState, provider: str, rates: Sequence[float]) -> list[float]:
    """``rates`` since the deployment, less what is usually still on its way at this look."""
    arrival, age = state.known.lags.of(provider), state.look_minute - 1 - state.deployed
    return [rate * share for rate, share in zip(rates, arrival.shares_from(age, len(rates)), strict=True)]


def silence_of(state: ReleaseState, rule: Rule) -> SilenceCause | None:
    """Why the rule's provider is silent at the newest look; ``None`` where it is not."""
    cause = silence_cause(quiet(state, rule))
    if cause is SilenceCause.LOG:
        return SilenceCause.RELEASE_NOT_LIVE if state.strayed.environments else cause
    return SilenceCause.RELEASE_NOT_LIVE if cause and state.traffic.is_deserted else cause


def quiet(state: ReleaseState, rule: Rule) -> Quiet:
    """The circumstances of the silence of the rule's provider."""
    provider, known, traffic = rule.provider, state.known, state.traffic
    last = traffic.last_event.get(provider, state.deployed - 1)
    start, until = max(last + 1 - state.deployed, 0), state.elapsed
    missing = {name: sum(thinned(state, name, base.rates[:until])[start:]) for name, base in known.traffic.items()}
    others = [name for name in known.traffic if name != provider]
    own = traffic.writers.get(provider, Writers())
    return Quiet(
        expected=missing.get(provider, 0.0),
        log_down=traffic.log.down,
        fresh=own.tagged + own.untagged,
        tagged=own.tagged,
        old=own.old,
        all_fresh=traffic.log.fresh,
        all_tagged=traffic.log.tagged,
        all_old=traffic.log.old,
        others_seen=sum(sum(traffic.events[name][start:until]) for name in others),
        others_expected=sum(missing[name] for name in others),
    )
