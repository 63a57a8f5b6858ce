"""The vocabulary of judging: what is asked of a release, and what is found. Values only.

Time inside the judge is a whole number of minutes since 1970 (UTC): the log is read as counts per minute
(:class:`~releaseguard.eventlog.interface.MinuteCount`), and every look happens at a minute's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from releaseguard.cards.contradictions import Contradiction
from releaseguard.cards.spec import Card, Check
from releaseguard.eventlog.rows.aside import SetAsideTally
from releaseguard.model import Verdict
from releaseguard.report.backtest.shown import RecordRow
from releaseguard.stats.calendar import ALL_ALIKE, Calendar
from releaseguard.stats.reading import Reading
from releaseguard.verification.evidence import Evidence, LogEvidence, UnknownLog
from releaseguard.verification.whose.serving import Serving

LEAST_TAGGED = 0.5
"""The share of the new events that must carry the release for a PASS."""
MAX_ERROR_RATE = 0.2
"""The absolute ceiling of a provider's errors where the card says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One statistical check of a card.

    ``success`` and ``error`` name events; a ``volume`` rule counts those in ``success``. Shares are between 0
    and 1; ``max_rise`` is a multiple of the usual volume. ``None`` switches that side off.
    """

    id: str
    provider: str
    kind: Literal["signal", "volume"]
    success: frozenset[str]
    error: frozenset[str] = frozenset()
    classified: frozenset[str] | None = None
    """As in :class:`Reading`."""
    max_error_increase: float = 0.05
    max_error_rate: float | None = None
    ceiling: float | None = MAX_ERROR_RATE
    """The share of errors that fails a release whatever was before; ``None`` where the share is not one of a
    provider's errors and the card names none."""
    max_drop: float | None = 0.5
    max_rise: float | None = None
    grace_minutes: int = 2
    phones: bool | None = None
    """As in :class:`Reading`."""
    blocking: bool = True
    undecided: Literal["warn", "block"] = "warn"

    @property
    def reading(self) -> Reading:
        """How it reads its provider's rows."""
        by_action = self.kind == "signal"
        return Reading(
            self.provider, self.success, self.error, self.classified, by_action=by_action, phones=self.phones
        )


@dataclass(frozen=True, slots=True)
class Spans:
    """How long after its deployment a release is looked at, and against how long before it; minutes."""

    window: int
    baseline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is promised about the verdict of the whole checklist, and over how much time.

    ``false_alarm`` bounds the probability that a harmless release is ever called FAIL, over all checks and any
    number of looks; ``confidence`` is that of the bounds on which a PASS rests.
    """

    false_alarm: float = 0.01
    confidence: float = 0.95
    window_minutes: int = 30
    baseline_minutes: int = 7 * 24 * 60
    calendar: Calendar = ALL_ALIKE
    """Where the users' clocks are, and which days are not like others."""

    @property
    def window(self) -> timedelta:
        """How long after its deployment a release is looked at."""
        return timedelta(minutes=self.window_minutes)

    @property
    def spans(self) -> Spans:
        """What a look must have in common with the first one to be one of those that the promise is about."""
        return Spans(self.window_minutes, self.baseline_minutes)


TOLD_LATER = timedelta(minutes=30)
"""From when on a mark that is written after the time which it bears may be of a clock that is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A ``release_deployed`` event."""

    release: str
    environment: str
    deployed_at: datetime
    says_at: datetime | None = None
    """What its mark says, where that was far ahead of the log's clock: then it counts at the time it was recorded."""
    followed_at: datetime | None = None
    """When another deployment of the environment was known to have ended its window."""
    marked_at: datetime | None = None
    """When the log learned of it, where it did."""
    component: str | None = None
    """The part of the app that was deployed; ``None``: all of it."""
    is_of_phones: bool = False
    """Whether that part runs on phones, of which each has the release that its owner installed."""
    deployment_id: str | None = None
    """The host's name for it, where that is known."""
    removes: frozenset[str] = frozenset()
    """Providers that it no longer uses, as people said."""
    expect_traffic: float | None = None
    """So many times the usual traffic is expected, as people said."""
    rolls_back: bool = False
    """It goes back to a release that served before, or people said that it undoes one."""
    back_since: datetime | None = None
    """When another release was deployed after this one had served: what it wrote until then is of an earlier life."""
    cut_short: datetime | None = None
    """When the release was deployed whose window this one ended: what began under that one it may be the answer to."""
    live_since: datetime | None = None
    """When the log first saw the release serve; ``None``: it has not, or nobody looked."""

    @property
    def told_after(self) -> timedelta:
        """How long after the time that its mark bears the log learned of it; nothing where that was soon."""
        late = self.marked_at - self.deployed_at if self.marked_at is not None else timedelta(0)
        return late if late > TOLD_LATER else timedelta(0)


def judged_from(deployment: Deployment) -> datetime:
    """Since when a deployment's own rows are judged: its mark, or earlier where it served before that."""
    return min(deployment.deployed_at, deployment.live_since or deployment.deployed_at)


def end_of(deployment: Deployment, promise: Promise) -> datetime:
    """Until when a deployment is looked at: its window, or less where another one follows."""
    end = deployment.deployed_at + promise.window
    return min(end, deployment.followed_at) if deployment.followed_at else end


