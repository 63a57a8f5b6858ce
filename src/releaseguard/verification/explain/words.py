"""Words and numbers that sentences about all rules share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from releaseguard import readable
from releaseguard.model import Verdict, to_text
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.judge.failures import taken_over
from releaseguard.verification.judge.log import quiet
from releaseguard.verification.judge.state import Failure, ReleaseState
from releaseguard.verification.judge.traffic import late_rows
from releaseguard.verification.values import Rule

AWAY = 0.5
"""The share of the other providers' usual events below which users count as absent."""
DUE = 4.0
"""The number of events due from other providers from which their absence says something about users."""
_WOULD_CHANGE = {
    Verdict.PASS: "errors or missing events later in the window",
    Verdict.INCONCLUSIVE: "more events of the new release, or a synthetic flow",
    Verdict.WARN: "nothing in this window",
    Verdict.FAIL: "nothing: a failure is final",
}


def silence_words(state: ReleaseState, rule: Rule, cause: SilenceCause) -> str:
    """Why nothing more of the new release arrives, and since when."""
    last = state.traffic.last_event.get(rule.provider)
    since = f"since {readable.clock(text(last))}" if last is not None else "since the deployment"
    if cause is SilenceCause.LOG:
        return strayed_words(state, rule) or _log_words(state)
    if state.traffic.is_deserted:
        rows = state.traffic.log.elsewhere
        return (
            f"no row since the deployment is of this component, while {rows} of others came: it is not live, "
            "or it writes nothing"
        )
    if strayed := strayed_words(state, rule):
        return strayed
    if renamed := renamed_words(state, rule):
        return renamed
    if cause is SilenceCause.PROVIDER:
        return f"nothing of the new release {since}, while the other providers show that there are users"
    if cause is SilenceCause.IDLE and late_rows(state.traffic.lags, state.look_minute):
        return _log_words(state)
    if cause is SilenceCause.IDLE and (due := _next_batch(state, rule)):
        return f"nothing of the new release {since}: its events come in one batch a day, the next is due about {due}"
    if cause is SilenceCause.IDLE:
        return f"nothing of the new release {since}, {_idle_words(state, rule)}"
    if quiet(state, rule).all_tagged:
        return "other releases make its events: the new one, which serves others, has made none"
    return _not_live_words(state)


def _not_live_words(state: ReleaseState) -> str:
    """The release serves nobody, and who does."""
    tags = ", ".join(name[:80] for name, _ in state.traffic.tags.most_common(3))
    if left_of(state).minutes <= 0:
        return f"the events come from other releases ({tags}): the new one served nobody until its window ended"
    return f"the events come from other releases ({tags}): the new one serves nobody"


def strayed_words(state: ReleaseState, rule: Rule) -> str | None:
    """The release writes under another environment's name, or may; ``None`` where it does not."""
    found, count = state.strayed, state.strayed.providers.get(rule.provider, 0)
    named = ", ".join(f"{name[:80]!r} ({rows})" for name, rows in found.environments.items())
    if not named or (found.providers and not count):
        return None
    if not quiet(state, rule).fresh:
        return f"nothing of it comes in this environment, and rows come in others called alike or new: {named}"
    return f"about {count} of its rows came in environments called alike or new: {named}"


def renamed_words(state: ReleaseState, rule: Rule) -> str | None:
    """Successes arrive under names that are new with the release; ``None`` where none do."""
    renamed = state.renamed(rule)
    names = ", ".join(f"{name[:80]} ({count})" for name, count in list(renamed.items())[:3])
    return f"successes come by names that no check knows and that are new: {names}" if renamed else None


def replaced_words(state: ReleaseState, rule: Rule) -> str:
    """Which provider took over, and how to declare that it was intended."""
    rose = ", ".join(f"{name[:80]} (+{count})" for name, count in sorted(taken_over(state, rule).items())[:3])
    return (
        f"others rose by about as much with the release: {rose}; a fail-over or a switch: if it is intended, "
        f"mark it with releaseguard events deployed --removes {rule.provider}"
    )


def _log_words(state: ReleaseState) -> str:
    """Why the present is unknown: nothing arrives, or only rows that claim to be old."""
    late = late_rows(state.traffic.lags, state.look_minute)
    if late is None:
        return "nothing from any provider reaches the log any more: its pipeline is down or late"
    return f"{late.words}, so nobody can tell what happened since"


