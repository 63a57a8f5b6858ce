"""Sentences about a volume."""

from __future__ import annotations

import math

from releaseguard import readable
from releaseguard.model import Verdict
from releaseguard.stats.baseline import VolumeBaseline
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.evidence import RowsPerAction, UsualVolume, VolumeRuleEvidence
from releaseguard.verification.explain.shared import others_serve, shared_evidence
from releaseguard.verification.explain.words import (
    called,
    evidence_words,
    leaning_words,
    left_of,
    minutes_for,
    more_words,
    renamed_words,
    replaced_words,
    rounded,
    silence_words,
    span,
    strayed_words,
    stretch,
    text,
    window,
    would_change,
)
from releaseguard.verification.judge.failures import came_otherwise, still_serves
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.state import Failure, ReleaseState, VolumeState
from releaseguard.verification.judge.verdicts import (
    CHANGED,
    LEAST_EXPECTED,
    SUSPICION,
    VOLUME_DEVIATIONS,
    is_meant,
    seems_replaced,
    writes_fewer_rows,
)
from releaseguard.verification.judge.weighing.others import Compared
from releaseguard.verification.judge.weighing.sample_ratio import share_of_traffic
from releaseguard.verification.values import LEAST_TAGGED, Rule
from releaseguard.verification.whose.foretold import REMOVED_WORDS


def explain_volume(state: ReleaseState, rule: Rule, verdict: Verdict) -> tuple[str, VolumeRuleEvidence]:
    """The sentence about a volume rule, and its evidence."""
    evidence = _evidence(state, rule, verdict)
    besides = _missed_batch(state, rule) + _per_action(evidence) + _odd_share(state, verdict)
    return _words(state, rule, verdict, evidence) + besides, evidence


def _evidence(state: ReleaseState, rule: Rule, verdict: Verdict) -> VolumeRuleEvidence:
    held, base = state.volumes[rule.id], state.known.volumes[rule.id]
    spread = VOLUME_DEVIATIONS * math.sqrt(base.dispersion / max(held.judged, 1) + base.variance)
    ratio = held.judged / held.expected if held.expected else None
    needed = _needed(base, rule, held) if verdict is Verdict.INCONCLUSIVE else None
    return VolumeRuleEvidence(
        window=window(state),
        events=held.judged,
        expected=rounded(held.expected),
        ratio=rounded(ratio) if ratio is not None else None,
        interval=[rounded(ratio * math.exp(-spread)), rounded(ratio * math.exp(spread))] if ratio else None,
        baseline=UsualVolume(base.events, base.days, rounded(base.dispersion)),
        max_drop=rule.max_drop,
        max_rise=rule.max_rise,
        e_value=rounded(held.value),
        complete_minutes=held.complete,
        since_minute=held.drop.onset if held.drop else None,
        needed_events=needed,
        needed_minutes=minutes_for(needed, base.expected(0, state.length) / state.length),
        began_before_deployment=rule.id in state.known.volume_levels or rule.id in state.known.volume_rises,
        rows_per_action=_rows_per_action(state, rule),
        would_change=would_change(verdict),
        **shared_evidence(state, rule),
    )


def _rows_per_action(state: ReleaseState, rule: Rule) -> RowsPerAction | None:
    found = state.rows_per_action(rule)
    return None if found is None else RowsPerAction(*(rounded(one) for one in found))


def _missed_batch(state: ReleaseState, rule: Rule) -> str:
    """A daily batch has not come: the release may have lost it, or it was postponed."""
    batch = state.volumes[rule.id].missed
    if batch is None:
        return ""
    due, end = (readable.clock(text(state.deployed + minute)) for minute in (batch.at, batch.end))
    return (
        f"; the batch that comes daily at about {due} (about {batch.rows:.0f} rows on each of {batch.days} days like "
        f"this) had not come by {end}, nor since: the release has lost it, or it was put off"
    )


def _per_action(evidence: VolumeRuleEvidence) -> str:
    """One action writes more or fewer rows than before: the volume changed, though perhaps not what users do."""
    found = evidence.rows_per_action
    if found is None or max(found.now, found.usual) < CHANGED * min(found.now, found.usual):
        return ""
    return f"; an action writes {found.now:.1f} rows with this release, where it wrote {found.usual:.1f}"


def _odd_share(state: ReleaseState, verdict: Verdict) -> str:
    """The release's share of the traffic is unusual by itself, which decides nothing."""
    found = share_of_traffic(state) if verdict in {Verdict.PASS, Verdict.INCONCLUSIVE} else None
    if found is None:
        return ""
    if found.has_fallen:
        return (
            f"; its share of all traffic fell from {found.earlier:.0%} to {found.later:.0%} in this time: "
            "the release was rolled back, or the traffic split sends users elsewhere"
        )
    if found.is_missing:
        return (
            f"; it makes {found.share:.0%} of all traffic, and with the old release {found.made:.0%} of what was to be "
            "expected of all providers: fewer users came, or it loses a part of what it gets"
        )
    return ""


def _needed(base: VolumeBaseline, rule: Rule, held: VolumeState) -> int | None:
    """How many more events would decide it; ``None`` where the volume varies too much for that."""
    room = -math.log1p(-min(rule.max_drop, 0.999)) if rule.max_drop is not None else math.log(rule.max_rise or 2.0)
    left = (room / VOLUME_DEVIATIONS) ** 2 - base.variance
    due = math.ceil(LEAST_EXPECTED - held.expected)
    return max(math.ceil(base.dispersion / left) - held.judged, due, 1) if left > 0 else None


