"""What is known, at one look, about the time before the deployment: baselines, delays, incidents in progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import structs

from releaseguard.stats.baseline import (
    HOUR,
    BaselineSpan,
    ErrorBaseline,
    VolumeBaseline,
    count_dispersion,
    shared_variance,
    together,
    volume_baseline,
)
from releaseguard.stats.calendar import Calendar
from releaseguard.stats.completeness import Lags, lags_of
from releaseguard.stats.cusum import SLOW, ErrorCusum, ErrorOnset
from releaseguard.stats.episodes import Episode, Minute, Recurring, ended, most_a_minute, recurring
from releaseguard.stats.evidence.laws import KnownShare, Times
from releaseguard.stats.evidence.times_of_day import ErrorsAround, usual_errors
from releaseguard.stats.onset import most_telling
from releaseguard.stats.reading import Reading
from releaseguard.stats.series import LOOKBACK, Cell, KnownSeries, Ledger
from releaseguard.verification.judge.arrivals import Arrivals
from releaseguard.verification.judge.last_hours import RIGHT_BEFORE, last_minutes, tags_before, with_the_same_tag
from releaseguard.verification.judge.weighing.dropped import AS_USUAL, SINCE, Before, Dropped, dropped_before
from releaseguard.verification.judge.weighing.risen import NOT_RISEN, Risen, risen_before
from releaseguard.verification.judge.weighing.trouble import LEAST_CALM, RECOVERED
from releaseguard.verification.values import Promise, Rule

INCIDENT = 20.0
"""The evidence from which errors count as having begun before the deployment, until calm events show otherwise."""
STOPPED = 30.0
"""The evidence from which a volume counts as having dropped or risen before the deployment."""
FAILING = 300.0
"""The evidence that both need where there are many events, since chance reaches less within hours and would excuse a
bad release; also what excuses the volume of a provider whose errors began before."""
MANY = 100.0
"""Events per hour from which an incident of a few minutes shows as clearly as it ever will."""
INCIDENT_VARIANCE = 0.1
"""The variance of an incident's error share over its mean, from minute to minute."""
DRAWN = 20.0
"""The number of events at the usual share that count in an incident's level while it may be chance."""
NEARLY_SILENT = 0.03
"""The lowest level of a volume that may have dropped by chance alone."""
LONG_OVER = 20
"""Minutes after which an incident that occurred once and is certainly over is no more likely to return than any
other."""
AT_ITS_HEIGHT = 2.0
"""An incident's error share in its worst minutes, as a multiple of its level."""


@dataclass(frozen=True, slots=True)
class ErrorsBefore:
    """What is known of a signal rule's errors right before the deployment."""

    trouble: float
    """The evidence that errors were far above the usual at the deployment."""
    onset: float
    """The evidence that errors had risen, summed over the minutes in which that may have begun."""
    level: KnownShare
    """The error share since it was above the usual."""
    calm: int
    """The minutes that calm must last for the trouble to be over; more where it came and went."""
    began: int | None
    """The number of minutes before the release was live at which errors began to be farthest above the usual."""
    ended: KnownShare | None = None
    """The error share of an incident that was certainly over by then, though not for long. The other fields exclude
    it."""


