"""Everything known at a look about the time before the deployment: baselines, lags, incidents under way."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from releaseguard.stats.baseline import (
    HOUR,
    BaselineSpan,
    ErrorBaseline,
    VolumeBaseline,
    error_baseline,
    shared_variance,
    volume_baseline,
)
from releaseguard.stats.calendar import DAY, Calendar
from releaseguard.stats.completeness import Lags, lags_of
from releaseguard.stats.cusum import SLOW, ErrorCusum
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.stats.evidence.volumes import DROP, Others, volume_evidence
from releaseguard.stats.onset import most_telling
from releaseguard.stats.reading import Reading
from releaseguard.stats.series import Cell, KnownSeries, Ledger
from releaseguard.verification.judge.arrivals import Arrivals
from releaseguard.verification.judge.traffic import tag_of
from releaseguard.verification.values import Promise, Rule

INCIDENT = 20.0
"""The evidence at which errors count as having begun before the deployment, until calm events show otherwise."""
STOPPED = 30.0
"""The evidence at which a volume counts as having dropped before the deployment."""
FAILING = 300.0
"""What both need where there are many events, since chance reaches less within hours and would excuse a bad release;
and what excuses the volume of a provider whose errors began before."""
MANY = 100.0
"""Events an hour: an incident of a few minutes shows as much as it ever will."""
RIGHT_BEFORE = 120
"""Minutes before the deployment in which errors tell of an incident under way."""
INCIDENT_VARIANCE = 0.1
"""Of an incident's share of errors over its mean, from minute to minute."""
DRAWN = 20.0
"""Events at the usual share that count in an incident's level while it may be chance."""
ONE_TAG = 0.8
"""The share of a provider's rows with the tag of nearly all traffic from which on one deployment makes both."""
_SINCE = (120, 60, 45, 30, 20, 10)


@dataclass(frozen=True, slots=True)
class PreDeployment:
    """What the log knew at one look about the time before the deployment."""

    learned: int
    """Events near the deployment that it was built from; much more than that calls for building anew."""
    complete: int
    """The minute up to which the log was complete at the deployment."""
    newest: int | None
    """The newest minute of any row."""
    lags: Lags
    traffic: dict[str, VolumeBaseline]
    """By provider, all its events."""
    errors: dict[str, ErrorBaseline]
    """By rule."""
    volumes: dict[str, VolumeBaseline]
    """By rule."""
    shared: dict[str, float]
    """By volume rule: the part of its variance that it shares with the other providers."""
    trouble: dict[str, float]
    """By rule: the evidence that errors were far above the usual, or events had stopped, at the deployment."""

    levels: dict[str, KnownShare]
    """By signal rule: the share of errors in what came right before the deployment, since it was above the usual."""
    began: Mapping[str, int]
    """By signal rule whose errors were above the usual then: for how many minutes before the release was live."""
    tags: Mapping[str, frozenset[str]]
    """By provider: what tells which releases wrote its rows."""
    same_tag: frozenset[str]
    """The providers whose rows carried the release that nearly all traffic carried: one deployment makes them all."""
    volume_incidents: frozenset[str]
    """The volume rules whose events had stopped or dropped before the deployment, or whose provider was failing."""

    def in_incident(self, rule: Rule) -> bool:
        """Whether the errors of a signal rule began before the deployment."""
        many = self.expected_events(rule, 1) * HOUR >= MANY
        return self.trouble[rule.id] >= (FAILING if many else INCIDENT)

    def is_used(self, rule: Rule) -> bool:
        """Whether the log knows anything of what the rule counts from before the release was live."""
        known = self.errors if rule.kind == "signal" else self.volumes
        return known[rule.id].events > 0

    def expected_events(self, rule: Rule, minutes: int) -> float:
        """Events that a signal rule should see in the first ``minutes`` after the deployment."""
        base = self.errors[rule.id]
        traffic = self.traffic.get(rule.provider)
        if traffic is None or not traffic.events:
            return 0.0
        return traffic.expected(0, minutes) * min(base.events / traffic.events, 1.0)


