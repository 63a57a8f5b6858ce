"""What a verification asks the event log, and how often: the time before a deployment is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter

from msgspec import structs

from releaseguard.errors import UsageError
from releaseguard.eventlog.asking import RowAnswers, gathered
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HOUR, HourCount, hour_begun, within
from releaseguard.eventlog.interface import HourSettling, Query, RowQuestion
from releaseguard.eventlog.rows.aside import SetAsideTally, tally_of
from releaseguard.model import OURSELVES, Event
from releaseguard.report.backtest.shown import RecordRow
from releaseguard.stats.completeness import ANY_CLOCK, FAR_AHEAD, OLDEST_LOG
from releaseguard.verification.again.needs import HELD_BY_THE_MINUTE, ReaderNeeds, Settles, needs_of, settles_of
from releaseguard.verification.again.rereading import CountQuestion, Rereading
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.judge.arrivals import SKEW
from releaseguard.verification.rows.accepted import ACCEPTED, acceptances_in
from releaseguard.verification.rows.first_look import VERIFIED
from releaseguard.verification.rows.gate_record import MEASURED, MOST_RECORDS, newest_record
from releaseguard.verification.rows.recorded import WRITTEN_CHECK
from releaseguard.verification.rows.releases import AHEAD, DEPLOYED, again_in, deployments_of, pick, refuse_unmarked
from releaseguard.verification.rows.seen import MOST_SEEN, called_alike, most_of
from releaseguard.verification.rows.set_aside import Unread, not_seen_before, undated_in, unread_of
from releaseguard.verification.rows.single_rows import Name
from releaseguard.verification.rows.traffic import (
    are_bare,
    elsewhere_than,
    others_in,
    settled_before,
    span_of,
    strayed_of,
)
from releaseguard.verification.values import Acceptance, Deployment, end_of, judged_from
from releaseguard.verification.whose.as_read import spelling_of
from releaseguard.verification.whose.behind import A_DAY_BEHIND, CountedTraffic
from releaseguard.verification.whose.heard import Heard
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.serving import FARTHEST, Serving, serving_in
from releaseguard.verification.whose.strayed import NOWHERE, Strayed

ON_THE_WAY = timedelta(minutes=SKEW)
"""How long a row may have been on its way to the log in the minute in which a release was first seen."""
MINUTE = timedelta(minutes=1)
A_DAY, AROUND = timedelta(days=1), timedelta(hours=2)
"""Latencies are compared with those of this time of the day before, too."""
LOOKED_AT = 200
"""Marks that are looked at for where a release is."""
MOST_FAR = 20_000
"""Minutes of one kind of event each, of days and years before, that are read one by one."""
NEWEST = 20
"""Events that show whether an app logs latencies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideRows:
    """What the log tells of a deployment beside its rows."""

    looks: Sequence[Event]
    """What earlier runs recorded of it."""
    accepted: Mapping[str, Acceptance]
    """What people accepted for it, by check."""
    set_aside: SetAsideTally
    """The rows of the window that cannot be read."""
    unread: Unread
    """The same rows, by the minute."""