@dataclass(frozen=True, slots=True)
class PreDeployment:
    """What the log knew, at one look, about the time before the deployment."""

    learned: int
    """The number of events near the deployment on which this is based; many more require building it anew."""
    complete: int
    """The minute up to which the log was complete at the deployment."""
    newest: int | None
    """The newest minute of any row."""
    lags: Lags
    traffic: dict[str, VolumeBaseline]
    """All events by provider."""
    clump: float
    """The dispersion of all providers' events together: that many events say as much as one independent event."""
    errors: dict[str, ErrorBaseline]
    """By rule."""
    times: Mapping[str, Times]
    """By signal rule: the minutes around the deployment with a usual error share of their own."""
    volumes: dict[str, VolumeBaseline]
    """By rule."""
    shared: dict[str, float]
    """By volume rule: the part of its variance that it shares with the other providers."""
    trouble: dict[str, float]
    """By rule: the evidence that errors were far above the usual, or events had stopped, at the deployment."""
    errors_before: Mapping[str, ErrorsBefore]
    """By signal rule: its errors right before the deployment."""
    lately: Mapping[str, float]
    """By signal rule: errors per minute in the worst stretch that ended with the deployment."""
    tags: Mapping[str, frozenset[str]]
    """By provider: what identifies the releases that wrote its rows."""
    same_tag: frozenset[str]
    """The providers whose rows carried the same release as nearly all traffic: one deployment makes them all."""
    volume_levels: Mapping[str, float]
    """By volume rule whose events had dropped before the deployment, or whose provider was failing: the fraction of the
    expected volume at which it stood, which counts as usual too."""
    dropped_since: Mapping[str, int]
    """By volume rule whose events had dropped before the deployment: the minute in which that began."""
    volume_rises: Mapping[str, float]
    """By volume rule whose events had risen before the deployment: the multiple of the expected volume at which it
    stood, up to which all counts as usual too."""

    def in_incident(self, rule: Rule) -> bool:
        """Whether the errors of a signal rule began before the deployment."""
        return self.trouble[rule.id] >= (FAILING if self.has_many(rule) else INCIDENT)

    def has_many(self, rule: Rule) -> bool:
        """Whether a signal rule has so many events that an incident of minutes shows as clearly as it ever will."""
        return self.expected_events(rule, 1) * HOUR >= MANY

    def is_used(self, rule: Rule) -> bool:
        """Whether the log knows anything that the rule counts from before the release was live."""
        known = self.errors if rule.kind == "signal" else self.volumes
        return known[rule.id].events > 0

    def expected_events(self, rule: Rule, minutes: int) -> float:
        """The events that a signal rule should see in the first ``minutes`` after the deployment."""
        base = self.errors[rule.id]
        traffic = self.traffic.get(rule.provider)
        if traffic is None or not traffic.events:
            return 0.0
        return traffic.expected(0, minutes) * min(base.events / traffic.events, 1.0)