def is_cut(deployment: Deployment, promise: Promise) -> bool:
    """Whether another deployment ended its window, so that neither a longer one nor a flow shows more of it."""
    return end_of(deployment, promise) < deployment.deployed_at + promise.window


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check says, whichever kind it is; the parts of ``verify --json`` under ``checks``."""

    id: str
    provider: str
    kind: str
    verdict: Verdict
    blocking: bool
    undecided: Literal["warn", "block"]
    reason: str
    """One sentence: observed X in window W where the baseline is Y; needed Z; therefore."""
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True)
class SkippedCheck:
    """A check that was not run, and why."""

    card: Card
    check: Check
    reason: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a person took upon themselves for one deployment."""

    check: str
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event of the traffic that no card names, and how often it came since the deployment."""

    provider: str
    event: str
    outcome: str
    events: int
    has_card: bool = True
    """Whether its provider has a card: without one no check looks at any of its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came since the deployment and fits nothing, the most frequent of each, by name."""

    tagged: int
    """Rows that carry the release; the test user's are none."""
    tested: int
    """Rows of the test user that carry it."""
    untagged: int
    other_tags: Mapping[str, int]
    """Releases that other rows carry."""
    environments: Mapping[str, int]
    """Other environments in which rows were found, of up to so many that were looked at."""
    test_failures: Mapping[str, int]
    """Events of the test user that are errors."""
    of_no_component: Mapping[str, int]
    """Sources that no component names, and whose rows count for every one."""
    written_apart: Mapping[str, int]
    """Sources of which no row carries the release, and other releases for minutes, where another mark ended its window
    and no components are named: it may be that of another part of the app."""


@dataclass(frozen=True, slots=True)
class Misread:
    """What is read otherwise than it is written."""

    spelled: Mapping[str, str]
    """Names of providers and events, as they are written, and what they are read as."""
    ahead: timedelta
    """By how much rows say that they are ahead of the log's clock; nothing where none is."""
    behind: timedelta = timedelta(0)
    """By how much rows of the release say that they are older than it; nothing where none is."""
    nameless: Mapping[str, int] = field(default_factory=dict)
    """Tags that name no release ("unknown"), and how many rows carry each: they count as rows without a tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The outcome of one look."""

    deployment: Deployment
    as_of: datetime
    verdict: Verdict
    findings: Sequence[Finding]
    skipped: Sequence[SkippedCheck]
    log: LogEvidence | UnknownLog
    unknown_events: Sequence[UnknownEvent]
    seen: Seen
    """What else was seen that no check looks at."""
    misread: Misread
    contradictions: Sequence[Contradiction] = ()
    """By provider, those that any check looks at."""
    set_aside: SetAsideTally
    """The rows since the mark that cannot be read."""
    accepted: Sequence[Acceptance]
    """What people accepted for this deployment, by check, shown or not."""
    record: RecordRow | None
    """What the gate has shown on this project, where that was measured."""
    window_ended: bool
    promise: Promise
    titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settled_by: Mapping[str, str] = field(default_factory=dict)
    """By check: the flow whose PASS settles what the traffic leaves undecided."""
    """What each check looks at, in words, by language."""
    serving: Serving | None = None
    """What serves after the window, where it is not what the window shows."""
    outside: Spans | None = None
    """What the first look at this deployment had, where this one has others: then it is outside the promise."""

    @property
    def final(self) -> bool:
        """Whether looking again cannot change it: a FAIL, a PASS, or the window is over."""
        return self.verdict in {Verdict.FAIL, Verdict.PASS} or self.window_ended

    @property
    def unmarked(self) -> Serving | None:
        """The release that serves and that no mark names, where the newest mark was asked for."""
        return self.serving if self.serving is not None and not self.serving.is_marked else None

    @property
    def broken(self) -> bool:
        """Whether a check could not be judged because it broke."""
        return any(finding.verdict is Verdict.ERROR for finding in self.findings)


def overall(findings: Sequence[Finding]) -> Verdict:
    """The verdict of a checklist; see :func:`overall_of`."""
    return overall_of([CheckVerdict(one.verdict, one.blocking, one.undecided) for one in findings])


class CheckVerdict(NamedTuple):
    """What one check contributes to the verdict of its checklist."""

    verdict: Verdict
    blocking: bool
    """Whether a failure fails the release."""
    undecided: str
    """What INCONCLUSIVE means for the release: ``warn`` or ``block``."""


def overall_of(verdicts: Sequence[CheckVerdict]) -> Verdict:
    """The verdict over all checks.

    FAIL where a blocking check fails; INCONCLUSIVE where a check broke, where one with ``undecided = "block"`` is
    undecided, or where nothing at all was decided; WARN where a check warns, a non-blocking one fails, or another is
    undecided; else PASS.
    """
    if any(one.verdict is Verdict.FAIL and one.blocking for one in verdicts):
        return Verdict.FAIL
    if any(one.verdict is Verdict.ERROR for one in verdicts):
        return Verdict.INCONCLUSIVE
    undecided = [one.undecided for one in verdicts if one.verdict is Verdict.INCONCLUSIVE]
    if "block" in undecided or len(undecided) == len(verdicts):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if all(one.verdict is Verdict.PASS for one in verdicts) else Verdict.WARN