def _idle_words(state: ReleaseState, rule: Rule) -> str:
    """Whether users are absent, or this is simply not the time at which they, or a batch, use the provider."""
    around = quiet(state, rule)
    if around.others_expected >= DUE and around.others_seen < AWAY * around.others_expected:
        return "and too little was expected: users are away"
    return f"and only about {around.expected:.1f} events were expected by now: none is due yet"


def _next_batch(state: ReleaseState, rule: Rule) -> str | None:
    """When the provider's next daily batch is due, where nearly all its events come in one; else ``None``."""
    usual = state.known.traffic.get(rule.provider)
    if usual is None or usual.next_batch is None:
        return None
    return readable.clock(text(state.timeline.live + usual.next_batch))


def evidence_words(state: ReleaseState, failure: Failure) -> str:
    """What the evidence had to reach, and that it did."""
    final_look = failure.final_look
    if final_look is not None:
        return (
            f"as usual, that would have a probability of {_odds(final_look.chance)} at the window's last look, "
            f"needed at most {_odds(final_look.allowed)}"
        )
    reached = f"{min(state.peak, 1e9):,.0f} to 1" if state.peak >= state.threshold else "enough by itself"
    return f"needed odds of {state.threshold:,.0f} to 1 against the usual over the checklist, reached {reached}"


def _odds(chance: float) -> str:
    return f"{chance:.2%}" if chance >= 1e-4 else "less than 0.01%"


def called(verdict: Verdict) -> str:
    """What a failed rule means for the release."""
    return "the release fails" if verdict is Verdict.FAIL else "a warning: this check cannot fail a release"


def would_change(verdict: Verdict) -> str:
    """What would change a verdict."""
    return _WOULD_CHANGE[verdict]


def at_todays_rate(minutes: float | None) -> str:
    """How long the needed events take to come; computed in minutes, since it can exceed any calendar."""
    return f", about {minutes:.0f} min at today's rate" if minutes is not None else ""


class Left(NamedTuple):
    """What remains of a window."""

    minutes: int
    is_cut: bool
    """Whether another deployment ends it, whatever ``--window`` says."""


def left_of(state: ReleaseState) -> Left:
    """What remains of the window at this look."""
    return Left(state.timeline.end - state.judged_until, state.length < state.promise.window_minutes)


CUT = "another deployment ended its window"


def leaning_words(state: ReleaseState, seen: str) -> str:
    """The events so far tend towards harm, so nothing passes, and until when that may change."""
    left, is_cut = left_of(state)
    until = "the window is over: a longer --window would show which" if left <= 0 else f"the window ends in {left} min"
    until = f"{CUT}, so nothing more will show which" if is_cut and left <= 0 else until
    return f"{seen} lean towards harm, too little to fail it and too much to pass it; {until}"


def more_words(left: Left, needed: int, minutes: float | None, harm: str) -> str:
    """How many more events would decide it, where that many can come in what is ``left`` of the window; otherwise what
    would."""
    if minutes is not None and minutes <= left.minutes:
        return f"needed about {needed} more to exclude {harm}{at_todays_rate(minutes)}"
    more = readable.count(needed, "event")
    if left.is_cut:
        return f"excluding {harm} takes about {more} more than came, and {CUT}: no more of them count"
    takes = f" (about {minutes:.0f} min at today's rate)" if minutes is not None else ""
    over = "the window is over" if left.minutes <= 0 else f"the window ends in {left.minutes} min"
    return (
        f"excluding {harm} takes about {more} more than came{takes}, and {over}: a longer --window or a "
        "synthetic flow would show it"
    )


def minutes_for(events: int | None, per_minute: float) -> float | None:
    """The minutes in which that many events come."""
    return rounded(events / per_minute) if events is not None and per_minute > 0 else None


def stretch(failure: Failure) -> str:
    """How long what failed a rule had lasted, and when that was."""
    return f"{failure.minute - failure.since} min up to {readable.clock(text(failure.minute))}"


def window(state: ReleaseState) -> Sequence[str]:
    """From the deployment to this look, or to the window's end."""
    return [text(state.deployed), text(state.judged_until)]


def span(state: ReleaseState) -> str:
    """How long the release has been observed."""
    return f"{state.judged_until - state.deployed} min"


def text(minute: int) -> str:
    """A minute since 1970 as RFC 3339."""
    return to_text(datetime.fromtimestamp(minute * 60, UTC))


def rounded(value: float) -> float:
    """Four significant digits, so that the same rows give the same text on every machine."""
    return float(f"{value:.4g}")