def pre_deployment_of(
    ledger: Ledger, rules: Sequence[Rule], arrivals: Arrivals, look: int, promise: Promise
) -> PreDeployment:
    """Build it from the ledger and the rows of before the release was live, as known at ``look``."""
    live, cells = arrivals.timeline.live, arrivals.before
    there = [cell for cell in cells if cell.recorded < look]
    late = [*(cell for cell in cells if cell.recorded >= look), *arrivals.behind]
    first = ledger.first if ledger.first is not None else live
    span = BaselineSpan(max(live - promise.baseline_minutes, first), live)
    lags = lags_of(cell for cell in there if cell.occurred < live - 1)
    newest = max((min(cell.occurred, cell.recorded) for cell in there), default=None)
    complete = min(live - lags.usual.complete, live if newest is None else newest)
    ahead = _Ahead(arrivals.timeline.deployed - live, promise.window_minutes, promise.calendar)
    builder = _Builder(ledger, late, span, complete, ahead)
    errors = {r.id: builder.errors(r) for r in rules if r.kind == "signal"}
    volumes = {r.id: builder.volume(r) for r in rules if r.kind == "volume"}
    traffic = {name: builder.traffic(name) for name in ledger.providers}
    by_minute, tags = _last_minutes(rules, there, live), _tags(there, live)
    last = {name: [held for _, held in sorted(minutes.items())] for name, minutes in by_minute.items()}
    trouble = {**_trouble(last, errors), **builder.volume_trouble(rules, volumes)}
    return PreDeployment(
        learned=sum(cell.total for cell in there),
        complete=complete,
        newest=newest,
        lags=lags,
        traffic=traffic,
        errors=errors,
        volumes=volumes,
        shared={r.id: _shared(r, volumes[r.id], traffic) for r in rules if r.kind == "volume"},
        trouble=trouble,
        levels={name: level_of(minutes, errors[name], trouble[name]) for name, minutes in last.items()},
        began={
            name: live - since for name, held in by_minute.items() if (since := _since(held, errors[name])) is not None
        },
        tags={name: frozenset(seen) for name, seen in tags.items()},
        same_tag=_same_tag(tags),
        volume_incidents=_volume_incidents(rules, trouble, volumes),
    )


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What a baseline is asked about: the ``window`` minutes that begin ``skipped`` minutes after its end."""

    skipped: int
    window: int
    calendar: Calendar

    @property
    def minutes(self) -> int:
        return self.skipped + self.window


class _Builder:
    """Asks the ledger as it was known at the look."""

    def __init__(self, ledger: Ledger, late: Sequence[Cell], span: BaselineSpan, complete: int, ahead: _Ahead) -> None:
        self._ledger = ledger
        self._late = [cell for cell in late if cell.is_traffic]
        self._span = span
        self._complete = complete
        self._ahead = ahead
        self._known: dict[Reading, KnownSeries] = {}

    def read(self, reading: Reading) -> KnownSeries:
        if reading not in self._known:
            late = [
                (cell.occurred, cell.counted(reading), cell.counted(reading) if bad else 0)
                for cell in self._late
                if cell.provider == reading.provider and (bad := cell.read_by(reading)) is not None
            ]
            self._known[reading] = KnownSeries(self._ledger.read(reading), late)
        return self._known[reading]

    def errors(self, rule: Rule) -> ErrorBaseline:
        return error_baseline(self.read(rule.reading), self._span, minutes=self._ahead.window)

    def volume(self, rule: Rule) -> VolumeBaseline:
        return self._volume(self.read(rule.reading))

    def traffic(self, provider: str) -> VolumeBaseline:
        late = [(cell.occurred, cell.total, 0) for cell in self._late if cell.provider == provider]
        return self._volume(KnownSeries(self._ledger.series(provider), late))

    def _volume(self, series: KnownSeries) -> VolumeBaseline:
        """The volume to expect from the mark on, by the rows of before the release was live."""
        ahead = self._ahead
        usual = volume_baseline(
            series, self._span, complete=self._complete, minutes=ahead.minutes, calendar=ahead.calendar
        )
        batch = frozenset(minute - ahead.skipped for minute in usual.batch)
        return replace(usual, rates=usual.rates[ahead.skipped :], batch=batch)

    def volume_trouble(self, rules: Sequence[Rule], volumes: dict[str, VolumeBaseline]) -> dict[str, float]:
        return {
            rule.id: self._stopped_before(rule, volumes[rule.id])
            for rule in rules
            if rule.kind == "volume" and rule.max_drop is not None
        }

    def _stopped_before(self, rule: Rule, usual: VolumeBaseline) -> float:
        """The evidence that the volume had dropped before the deployment, against the hours before that."""
        if usual.days < 2:
            return 0.0
        series = self.read(rule.reading)
        silent = self._silent_before(series, usual)
        if not _may_have_stopped(series, self._complete, usual.days):
            return silent
        return max(silent, self._dropped_before(series))

    def _silent_before(self, series: KnownSeries, usual: VolumeBaseline) -> float:
        """How much likelier nothing at all since the last event is under a silence than as usual: exp(expected)."""
        quiet = 0
        while quiet < max(_SINCE) and not series.total(self._complete - quiet - 1, self._complete):
            quiet += 1
        return math.exp(min(quiet * usual.rates[0] / usual.dispersion, 30.0))

    def _dropped_before(self, series: KnownSeries) -> float:
        length = max(_SINCE)
        start = self._complete - length
        earlier = BaselineSpan(self._span.start, start)
        expected = volume_baseline(series, earlier, complete=start, minutes=length, calendar=self._ahead.calendar)
        seen = list(accumulate((series.total(start + m, start + m + 1) for m in range(length)), initial=0))
        hoped = list(accumulate(expected.rates, initial=0.0))
        if not _low_at_the_end(seen, hoped):
            return 0.0
        alone = Others([0.0] * (length + 1), [0.0] * (length + 1), 0.0)
        return volume_evidence(
            seen,
            hoped,
            change=DROP,
            variance=expected.variance,
            dispersion=expected.dispersion,
            others=alone,
            onsets=[length - since for since in _SINCE],
            slots=len(_SINCE),
        ).value


def _may_have_stopped(series: KnownSeries, complete: int, days: int) -> bool:
    """Whether any last stretch is low against the three hours before it: a quick look before a thorough one."""

    def ratio(start: int, end: int) -> float:
        usual = sum(series.total(start - d * DAY, end - d * DAY) for d in range(1, days + 1)) / days
        return (series.total(start, end) + 0.1) / (usual + 0.1)

    before = ratio(complete - 300, complete - 120)
    return any(ratio(complete - length, complete) < 0.6 * before for length in _SINCE)


def _low_at_the_end(seen: Sequence[int], expected: Sequence[float]) -> bool:
    """Whether the newest stretch in which ten events were expected shows fewer than six."""
    last = len(seen) - 1
    for start in range(last, -1, -1):
        hoped = expected[last] - expected[start]
        if hoped >= 10:
            return seen[last] - seen[start] < 0.6 * hoped
    return seen[last] == 0


def _volume_incidents(
    rules: Sequence[Rule], trouble: dict[str, float], volumes: dict[str, VolumeBaseline]
) -> frozenset[str]:
    """Where calls fail there are fewer successes: a provider's errors from before excuse its volume too."""
    failing = {rule.provider for rule in rules if rule.kind == "signal" and trouble.get(rule.id, 0.0) >= FAILING}
    return frozenset(
        rule.id
        for rule in rules
        if rule.kind == "volume"
        and (rule.provider in failing or trouble.get(rule.id, 0.0) >= _stopped_from(volumes[rule.id]))
    )


