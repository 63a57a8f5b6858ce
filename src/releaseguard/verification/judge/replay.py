"""The judge: rows in, verdicts out. It uses no clock, no file and no network.

A :class:`Replay` looks at a release at the end of every minute, with only what the log had learned by then. The verdict
as of a moment is always reached by replaying all looks up to it, so a single look (``verify``), a watch and a backtest
agree on the same rows, and a FAIL at any look is final.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from releaseguard.model import Verdict
from releaseguard.stats.series import Ledger
from releaseguard.verification.judge import verdicts
from releaseguard.verification.judge.arrivals import arrivals_of
from releaseguard.verification.judge.checklist import conclude, weigh
from releaseguard.verification.judge.errors import judge_errors, learn_usual
from releaseguard.verification.judge.log import judge_log
from releaseguard.verification.judge.pre_deployment import pre_deployment_of
from releaseguard.verification.judge.state import ReleaseState, written_in
from releaseguard.verification.judge.volumes import count_volumes, judge_volumes
from releaseguard.verification.values import CheckVerdict, Deployment, Promise, Rule, overall_of
from releaseguard.verification.whose.population import ALIKE, Population

ENOUGH_MORE = 1.1, 10
"""What is known of the time before is computed again once it rests on this many times as many events, plus this
many."""


@dataclass(frozen=True, slots=True)
class Look:
    """The outcome of one look."""

    minute: int
    verdict: Verdict
    verdicts: tuple[Verdict, ...]
    """In the order of the rules."""
    undecided: tuple[str, ...]
    """In the order of the rules: what INCONCLUSIVE means for the release."""


class Replay:
    """One release, looked at minute by minute."""

    def __init__(
        self,
        ledger: Ledger,
        rules: Sequence[Rule],
        deployment: Deployment,
        promise: Promise,
        population: Population = ALIKE,
    ) -> None:
        self._ledger = ledger
        self._arrivals = arrivals_of(ledger, deployment, promise, population)
        before = Counter[int]()
        for cell in self._arrivals.before:
            before[cell.recorded] += cell.total
        self._recorded = sorted(before)
        settled = sum(one.total for one in self._arrivals.settled)
        self._sums = list(accumulate((before[minute] for minute in self._recorded), initial=settled))
        self.timeline = self._arrivals.timeline
        self.state = ReleaseState(rules, self.timeline, promise)
        self.state.traffic.lags = self._arrivals.lags
        self.state.written_before = written_in(self._arrivals, rules)
        self.state.known_names = self._arrivals.names
        self.state.removed, self.state.expect_traffic = deployment.removes, deployment.expect_traffic
        self.state.rolls_back = deployment.rolls_back

    def look(self, minute: int) -> Look:
        """Look at every minute's end up to ``minute``; returns the last look.

        Long after the window only minutes in which something arrived are examined, since nothing else can change.
        """
        while self.state.look_minute < min(minute, self.timeline.settled):
            self._look_at(self.state.look_minute + 1)
        for arrival in self._arrivals.after(self.state.look_minute, minute):
            self._look_at(arrival + 1)
        return self.current()

    def current(self) -> Look:
        """The newest look."""
        rules = self.state.rules
        said = tuple(verdicts.verdict_of(self.state, rule) for rule in rules)
        means = tuple(verdicts.undecided_of(self.state, rule) for rule in rules)
        blocking = (rule.blocking for rule in rules)
        overall = overall_of(list(map(CheckVerdict, said, blocking, means)))
        return Look(self.state.look_minute, overall, said, means)

    def _look_at(self, minute: int) -> None:
        state = self.state
        state.look_minute = minute
        self._learn_before()
        state.live_since = self._arrivals.live_since(minute)
        events = state.traffic.count(self._arrivals.by_minute.get(minute - 1, ()))
        state.count_beside(events)
        count_volumes(state, events)
        judge_log(state)
        judge_errors(state, events)
        judge_volumes(state)
        weigh(state)
        if state.is_final_look:
            conclude(state)

    def _learn_before(self) -> None:
        """Compute what is known of the time before, at the first look and whenever much about it has arrived since."""
        state = self.state
        arrived = self._sums[bisect_left(self._recorded, state.look_minute)]
        times, more = ENOUGH_MORE
        if state.before is not None and arrived < times * state.before.learned + more:
            return
        before = pre_deployment_of(self._ledger, state.rules, self._arrivals, state.look_minute, state.promise)
        if state.before is None and before.newest is not None:
            state.traffic.log.newest = before.newest
        state.before = before
        state.hoped = [sum(base.rates[m] for base in before.traffic.values()) for m in range(state.length)]
        learn_usual(state)
