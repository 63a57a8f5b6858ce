"""A verdict's first line and its next step: what was found, and what to do now. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta

from releaseguard import readable
from releaseguard.cards.spec import SignalCheck, VolumeCheck
from releaseguard.eventlog.rows.aside import REMEDY
from releaseguard.model import Verdict, to_text
from releaseguard.readable import as_flag
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.evidence import LogEvidence, SignalEvidence, VolumeRuleEvidence
from releaseguard.verification.rows.seen import LONGEST_SEEN
from releaseguard.verification.rows.set_aside import CORRECT
from releaseguard.verification.values import Finding, Judged, Spans, end_of, is_cut
from releaseguard.verification.whose.serving import Serving

MOST_NAMED = 4
ENOUGH = 10
"""The number of events from which it cannot be said that too few came."""
A_DAY = timedelta(days=1)
UNTAGGED = (
    "no row carries a release, so waiting decides nothing: have the app write the one that it runs "
    "(releaseguard doctor says where it is looked for)"
)
IMPORT = "releaseguard events import FILE"


def summary_of(judged: Judged) -> str:
    """One sentence: what was found, and after the colon what to do."""
    if not judged.findings and (unread := judged.set_aside.rows):
        if unread == 1:
            return f"nothing could be checked: {unread} row since the deployment cannot be read and is set aside"
        return f"nothing could be checked: {unread} rows since the deployment cannot be read and are set aside"
    if not judged.findings and isinstance(judged.log, LogEvidence) and judged.log.late_rows:
        return (
            "nothing could be checked: all rows that reach the log have times long before the baseline, so "
            "a writer's clock is behind or was never set"
        )
    if not judged.findings:
        return "nothing could be checked: no check is configured, and no provider has logged an event"
    return f"{_beside_the_promise(judged)}{_found(judged)}: {_to_do(judged)}"


def _beside_the_promise(judged: Judged) -> str:
    if judged.outside is None:
        return ""
    return f"outside the promise, for it was judged with {_flags(judged.outside)} first; "


def _flags(spans: Spans) -> str:
    window, baseline = (as_flag(timedelta(minutes=span)) for span in (spans.window, spans.baseline))
    return f"--window {window} --baseline {baseline}"


def _found(judged: Judged) -> str:
    if judged.verdict is Verdict.FAIL:
        return f"{listed(_ids(judged, Verdict.FAIL, blocking=True))} failed"
    if judged.verdict is Verdict.INCONCLUSIVE:
        return "; ".join(_parts_of_undecided(judged))
    if judged.verdict is Verdict.WARN:
        return "; ".join(_parts_of_warned(judged))
    return f"all {len(judged.findings)} checks passed{_not_configured(judged)}"


def _parts_of_undecided(judged: Judged) -> Sequence[str]:
    broken, undecided = _ids(judged, Verdict.ERROR), _undecided(judged)
    warned = _warned(judged)
    parts = [] if judged.unmarked is None else [_of_another(judged, judged.unmarked)]
    parts += [f"not judged, because it broke: {listed(broken)}"] if broken else []
    parts += [f"{listed(warned)} warned"] if warned else []
    return parts + ([f"not decided: {listed(undecided)}"] if undecided else [])


def _of_another(judged: Judged, serving: Serving) -> str:
    environment, release = judged.deployment.environment, serving.release[:LONGEST_SEEN]
    other = judged.deployment.release[:LONGEST_SEEN]
    return (
        f"{environment} has served {release} since {readable.clock(serving.since)}, which no mark names, and this "
        f"verdict is about {other}"
    )


def _parts_of_warned(judged: Judged) -> Sequence[str]:
    warned = _warned(judged)
    taken = [name for name in _ids(judged, Verdict.WARN) if name not in warned]
    parts = [f"{listed(warned)} warned"] if warned else []
    parts += [f"accepted by a person: {listed(taken)}"] if taken else []
    from_before, unread, leaning = _from_before(judged), _unread(judged), _leaning(judged)
    quiet = [name for name in _undecided(judged) if name not in {*from_before, *unread, *leaning}]
    parts += [f"began before it and not known to be over: {listed(from_before)}"] if from_before else []
    parts += [f"not decided, since rows cannot be read: {listed(unread)}"] if unread else []
    parts += [f"not decided, and no PASS: {listed(leaning)}"] if leaning else []
    parts += [f"too quiet to judge: {listed(quiet)}"] if quiet else []
    return [*parts[:-1], f"{parts[-1]}{_not_configured(judged)}"]


def _from_before(judged: Judged) -> Sequence[str]:
    """The checks that are undecided despite many rows, because what began before the release does not count against
    it."""
    return [
        one.id
        for one in judged.findings
        if one.verdict is Verdict.INCONCLUSIVE
        and isinstance(one.evidence, SignalEvidence)
        and one.evidence.began_before_deployment
        and one.evidence.errors
    ]


def _unread(judged: Judged) -> Sequence[str]:
    """The checks that are undecided because of unreadable rows."""
    from_before = _from_before(judged)
    return [
        one.id
        for one in judged.findings
        if one.verdict is Verdict.INCONCLUSIVE and one.id not in from_before and CORRECT in one.reason
    ]


def _leaning(judged: Judged) -> Sequence[str]:
    """The checks that have enough events, so that they are not undecided for quiet: the evidence leans towards harm, or
    so many errors are usual that nothing excludes more of them."""
    told = {*_from_before(judged), *_unread(judged)}
    return [
        one.id
        for one in judged.findings
        if one.verdict is Verdict.INCONCLUSIVE
        and one.id not in told
        and isinstance(one.evidence, SignalEvidence | VolumeRuleEvidence)
        and one.evidence.events >= ENOUGH
        and one.evidence.needed_events is None
    ]


def _untagged(judged: Judged) -> bool:
    """Whether hardly any row since the deployment names a release, so that waiting decides nothing: such rows can show
    harm, but never its absence. Not where other releases' tags are more frequent, since the app then does write what it
    runs."""
    judged_by_rows = [one.evidence for one in judged.findings if isinstance(one.evidence, SignalEvidence)]
    undecided = any(one.verdict is Verdict.INCONCLUSIVE and one.undecided == "block" for one in judged.findings)
    seen = sum(one.events for one in judged_by_rows)
    writes_it = sum(judged.seen.other_tags.values()) > judged.seen.untagged
    return undecided and seen > 0 and not writes_it and not any(one.tagged for one in judged_by_rows)


def _warned(judged: Judged) -> Sequence[str]:
    """The checks that warn, except those that a person accepted."""
    accepted = {one.check for one in judged.accepted}
    return [name for name in _ids(judged, Verdict.WARN) if name not in accepted]


def _not_configured(judged: Judged) -> str:
    """The lines of the checklist without a check, because it is not configured here."""
    lines = [one.check.id for one in judged.skipped if one.check.runbook and "not configured" in one.reason]
    return f"; not configured: {listed(lines)}" if lines else ""


def _to_do(judged: Judged) -> str:
    if judged.verdict is Verdict.FAIL:
        return _after_a_failure(judged)
    if judged.verdict is Verdict.PASS:
        return "it has recovered, keep it" if judged.deployment.rolls_back else "keep the release"
    if judged.verdict is Verdict.WARN:
        return _after_a_warning(judged)
    if _untagged(judged) and not judged.broken:
        return "decide by hand, and have the app write its release"
    if _unread(judged) and not judged.broken:
        return "correct the rows that cannot be read"
    if judged.unmarked is not None and not judged.broken:
        return "mark it, and judge it"
    if judged.broken or judged.window_ended:
        return _why_it_was_not_seen(judged) or "decide by hand"
    if judged.deployment.rolls_back:
        return "too early to say that it has recovered, watch"
    return "do not rely on it yet, watch"


def _why_it_was_not_seen(judged: Judged) -> str | None:
    """What to do where nothing of the release was seen in its window, and more than time is missing; ``None``
    otherwise."""
    if judged.broken or is_cut(judged.deployment, judged.promise):
        return None
    if is_live_late(judged):
        return "it went live after its window, judge it from then on"
    if judged.seen.tagged or judged.seen.untagged > sum(judged.seen.other_tags.values()):
        return None
    if judged.seen.other_tags and judged.deployment.is_of_phones:
        return "phones take a release up over days, judge it in a longer window"
    if judged.seen.other_tags:
        return "find out under which name it serves, or why it does not"
    if judged.seen.environments and not judged.seen.untagged:
        return "its rows are looked for in the wrong environment"
    return "fix what writes the log" if isinstance(judged.log, LogEvidence) and judged.log.down else None


def is_live_late(judged: Judged) -> datetime | None:
    """When the release was first seen, where that was after its window; ``None`` otherwise."""
    live = judged.deployment.live_since
    if live is None and judged.serving is not None and judged.serving.is_marked:
        return judged.serving.since
    is_late = live is not None and live >= end_of(judged.deployment, judged.promise)
    return live if is_late and not is_cut(judged.deployment, judged.promise) else None


def _after_a_failure(judged: Judged) -> str:
    if judged.deployment.rolls_back:
        return "going back has not helped, look for what both releases share"
    return "roll back, or fix forward"


def _after_a_warning(judged: Judged) -> str:
    if _ids(judged, Verdict.WARN) or _from_before(judged) or _unread(judged) or _leaning(judged):
        return "no pass, look before you rely on it"
    return "no pass, nothing speaks against it so far" + ("" if judged.window_ended else ", watch on")


def next_step_of(judged: Judged) -> str | None:
    """The next command, or what only a person can do; ``None`` after a PASS."""
    if judged.outside is not None:
        which = f"--release {shlex.quote(judged.deployment.release)}"
        return f"a look that the promise is about: releaseguard verify {which} {_flags(judged.outside)}"
    if judged.verdict is Verdict.FAIL:
        first = next(one for one in judged.findings if one.verdict is Verdict.FAIL and one.blocking)
        return (
            f"roll back or fix; releaseguard verify --explain {first.id} shows the evidence; if it is known and "
            f'wanted: releaseguard verify --accept {first.id} --reason "..."{_if_removed(judged)}'
        )
    if judged.verdict is Verdict.WARN:
        shown = [*_ids(judged, Verdict.WARN), *_from_before(judged), *_leaning(judged)]
        return (
            REMEDY
            if _unread(judged)
            else f"releaseguard verify --explain {shown[0]} shows the evidence"
            if shown
            else None
        )
    if judged.verdict is Verdict.PASS:
        return None
    return _after_no_decision(judged)


def _after_no_decision(judged: Judged) -> str:
    """The next step after INCONCLUSIVE."""
    if judged.unmarked is not None and not judged.broken:
        return f"{_mark(judged, judged.unmarked.release, judged.unmarked.since)}, then releaseguard verify"
    if judged.broken:
        return "decide by hand about what could not be judged, and report the trace that it names"
    if not judged.findings and judged.set_aside.rows:
        return REMEDY
    if not judged.findings and any(isinstance(one.check, SignalCheck | VolumeCheck) for one in judged.skipped):
        return f"have the app write events, or bring what it logged elsewhere: {IMPORT}"
    return _while_undecided(judged)


def _while_undecided(judged: Judged) -> str:
    """What brings a decision: what the rows lack, or time."""
    if _untagged(judged):
        return UNTAGGED
    if _unread(judged):
        return REMEDY
    if lacking := _without_history(judged):
        return (
            f"a PASS needs history, which {listed(lacking)} {'has' if len(lacking) == 1 else 'have'} not: "
            f"bring it: {IMPORT}; or judge the next release"
        )
    if not judged.window_ended:
        return "look again later, or let it look: releaseguard verify --watch"
    if is_cut(judged.deployment, judged.promise):
        return f"another deployment ended its window, judge that one: releaseguard verify{_of_component(judged)}"
    if live := is_live_late(judged):
        return f"{_mark(judged, judged.deployment.release, live)} --again, then releaseguard verify"
    match _why_it_was_not_seen(judged):
        case None:
            return "the window is over: decide by hand, or make events with the flows ([app] url)"
        case _ if judged.seen.other_tags:
            return _where_others_serve(judged)
        case _ if judged.seen.environments:
            return f"have the app write {judged.deployment.environment}, or name theirs: [project] environment"
        case _:
            return f"have the app write events, or bring what it logged elsewhere: {IMPORT}"


def _where_others_serve(judged: Judged) -> str:
    """What to do where only other releases were seen; one of phones is yet to be installed by its users."""
    if not judged.deployment.is_of_phones:
        return (
            "see whether it went live; where it did, have the app write the deployed release, or say how its tags "
            "read: [verify] release_pattern"
        )
    which = f"--release {shlex.quote(judged.deployment.release)}{_of_component(judged)}"
    longer = max(A_DAY, 2 * timedelta(minutes=judged.promise.window_minutes))
    return f"releaseguard verify {which} --window {as_flag(longer)}"


def _mark(judged: Judged, release: str, at: datetime) -> str:
    """The command that records that a release went live."""
    whole = at.replace(second=0, microsecond=0)
    where = f"--environment {shlex.quote(judged.deployment.environment)}{_of_component(judged)}"
    return f"releaseguard events deployed --release {shlex.quote(release)} {where} --at {to_text(whole)}"


def _if_removed(judged: Judged) -> str:
    """How to record that a provider without any events was removed on purpose."""
    gone = [
        one.provider
        for one in judged.findings
        if one.verdict is Verdict.FAIL
        and isinstance(one.evidence, VolumeRuleEvidence)
        and one.evidence.silence_cause is SilenceCause.PROVIDER
        and not one.evidence.events
    ]
    if not gone:
        return ""
    flags = " ".join(f"--removes {name}" for name in dict.fromkeys(gone))
    which = f"--release {shlex.quote(judged.deployment.release)}{_of_component(judged)}"
    return f"; if it was removed on purpose: releaseguard events deployed {which} {flags}"


def _of_component(judged: Judged) -> str:
    """The option with the component, where one was deployed."""
    component = judged.deployment.component
    return f" --component {shlex.quote(component)}" if component else ""


def _without_history(judged: Judged) -> Sequence[str]:
    """The checks that leave the release undecided and that no wait can decide, since nothing before it is known."""
    return [
        one.id
        for one in judged.findings
        if one.verdict is Verdict.INCONCLUSIVE and one.undecided == "block" and _lacks_history(one)
    ]


def _lacks_history(finding: Finding) -> bool:
    match finding.evidence:
        case SignalEvidence(baseline=usual):
            return not usual.events
        case VolumeRuleEvidence(baseline=usual):
            return usual.days < 1
        case _:
            return False


def _ids(judged: Judged, verdict: Verdict, *, blocking: bool = False) -> Sequence[str]:
    return [one.id for one in judged.findings if one.verdict is verdict and (one.blocking or not blocking)]


def _undecided(judged: Judged) -> Sequence[str]:
    """The undecided checks, first those that leave the release undecided."""
    found: Sequence[Finding] = [one for one in judged.findings if one.verdict is Verdict.INCONCLUSIVE]
    return [one.id for one in sorted(found, key=lambda one: one.undecided != "block")]


def listed(ids: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    return ", ".join(ids[:MOST_NAMED]) + (f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else "")