def _stopped_from(usual: VolumeBaseline) -> float:
    return FAILING if usual.rates[0] * HOUR >= MANY else STOPPED


def _shared(rule: Rule, own: VolumeBaseline, traffic: dict[str, VolumeBaseline]) -> float:
    return shared_variance(own, [base for name, base in traffic.items() if name != rule.provider])


def _since(minutes: Mapping[int, tuple[int, int]], usual: ErrorBaseline) -> int | None:
    """The minute since which errors are farthest above the usual; ``None``: they are not."""
    stretch = most_telling(minutes, usual.share)
    return None if stretch is None else stretch[0]


def _last_minutes(
    rules: Sequence[Rule], cells: Sequence[Cell], live: int
) -> Mapping[str, Mapping[int, tuple[int, int]]]:
    """The (events, errors) by minute of each signal rule right before the deployment."""
    by_provider: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.is_traffic and cell.occurred >= live - RIGHT_BEFORE:
            by_provider[cell.provider].append(cell)
    return {rule.id: per_minute(rule, by_provider[rule.provider]) for rule in rules if rule.kind == "signal"}


def _trouble(last: Mapping[str, Sequence[tuple[int, int]]], baselines: Mapping[str, ErrorBaseline]) -> dict[str, float]:
    found = {}
    for name, minutes in last.items():
        trouble = ErrorCusum(baselines[name], harms=SLOW)
        for total, bad in minutes:
            trouble.minute(total, bad)
        found[name] = trouble.value
    return found


def _tags(cells: Sequence[Cell], live: int) -> Mapping[str, Counter[str]]:
    """By provider: rows of servers right before the deployment, by what tells which release wrote them."""
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        if cell.is_traffic and tag_of(cell) and not cell.client and cell.occurred >= live - RIGHT_BEFORE:
            tags[cell.provider][tag_of(cell)] += cell.total
    return tags


def _same_tag(tags: Mapping[str, Counter[str]]) -> frozenset[str]:
    every = sum(tags.values(), Counter())
    newest = max(every, key=lambda tag: every[tag], default=None)
    return frozenset(name for name, seen in tags.items() if newest and seen[newest] >= ONE_TAG * seen.total())


def level_of(minutes: Sequence[tuple[int, int]], usual: ErrorBaseline, trouble: float) -> KnownShare:
    """The share of errors in the newest minutes that are farthest above the usual one; the usual one, if none are.

    An incident's share moves from minute to minute more than that of ordinary hours. Where the evidence of trouble is
    no more than chance brings now and then, the usual share counts for some events too.
    """
    stretch = most_telling(dict(enumerate(minutes)), usual.share)
    if stretch is None:
        return KnownShare(usual.share, usual.weight)
    _, events, errors = stretch
    drawn = 1.0 if trouble >= FAILING else DRAWN
    share = (errors + (0.5 if trouble >= FAILING else DRAWN * usual.share)) / (events + drawn)
    return KnownShare(share, 1.0 / (1.0 / (events + drawn) + INCIDENT_VARIANCE * share / (1.0 - share)))


def per_minute(rule: Rule, cells: Sequence[Cell]) -> Mapping[int, tuple[int, int]]:
    """The (events, errors) of a signal rule by minute."""
    minutes: dict[int, list[int]] = {}
    reading = rule.reading
    for cell in cells:
        bad = cell.read_by(reading)
        if bad is not None:
            held = minutes.setdefault(cell.occurred, [0, 0])
            held[0] += cell.tried
            held[1] += cell.tried if bad else 0
    return {minute: (events, errors) for minute, (events, errors) in minutes.items()}