def pre_deployment_of(
    ledger: Ledger, rules: Sequence[Rule], arrivals: Arrivals, look: int, promise: Promise
) -> PreDeployment:
    """Build it from the ledger and the rows before the release was live, as known at ``look``."""
    live, cells, settled = arrivals.timeline.live, arrivals.before, arrivals.settled
    there = [cell for cell in cells if cell.recorded < look]
    late = [*(cell for cell in cells if cell.recorded >= look), *arrivals.behind]
    span = BaselineSpan(max(live - promise.baseline_minutes, live if ledger.first is None else ledger.first), live)
    lags = lags_of((cell for cell in there if cell.occurred < live - 1), settled)
    newest = max((*(min(cell.occurred, cell.recorded) for cell in there), *(h.newest for h in settled)), default=None)
    complete = min(live - lags.usual.complete, live if newest is None else newest)
    ahead = _Ahead(arrivals.timeline.deployed - live, promise.window_minutes, promise.calendar)
    builder = _Builder(ledger, late, span, complete, ahead)
    usual = {r.id: builder.errors(r) for r in rules if r.kind == "signal"}
    volumes = {r.id: builder.volume(r) for r in rules if r.kind == "volume"}
    traffic = {name: builder.traffic(name) for name in ledger.providers}
    everybody, whose = together(traffic.values()), {r.id: r.provider for r in rules}
    last, tags = last_minutes(rules, there, settled, live), tags_before(there, settled, live)
    errors = {name: _errors_before(minutes, usual[name], live) for name, minutes in last.items()}
    dropped = {r.id: builder.dropped(r, volumes[r.id]) for r in rules if r.kind == "volume"}
    risen = {r.id: builder.risen(r, volumes[r.id]) for r in rules if r.kind == "volume"}
    trouble = {n: one.trouble for n, one in errors.items()} | {n: drop.evidence for n, drop in dropped.items()}
    return PreDeployment(
        learned=sum(cell.total for cell in there) + sum(one.total for one in settled),
        complete=complete,
        newest=newest,
        lags=lags,
        traffic=traffic,
        clump=builder.clump(),
        errors={name: one.base for name, one in usual.items()},
        times={name: one.times for name, one in usual.items()},
        volumes=volumes,
        shared={r: shared_variance(one, everybody, traffic.get(whose[r])) for r, one in volumes.items()},
        trouble=trouble,
        errors_before=errors,
        lately={name: most_a_minute(minutes, live, SINCE) for name, minutes in last.items()},
        tags={name: frozenset(seen) for name, seen in tags.items()},
        same_tag=with_the_same_tag(tags),
        volume_levels=_volume_levels(rules, errors, dropped, volumes),
        dropped_since={name: one.since for name, one in dropped.items() if one.evidence >= _surely_from(volumes[name])},
        volume_rises={name: rise.level for name, rise in risen.items() if rise.evidence >= _surely_from(volumes[name])},
    )


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The minutes that a baseline predicts: ``window`` minutes that begin ``skipped`` minutes after its end."""

    skipped: int
    window: int
    calendar: Calendar

    @property
    def minutes(self) -> int:
        return self.skipped + self.window


class _Builder:
    """Reads the ledger as it was known at the look."""

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

    def errors(self, rule: Rule) -> ErrorsAround:
        ahead = self._ahead
        around = range(self._span.end - LOOKBACK, self._span.end + ahead.minutes)
        return usual_errors(self.read(rule.reading), self._span, around, window=ahead.window, calendar=ahead.calendar)

    def volume(self, rule: Rule) -> VolumeBaseline:
        return self._volume(self.read(rule.reading))

    def traffic(self, provider: str) -> VolumeBaseline:
        return self._volume(self._all_of(provider))

    def clump(self) -> float:
        return count_dispersion([self._all_of(name) for name in self._ledger.providers], self._span)

    def _all_of(self, provider: str) -> KnownSeries:
        late = [(cell.occurred, cell.total, 0) for cell in self._late if cell.provider == provider]
        return KnownSeries(self._ledger.series(provider), late)

    def _volume(self, series: KnownSeries) -> VolumeBaseline:
        """The volume to expect from the mark on, from rows before the release was live."""
        ahead = self._ahead
        usual = volume_baseline(
            series, self._span, complete=self._complete, minutes=ahead.minutes, calendar=ahead.calendar
        )
        batch = frozenset(minute - ahead.skipped for minute in usual.batch)
        daily = [moved for one in usual.daily if (moved := one.later_by(-ahead.skipped)).first >= 0]
        return structs.replace(usual, rates=usual.rates[ahead.skipped :], batch=batch, daily=daily)

    def dropped(self, rule: Rule, usual: VolumeBaseline) -> Dropped:
        """What is known of a drop of the rule's events before the deployment."""
        if rule.max_drop is None:
            return AS_USUAL
        return dropped_before(self.read(rule.reading), usual, self._before())

    def risen(self, rule: Rule, usual: VolumeBaseline) -> Risen:
        """What is known of a rise of the rule's events before the deployment."""
        return risen_before(self.read(rule.reading), usual, self._before()) if rule.max_rise else NOT_RISEN

    def _before(self) -> Before:
        return Before(self._span, self._complete, self._ahead.calendar)


def _volume_levels(
    rules: Sequence[Rule],
    errors: Mapping[str, ErrorsBefore],
    dropped: Mapping[str, Dropped],
    volumes: Mapping[str, VolumeBaseline],
) -> Mapping[str, float]:
    """The levels that incidents from before excuse. Failing calls mean fewer successes: a provider's errors excuse that
    much of its volume."""
    failing: dict[str, float] = {}
    for rule in rules:
        if rule.kind == "signal" and errors[rule.id].trouble >= FAILING:
            height = min(AT_ITS_HEIGHT * errors[rule.id].level.share, 1.0)
            failing[rule.provider] = max(failing.get(rule.provider, 0.0), height)
    found = {}
    for rule in (rule for rule in rules if rule.kind == "volume"):
        drop = dropped[rule.id]
        has_dropped = drop.evidence >= _surely_from(volumes[rule.id])
        if has_dropped or rule.provider in failing:
            least = _excused(drop) if has_dropped else 1.0
            found[rule.id] = min(least, 1.0 - failing.get(rule.provider, 0.0))
    return found


