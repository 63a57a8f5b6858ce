"""The verdict of all checks together at each look of a replay. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Event, Verdict
from releaseguard.stats.series import Ledger
from releaseguard.verification.backtesting.withheld import NO_CONTRADICTION, Contradicted, HeldBack
from releaseguard.verification.checks.carried import NOT_CARRIED, CarriedRows
from releaseguard.verification.isolated import Parted
from releaseguard.verification.judge.replay import Look, Replay
from releaseguard.verification.rows.accepted import Acceptances, accepted_for
from releaseguard.verification.rows.set_aside import Unread
from releaseguard.verification.values import Acceptance, CheckVerdict, Deployment, Finding, Rule, overall_of
from releaseguard.verification.whose.strayed import NOWHERE, Strayed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """What is known of a release that its counted rows do not say."""

    unread: Unread = field(default_factory=Unread)
    """The rows of its environment that cannot be read."""
    late: Sequence[MinuteCount] = ()
    """Rows that say they are hours older than the minute in which the log learned of them; they count as of that
    minute."""
    accepted: Acceptances | None = None
    """The checks that people accepted; ``None`` where nobody did."""
    strayed: Strayed = NOWHERE
    """What the release wrote under other environments' names."""
    contradicted: Contradicted = NO_CONTRADICTION
    """Its successes that carry a failure's code."""
    carried: CarriedRows = NOT_CARRIED
    """Who wrote its rows."""

    @property
    def are_of_no_look(self) -> bool:
        """Whether nothing of them bears on what a look says."""
        is_plain = self.contradicted is NO_CONTRADICTION and self.carried is NOT_CARRIED
        return not self.unread.rows and self.accepted is None and is_plain

    def forbids_to_pass(self, minute: int) -> Callable[[Rule], bool]:
        """Which rules pass nothing at a look, whatever was counted."""
        hidden, carried = self.contradicted.hidden_by(minute), self.carried.by(minute)
        return lambda rule: (rule.kind == "signal" and rule.provider in hidden) or rule.provider in carried

    def accepted_by(self, minute: int) -> Mapping[str, Acceptance]:
        """The checks that had been accepted by the end of ``minute``, by id."""
        return {} if self.accepted is None else self.accepted.by(minute)


NO_RELEASE_FACTS: Final = ReleaseFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFacts:
    """What is known of an environment that its counted rows do not say."""

    unread: Unread = field(default_factory=Unread)
    accepting: Sequence[Event] = ()
    """The rows in which people accepted checks, of any deployment."""
    strayed: Strayed = NOWHERE
    """What was written under other environments' names; known only where a single deployment is replayed."""
    contradicted: Contradicted = NO_CONTRADICTION
    """Successes that carry a failure's code; known only there, too."""
    carried: CarriedRows = NOT_CARRIED
    """Who wrote its rows; known only there, too."""

    def of(self, deployment: Deployment, late: Sequence[MinuteCount]) -> ReleaseFacts:
        """The facts of one deployment, with the old rows that arrived ``late``, in its window."""
        accepted = accepted_for(self.accepting, deployment)
        return ReleaseFacts(
            unread=self.unread,
            late=late,
            accepted=accepted if accepted.rows else None,
            strayed=self.strayed,
            contradicted=self.contradicted,
            carried=self.carried,
        )


NO_ENVIRONMENT_FACTS: Final = EnvironmentFacts()


@dataclass(frozen=True, slots=True)
class ReplayCourse:
    """A replay, and what it said at each look."""

    replay: Replay
    looks: Sequence[Look]


def held_back_of(ledger: Ledger, courses: Parted[ReplayCourse], unread: Unread) -> HeldBack:
    """Which rows of the release's window cannot be read, and which can."""
    if not unread.rows or courses.first is None:
        return HeldBack()
    timeline, live = courses.first.replay.timeline, courses.first.replay.state.live_since
    start = timeline.deployed if live is None else min(timeline.deployed, live)
    return HeldBack(unread.between(start, timeline.end), ledger.near(start, timeline.end))


def verdicts_of(
    courses: Parted[ReplayCourse],
    held: HeldBack,
    findings: Sequence[Finding],
    facts: ReleaseFacts,
    *,
    broken: bool,
) -> Sequence[tuple[int, Verdict]]:
    """The overall verdict at each look, with the look's minute. Where a check is ``broken`` it can only be FAIL or
    ERROR."""
    columns = zip(*(course.looks for _, course in courses.parts), strict=True)
    if not broken and len(courses.parts) == 1 and not held.unread.rows and facts.are_of_no_look:
        return [(look.minute, look.verdict) for (look,) in columns]

    def together(looks: Sequence[Look]) -> tuple[int, Verdict]:
        return looks[0].minute, _together(courses, looks, held, findings, facts, broken=broken)

    return [together(looks) for looks in columns]


def _together(
    courses: Parted[ReplayCourse],
    looks: Sequence[Look],
    held: HeldBack,
    findings: Sequence[Finding],
    facts: ReleaseFacts,
    *,
    broken: bool,
) -> Verdict:
    """``findings`` are those of the window's end, before acceptances: a failure that is none by then was none
    before."""
    accepted, is_forbidden = facts.accepted_by(looks[0].minute), facts.forbids_to_pass(looks[0].minute)
    undecided_in_the_end = {one.id: one.undecided for one in findings if one.verdict is Verdict.INCONCLUSIVE}
    hidden = held.passes_nothing((rule for rules, _ in courses.parts for rule in rules), looks[0].minute)
    taken_back = undecided_in_the_end.keys() if held.unread.rows else frozenset[str]()

    def known(rule: Rule, verdict: Verdict, undecided: str) -> CheckVerdict:
        if rule.id in accepted:
            return CheckVerdict(Verdict.WARN, rule.blocking, "warn")
        if verdict is Verdict.PASS and is_forbidden(rule):
            return CheckVerdict(Verdict.INCONCLUSIVE, rule.blocking, "block")
        may_hide = verdict in (Verdict.PASS, Verdict.INCONCLUSIVE) and rule.id in hidden
        if not may_hide and not (verdict is Verdict.FAIL and rule.id in taken_back):
            return CheckVerdict(verdict, rule.blocking, undecided)
        return CheckVerdict(Verdict.INCONCLUSIVE, rule.blocking, undecided_in_the_end.get(rule.id, undecided))

    said = [
        known(rule, verdict, undecided)
        for (rules, _), look in zip(courses.parts, looks, strict=True)
        for rule, verdict, undecided in zip(rules, look.verdicts, look.undecided, strict=True)
    ]
    return overall_of([*said, *([CheckVerdict(Verdict.ERROR, True, "block")] if broken else [])])


def settled(verdicts: Sequence[tuple[int, Verdict]]) -> int:
    """The first look after which the verdict never changed."""
    same = list(takewhile(lambda one: one[1] is verdicts[-1][1], reversed(verdicts)))
    return same[-1][0]