def _words(state: ReleaseState, rule: Rule, verdict: Verdict, evidence: VolumeRuleEvidence) -> str:
    if failure := state.failures.get(rule.id):
        return _failed(state, rule, verdict, failure)
    held = state.volumes[rule.id]
    observed = f"observed {held.judged} events in {span(state)} {_usual(state, rule, held)}"
    if both := state.alike.get(rule.id):
        return f"{observed}; {_alike_words(state, both)}"
    if is_meant(state, rule):
        return f"{observed}; {REMOVED_WORDS}"
    if verdict in {Verdict.PASS, Verdict.WARN}:
        return f"{observed}; needed confidence that it is not {_harm(rule)}, and has it"
    return f"{observed}; {_why_undecided(state, rule, evidence)}"


def _usual(state: ReleaseState, rule: Rule, held: VolumeState) -> str:
    if not state.known.volumes[rule.id].events:
        return "and nothing of the kind was logged before this release"
    return f"where {held.expected:.1f} were expected"


def _alike_words(state: ReleaseState, both: Compared) -> str:
    return (
        f"{others_serve(state)} lost as much as this one ({both.old_events} events are left, and "
        f"{both.events} of this one): either the provider is in trouble, or something that both share, "
        "such as a migration of this release"
    )


def _failed(state: ReleaseState, rule: Rule, verdict: Verdict, failure: Failure) -> str:
    expected = f"{failure.expected:.1f} were expected"
    if failure.share is not None:
        expected += f" by its share of {failure.share:.0%} of the traffic in the same minutes"
    observed = f"observed {failure.events} events in {stretch(failure)} where {expected}"
    harm = f"a loss of {rule.max_drop:.0%}" if failure.is_loss else f"{rule.max_rise:g} times the usual"
    why = f" ({_cause_words(state, rule, failure)})" if failure.cause else ""
    return f"{observed}; harm is {harm}; {evidence_words(state, failure)}; therefore {called(verdict)}{why}"


def _cause_words(state: ReleaseState, rule: Rule, failure: Failure) -> str:
    """Why this is not a silence of users or of the log; remaining traffic is mentioned."""
    if failure.cause is SilenceCause.PROVIDER and failure.events:
        return "the other providers show that there are users"
    return silence_words(state, rule, failure.cause or SilenceCause.PROVIDER)


BACK = "they had dropped before the deployment, or its calls failed, and are back; too early to pass"
NOT_ITS_DOING = "its calls failed or had dropped before the deployment, so fewer of them are not this release's doing"


FIRST_PASS = (
    "a PASS needs a whole day of history before the deployment, "
    f"and {LEAST_EXPECTED:.0f} events or more that are due in the window"
)
"""What nobody can know at a first verdict."""


def _why_undecided(state: ReleaseState, rule: Rule, evidence: VolumeRuleEvidence) -> str:
    held = state.volumes[rule.id]
    if risen := state.known.volume_rises.get(rule.id):
        return f"they had risen to {risen:.1f} times that before the deployment; excused up to it and no more"
    if evidence.began_before_deployment:
        return BACK if held.judged >= held.expected else NOT_ITS_DOING
    if renamed := renamed_words(state, rule):
        return renamed
    if came_otherwise(state, rule, held.expected - held.judged) and (strayed := strayed_words(state, rule)):
        return strayed
    if seems_replaced(state, rule):
        return replaced_words(state, rule)
    if cause := silence_of(state, rule):
        return silence_words(state, rule, cause)
    if not evidence.baseline.events:
        return f"first used by this release, so there is no usual volume to compare with; {FIRST_PASS}"
    if evidence.baseline.days < 1:
        return f"there is less than a day of history to compare with; {FIRST_PASS}"
    return _what_it_takes(state, rule, evidence)


def _what_it_takes(state: ReleaseState, rule: Rule, evidence: VolumeRuleEvidence) -> str:
    """What is missing for a PASS."""
    held = state.volumes[rule.id]
    if held.tagged < LEAST_TAGGED * held.fresh:
        return "most of them carry no release, so they cannot pass it"
    if writes_fewer_rows(state, rule):
        return "each action may be meant to write fewer rows, or may lose some of them: the rows do not show which"
    if evidence.ratio is not None and _is_beyond(rule, evidence.ratio):
        return f"that is {evidence.ratio:.0%} of the usual: more events at this rate do not exclude {_harm(rule)}"
    if held.value > SUSPICION:
        return leaning_words(state, "they")
    if evidence.needed_events is None:
        return f"the usual volume varies too much from hour to hour to exclude {_harm(rule)}"
    if evidence.needed_events <= 1 and still_serves(state, rule):
        return f"other releases serve too, and of its own part {_harm(rule)} cannot be excluded by what came"
    return more_words(left_of(state), evidence.needed_events, evidence.needed_minutes, _harm(rule))


def _is_beyond(rule: Rule, ratio: float) -> bool:
    """Whether the volume lies where the card calls it harm, though not certainly because of the release."""
    lost = rule.max_drop is not None and ratio <= 1.0 - rule.max_drop
    return lost or (rule.max_rise is not None and ratio >= rule.max_rise)


def _harm(rule: Rule) -> str:
    sides = [f"a loss of {rule.max_drop:.0%}"] if rule.max_drop is not None else []
    sides += [f"{rule.max_rise:g} times the usual"] if rule.max_rise is not None else []
    return " or ".join(sides) or "any change"