def _excused(drop: Dropped) -> float:
    """The level that a drop excuses: its own, but at least :data:`NEARLY_SILENT` while the drop may be chance."""
    return drop.level if drop.evidence >= FAILING else max(drop.level, NEARLY_SILENT)


def _surely_from(usual: VolumeBaseline) -> float:
    return FAILING if usual.rates[0] * HOUR >= MANY else STOPPED


def _right_before(minutes: Sequence[Minute], live: int) -> Sequence[Minute]:
    return [one for one in minutes if one.minute >= live - RIGHT_BEFORE]


def _errors_before(every: Sequence[Minute], known: ErrorsAround, live: int) -> ErrorsBefore:
    """Trouble that lasts, or that came and went and may return; its level is then that of its episodes, or of the
    lasting one where that is higher. Trouble that occurred once and is certainly over does not count."""
    usual, minutes = known.base, [one for one in every if one.minute not in known.times]
    again, near = recurring(minutes, usual, live, FAILING), _right_before(minutes, live)
    over = None if again or _trouble(near, usual) < INCIDENT else _ended(near, usual)
    if over is not None:
        near = [one for one in near if one.minute >= over.ended]
    trouble, onset = _trouble(near, usual), _onset(near, usual, live)
    stretch = most_telling({one.minute: (one.events, one.errors) for one in near}, usual.share)
    began = None if stretch is None else live - stretch[0]
    level = _level_of(stretch, usual, trouble)
    if again is None:
        lately = _level_in(over) if over is not None and live - over.ended < LONG_OVER else None
        return ErrorsBefore(trouble, onset, level, LEAST_CALM, began, lately)
    if trouble < FAILING or level.share < _level_in(again).share:
        level = _level_in(again)
    return ErrorsBefore(max(trouble, FAILING), onset, level, max(again.calm, LEAST_CALM), began)


def _trouble(minutes: Sequence[Minute], usual: ErrorBaseline) -> float:
    now = ErrorCusum(usual, harms=SLOW)
    for one in minutes:
        now.minute(one.events, one.errors)
    return now.value


def _ended(minutes: Sequence[Minute], usual: ErrorBaseline) -> Episode | None:
    return ended(minutes, usual, surely=FAILING, odds=RECOVERED, calm=LEAST_CALM)


def _level_in(trouble: Episode | Recurring) -> KnownShare:
    return _incident_level(trouble.errors + 0.5, trouble.events + 1.0)


def _onset(near: Sequence[Minute], usual: ErrorBaseline, live: int) -> float:
    rise, held = ErrorOnset(usual), {one.minute: one for one in near}
    for minute in range(live - RIGHT_BEFORE, live):
        one = held.get(minute, Minute(minute, 0, 0))
        rise.minute(one.events, one.errors)
    return rise.value


def _level_of(stretch: tuple[int, int, int] | None, usual: ErrorBaseline, trouble: float) -> KnownShare:
    """The error share in the stretch farthest above the usual one; the usual share where there is none.

    An incident's share varies more from minute to minute than that of normal hours. Where the evidence of trouble is no
    more than chance produces now and then, some events at the usual share are added.
    """
    if stretch is None:
        return KnownShare(usual.share, usual.weight)
    _, events, errors = stretch
    if trouble >= FAILING:
        return _incident_level(errors + 0.5, events + 1.0)
    return _incident_level(errors + DRAWN * usual.share, events + DRAWN)


def _incident_level(errors: float, events: float) -> KnownShare:
    share = errors / events
    return KnownShare(share, 1.0 / (1.0 / events + INCIDENT_VARIANCE * share / (1.0 - share)))