@dataclass(slots=True)
class LogReader:
    """Reads the rows of one environment for one request."""

    context: VerifyContext
    request: VerifyRequest
    record: RecordRow | None = field(default=None, init=False)
    """What the gate has shown on this project, by the newest replay with planted harms."""
    _needs_of: dict[str | None, ReaderNeeds] = field(default_factory=dict, init=False)
    again: Rereading = field(init=False)
    """What is held between looks."""
    _marked: Sequence[str] = field(default=(), init=False)
    """Every release that bears a mark here."""
    is_again: InitVar[bool] = False
    """Whether there will be more than one look."""

    def __post_init__(self, is_again: bool) -> None:
        self.again = Rereading(self.context.log, is_again and self.request.as_of is None)

    def deployment(self, as_of: datetime) -> Deployment:
        """The deployment that is asked for. Raises ``UsageError`` where the log holds no such one."""
        request, context = self.request, self.context
        measured = Query(providers=[OURSELVES], events=[MEASURED], newest_first=True, limit=MOST_RECORDS)
        marks = Query(providers=[OURSELVES], events=[DEPLOYED])
        told = gathered(context.log, {"marks": self._here(marks), "record": self._here(measured)})
        self.record = newest_record(told.rows("record"))
        tags = context.population.tags
        known = deployments_of(told.rows("marks"), context.promise.window, tags)
        self._marked = [one.release for one in known]
        if request.release is None and request.deployed_at is None:
            known = [one for one in known if one.deployed_at <= as_of + AHEAD]
        still = request.watched and again_in(known, request.watched)
        try:
            if request.component is not None and not context.population.components.names:
                refuse_unmarked(known, context.environment, request.component)
            found = still or pick(
                known,
                environment=context.environment,
                release=request.release,
                deployed_at=request.deployed_at,
                component=request.component,
                tags=tags,
            )
        except UsageError as error:
            raise self._naming_others(error) from None
        if self.again.is_again:
            self.request = replace(request, watched=found)
        return context.population.components.known(found)

    def _naming_others(self, error: UsageError) -> UsageError:
        """The error, with the environments in which there are marks, of the release or, where none is asked for, of
        any: a pipeline that says "prod" is looked for in vain in "production"."""
        asked = self.request.release
        query = Query(providers=[OURSELVES], events=[DEPLOYED], recorded_until=self.request.as_of, newest_first=True)
        marks = self.context.log.select(replace(query, limit=LOOKED_AT))
        mine = (one for one in marks if asked is None or self.context.population.tags.same(asked, one.release or ""))
        named = Counter(one.environment for one in mine if one.environment != self.context.environment)
        if not named:
            return error
        seen = ", ".join(f"{name} ({count})" for name, count in most_of(named).items())
        step = (
            f"Deployments are marked in other environments: {seen}. Judge one of them: --environment NAME, or name it:"
        )
        return UsageError(str(error), where=error.where, next_step=f"{step} [project] environment. {error.next_step}")

    def counted(self, deployment: Deployment, as_of: datetime) -> CountedTraffic:
        """The counted rows of the baseline, of the window and of a while after it, and the hours since that."""
        since, until = span_of([deployment], self.context.promise, self.context.population)
        border = settled_before(deployment, self.context.population)
        minute = deployment.deployed_at.replace(second=0, microsecond=0)
        past = self._here(Query(since=hour_begun(since), until=border, needs=self._needs(deployment.component).past))
        anywhere = Query(since=hour_begun(minute), until=hour_begun(until) + HOUR, recorded_until=self.request.as_of)
        asked = {
            "anywhere": CountQuestion(anywhere, by_hour=True),
            "past": CountQuestion(past, by_hour=True, is_past=True),
            **self._around(deployment, border, until, self._settles(deployment, as_of)),
        }
        if self.context.log.capabilities.has("recorded_at"):
            asked["ahead"] = CountQuestion(self._ahead_of(until, by_deployment=deployment.deployment_id is not None))
            asked["behind"] = CountQuestion(self._behind(deployment, border))
            asked["far behind"] = CountQuestion(self._far_behind(deployment), by_hour=True)
        lately = self._lately(deployment, as_of)
        if lately is not None:
            since_end = Query(since=hour_begun(lately), until=hour_begun(as_of) + HOUR)
            asked["lately"] = CountQuestion(self._here(since_end), by_hour=True)
        told = self.again.counts(asked)
        behind = [*self._told_far(deployment, told.get("far behind", ())), *told.get("behind", ())]
        baseline = self._past(replace(past, since=since), list(within(told["past"], since, border)))
        return CountedTraffic(
            baseline.past,
            [*baseline.rows, *told["before"], *told["near"], *told.get("ahead", ())],
            [row for row in behind if row.recorded_minute and row.recorded_minute < until],
            told["day before"],
            [*self.again.settled.get("before", ()), *self.again.settled.get("near", ())],
            self.again.settled.get("day before", ()),
            list(within(told["anywhere"], minute, until)),
            [] if lately is None else list(within(told["lately"], lately, as_of + MINUTE)),
        )

    def _around(
        self, deployment: Deployment, border: datetime, until: datetime, settles: Settles
    ) -> Mapping[str, CountQuestion]:
        """What is asked by the minute: of the hours from ``border`` on, and of the day before."""
        lead = hour_begun(deployment.deployed_at - timedelta(minutes=self.context.population.lead_minutes))
        needs, by_deployment = self._needs(deployment.component), deployment.deployment_id is not None
        near = needs.near if _sources_are_alike(deployment) else needs.near._replace(until=lead, servers_are_one=False)

        def asked(first: datetime, last: datetime, settling: HourSettling | None) -> CountQuestion:
            query = Query(since=first, until=last, by_deployment=by_deployment, needs=near._replace(settles=settling))
            return CountQuestion(self._here(query))

        of_latencies = needs.of_latencies._replace(settles=settles.day_before)
        return {
            "before": asked(border, lead, settles.before),
            "near": asked(lead, until, settles.near),
            "day before": CountQuestion(replace(self._day_before(deployment), needs=of_latencies), is_past=True),
        }

    def _settles(self, deployment: Deployment, as_of: datetime) -> Settles:
        """What of the time before is told by the hour, where nothing is held for another look."""
        if self.again.is_again:
            return HELD_BY_THE_MINUTE
        begun = min(deployment.deployed_at, as_of).replace(second=0, microsecond=0)
        lead = timedelta(minutes=self.context.population.lead_minutes)
        members = Members(deployment, self.context.population.tags)
        return settles_of(spelling_of(self.context.cards), members, begun, lead)

    def _needs(self, component: str | None) -> ReaderNeeds:
        """The same as at the look before, so that its questions are known again."""
        if component not in self._needs_of:
            self._needs_of[component] = needs_of(self.context, component)
        return self._needs_of[component]

    def _behind(self, deployment: Deployment, border: datetime) -> Query:
        """Rows of hours before, which the log learned of since the deployment."""
        first = hour_begun(deployment.deployed_at - A_DAY_BEHIND)
        return self._here(Query(since=first, until=border, recorded_since=deployment.deployed_at))

    def _far_behind(self, deployment: Deployment) -> Query:
        """The hours of days and years before of which the log learned anything since the deployment."""
        first = hour_begun(deployment.deployed_at - A_DAY_BEHIND)
        return self._here(Query(until=first, recorded_since=deployment.deployed_at))

    def _told_far(self, deployment: Deployment, hours: Sequence[HourCount]) -> Sequence[MinuteCount]:
        """The minutes of these hours that the log learned of since the deployment. Where the past was brought in they
        are too many to be of clocks that are behind: then those alone that carry the release."""
        query = self._far_behind(deployment)
        if sum(map(bool, chain.from_iterable(hour.counts for hour in hours))) <= MOST_FAR:
            asked = [query] if hours else []
        else:
            members = Members(deployment, self.context.population.tags)
            ours = {hour.release for hour in hours if members.of_tag(hour.release) is Owner.OURS}
            asked = [replace(query, release=release) for release in sorted(filter(None, ours))[:MOST_SEEN]]
        return sorted(chain.from_iterable(self.again.minutes(asked)), key=attrgetter("occurred_minute"))

    def _day_before(self, deployment: Deployment) -> Query:
        """The hours with which latencies are compared besides those just before, whenever the release went live."""
        day = deployment.deployed_at.replace(second=0, microsecond=0) - A_DAY
        lead = timedelta(minutes=self.context.population.lead_minutes)
        return self._here(Query(since=day - lead - AROUND, until=day + AROUND))

    def _past(self, query: Query, hours: Sequence[HourCount]) -> CountedTraffic:
        """What is only ever a baseline: by the hour, unless a clock was so far ahead that minutes have to be moved."""
        if any(hour.ahead > FAR_AHEAD // MINUTE for hour in hours):
            return CountedTraffic((), self.again.minutes([query])[0])
        return CountedTraffic(hours, ())

    def _ahead_of(self, until: datetime, *, by_deployment: bool) -> Query:
        """What the log had learned by then and is of later, as its writers' clocks or time zones have it: by when it
        learned of a row that is counted, so none that says it did before there was any log."""
        known_at = min(self.request.as_of or until, until)
        query = Query(since=until, until=until + ANY_CLOCK, recorded_since=OLDEST_LOG, recorded_until=known_at)
        return replace(query, environment=self.context.environment, by_deployment=by_deployment)

    def elsewhere(
        self, deployment: Deployment, rows: Iterable[MinuteCount], anywhere: Iterable[HourCount]
    ) -> tuple[Mapping[str, int], Strayed]:
        """Where else there are rows since the deployment, of the release or, where this environment has none at all, of
        anything: an app that says "prod" is looked for in vain in "production". Where the release serves here, only
        those that are called alike: it may be in others on purpose. And what of the release stands there by mistake."""
        members, since = Members(deployment, self.context.population.tags), judged_from(deployment)
        here = [row for row in rows if row.occurred_minute >= since.replace(second=0, microsecond=0)]
        serves = any(members.of_tag(row.release) is Owner.OURS for row in here)
        others = others_in(anywhere, members, here)
        alike = called_alike(others, deployment.environment)
        strayed = self._strayed(members, others) if others else NOWHERE
        return alike if here and (serves or are_bare(here)) else others, strayed

    def _strayed(self, members: Members, others: Mapping[str, int]) -> Strayed:
        """What the release wrote in ``others`` by mistake."""
        end = end_of(members.deployment, self.context.promise)
        until = min(self.request.as_of or self.context.now(), end)
        return strayed_of(self.context.log, members, others, until, self.request.as_of)

    def _lately(self, deployment: Deployment, as_of: datetime) -> datetime | None:
        """The minute from which on is asked what serves after the window; ``None`` where it is not over. Phones hold
        many releases."""
        end = end_of(deployment, self.context.promise)
        if deployment.is_of_phones or as_of < end + MINUTE:
            return None
        return max(end, as_of - FARTHEST).replace(second=0, microsecond=0)

    def serving(
        self, deployment: Deployment, as_of: datetime, known: Heard, lately: Sequence[HourCount]
    ) -> Serving | None:
        """What serves after the window, where it did not before its end: this very release; or one that no mark names,
        where no release was asked for and the newest mark is not of what runs. ``lately``: the hours since then."""
        end, tags = end_of(deployment, self.context.promise), self.context.population.tags
        rows = (row.release for row in known.rows if row.occurred_minute < end.replace(second=0, microsecond=0))
        before = {*filter(None, rows), *(row.release for row in chain(known.past, known.settled) if row.release)}
        is_wanted = not self.request.release and not self.request.deployed_at
        if not is_wanted and any(tags.same(one, deployment.release) for one in before):
            return None
        is_elsewhere = elsewhere_than(deployment, self.context.population)
        found = serving_in((hour for hour in lately if not is_elsewhere(hour.source)), as_of)
        if found is None or any(tags.same(found[0], one) for one in before):
            return None
        if tags.same(found[0], deployment.release):
            return Serving(*found, is_marked=True)
        is_named = any(tags.same(found[0], one) for one in self._marked)
        return Serving(*found, is_marked=False) if is_wanted and not is_named else None

    def first_rows(
        self, deployment: Deployment, minute: datetime | None, known: Heard, newest: Mapping[str, Query]
    ) -> tuple[Deployment, Collection[str]]:
        """The deployment with when the log learned of the first row that carries the release, which it did in
        ``minute``, by the counted rows; and which checks have none that says how long it took among the ``newest`` of
        their events."""
        plan: dict[Name, Query] = {("latency", check): self._here(query) for check, query in newest.items()}
        tells = self.context.log.capabilities.has("recorded_at")
        learned = self._learned_in(deployment, minute, known.written) if minute is not None and tells else None
        whose, live = (learned and self.again.found_before(learned)) or (None, None)
        live = live if whose == deployment else None
        if learned is not None and live is None:
            plan[("learned",)] = learned
        found = gathered(self.context.log, plan)
        if minute is not None and ("learned",) in plan:
            live = self._first_learned(deployment, minute, found.rows(("learned",)))
        if learned is not None:
            self.again.found(learned, (deployment, live))
        without = [check for check in newest if all(row.latency_ms is None for row in found.rows(("latency", check)))]
        return replace(deployment, live_since=live or minute), without

    def _learned_in(self, deployment: Deployment, minute: datetime, rows: Iterable[MinuteCount]) -> Query:
        """Where only tags tell and one of them alone is the release's, the rows that carry it."""
        query = Query(since=minute - ON_THE_WAY, until=minute + MINUTE, recorded_since=minute, traffic=True)
        members = Members(deployment, self.context.population.tags)
        near = (row for row in rows if minute - ON_THE_WAY <= row.occurred_minute <= minute)
        ours = [row for row in near if members.of_tag(row.release) is Owner.OURS]
        if len({row.release for row in ours}) != 1 or deployment.deployment_id is not None:
            return self._here(query)
        first = min((row.occurred_minute for row in ours if row.recorded_minute in (None, minute)), default=query.since)
        return self._here(replace(query, since=first, release=ours[0].release))

    def _first_learned(self, deployment: Deployment, minute: datetime, rows: Iterable[Event]) -> datetime | None:
        members = Members(deployment, self.context.population.tags)
        learned = (row.recorded_at for row in rows if row.recorded_at and members.of_row(row) is Owner.OURS)
        return min((at for at in learned if at < minute + MINUTE), default=None)

    def beside(self, deployment: Deployment) -> Mapping[Name, Query | RowQuestion]:
        """What is to be known of a deployment beside its rows; :meth:`told` reads the answers."""
        since, end = judged_from(deployment), end_of(deployment, self.context.promise)
        looks = Query(
            providers=[OURSELVES],
            events=[WRITTEN_CHECK, VERIFIED],
            since=deployment.deployed_at,
            release=deployment.release,
        )
        accepted = Query(providers=[OURSELVES], events=[ACCEPTED], release=deployment.release)
        aside = RowQuestion(query=self._here(Query(since=since, until=end)), unreadable=True)
        before = Query(providers=[OURSELVES], events=[VERIFIED], newest_first=True, limit=1)
        known_by = min(since, self.request.as_of or since)
        return {
            ("looks",): self._here(looks),
            ("before",): replace(self._here(before), until=known_by, recorded_until=known_by),
            ("accepted",): self._here(accepted),
            ("aside",): aside,
        }

    def told(self, deployment: Deployment, answers: RowAnswers[Name]) -> BesideRows:
        """What the answers to :meth:`beside` say."""
        there = [row for row in answers.aside(("aside",)) if row.provider != OURSELVES]
        aside = not_seen_before(there, answers.rows(("before",)))
        return BesideRows(
            looks=answers.rows(("looks",)),
            accepted=acceptances_in(answers.rows(("accepted",)), deployment),
            set_aside=structs.replace(tally_of(aside), undated=undated_in(there)),
            unread=unread_of(aside),
        )

    def _here(self, query: Query) -> Query:
        """The question about this environment; where a past moment is judged, without the rows recorded later."""
        return replace(query, environment=self.context.environment, recorded_until=self.request.as_of)


def _sources_are_alike(deployment: Deployment) -> bool:
    """Whether nobody asks which source wrote the rows around it: that is told where sources may be of no component, or
    another mark may have been one of another part of the app."""
    return deployment.component is None and deployment.followed_at is None
