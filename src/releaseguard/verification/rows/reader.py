"""What a verification asks the event log, and how often: the time before a deployment is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from releaseguard.errors import UsageError
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.rows.aside import SetAsideTally, tally_of
from releaseguard.model import OURSELVES, Event
from releaseguard.report.backtest.shown import RecordRow
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.judge.arrivals import SKEW
from releaseguard.verification.rows.accepted import ACCEPTED, acceptances_in
from releaseguard.verification.rows.first_look import VERIFIED
from releaseguard.verification.rows.gate_record import MEASURED, MOST_RECORDS, newest_record
from releaseguard.verification.rows.recorded import WRITTEN_CHECK
from releaseguard.verification.rows.releases import AHEAD, DEPLOYED, deployments_of, pick
from releaseguard.verification.rows.seen import called_alike, most_of
from releaseguard.verification.rows.traffic import settled_before, span_of
from releaseguard.verification.values import Acceptance, Deployment, end_of, judged_from
from releaseguard.verification.whose.as_read import ANY_CLOCK, FAR_AHEAD
from releaseguard.verification.whose.behind import A_DAY_BEHIND, CountedTraffic
from releaseguard.verification.whose.members import Members, Owner

ON_THE_WAY = timedelta(minutes=SKEW)
"""How long a row may have been on its way to the log in the minute in which a release was first seen."""
MINUTE = timedelta(minutes=1)
LOOKED_AT = 200
"""Rows of other environments that are counted where this one has none of the release."""


@dataclass(slots=True)
class LogReader:
    """Reads the rows of one environment for one request."""

    context: VerifyContext
    request: VerifyRequest
    _baseline: CountedTraffic | None = field(default=None, init=False)
    _live_since: datetime | None = field(default=None, init=False)

    def deployment(self, as_of: datetime) -> Deployment:
        """The deployment that is asked for. Raises ``UsageError`` where the log holds no such one."""
        request, context = self.request, self.context
        marks = context.log.select(self._here(Query(providers=[OURSELVES], events=[DEPLOYED])))
        tags = context.population.tags
        known = deployments_of(marks, context.promise.window, tags)
        if request.release is None and request.deployed_at is None:
            known = [one for one in known if one.deployed_at <= as_of + AHEAD]
        try:
            return pick(
                known,
                environment=context.environment,
                release=request.release,
                deployed_at=request.deployed_at,
                component=request.component,
                tags=tags,
            )
        except UsageError as error:
            raise self._naming_others(error) from None

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

    def counted(self, deployment: Deployment) -> CountedTraffic:
        """The counted rows of the baseline, of the window and of a while after it."""
        since, until = span_of([deployment], self.context.promise, self.context.population)
        border = settled_before(deployment, self.context.population)
        log = self.context.log
        if self._baseline is None:
            self._baseline = self._past(since, border)
        by_deployment = deployment.deployment_id is not None
        near = log.minute_counts(self._here(Query(since=border, until=until, by_deployment=by_deployment)))
        if not log.capabilities.has("recorded_at"):
            return CountedTraffic(self._baseline.past, [*self._baseline.rows, *near])
        ahead = log.minute_counts(self._ahead_of(until, by_deployment=by_deployment))
        rows = [*self._baseline.rows, *near, *ahead]
        return CountedTraffic(self._baseline.past, rows, list(self._behind(deployment, border, until)))

    def _behind(self, deployment: Deployment, border: datetime, until: datetime) -> Iterator[MinuteCount]:
        """Rows of hours before, which the log learned of in the window."""
        first = (deployment.deployed_at - A_DAY_BEHIND).replace(second=0, microsecond=0)
        query = self._here(Query(since=first, until=border, recorded_since=deployment.deployed_at))
        rows = self.context.log.minute_counts(query)
        return (row for row in rows if row.recorded_minute and row.recorded_minute < until)

    def _past(self, since: datetime, border: datetime) -> CountedTraffic:
        """What is only ever a baseline: by the hour, unless a clock was so far ahead that minutes have to be moved."""
        query = self._here(Query(since=since, until=border))
        hours = list(self.context.log.hour_counts(query))
        if any(hour.ahead > FAR_AHEAD // MINUTE for hour in hours):
            return CountedTraffic((), list(self.context.log.minute_counts(query)))
        return CountedTraffic(hours, ())

    def _ahead_of(self, until: datetime, *, by_deployment: bool) -> Query:
        """What the log had learned by then and is of later, as its writers' clocks or time zones have it."""
        known_at = min(self.request.as_of or until, until)
        query = Query(since=until, until=until + ANY_CLOCK, recorded_until=known_at, by_deployment=by_deployment)
        return replace(query, environment=self.context.environment)

    def live_since(self, deployment: Deployment, minute: datetime | None) -> datetime | None:
        """When the log learned of the first row that carries the release, which it did in ``minute``."""
        if minute is None or self._live_since is not None:
            return self._live_since or minute
        found = self._first_learned_of(deployment, minute)
        if found is not None:
            self._live_since = found
        return found or minute

    def _first_learned_of(self, deployment: Deployment, minute: datetime) -> datetime | None:
        members = Members(deployment, self.context.population.tags)
        query = Query(since=minute - ON_THE_WAY, until=minute + MINUTE, recorded_since=minute)
        learned = (
            row.recorded_at
            for row in self.context.log.select(self._here(query))
            if row.recorded_at and row.provider != OURSELVES and members.of_row(row) is Owner.OURS
        )
        return min((at for at in learned if at < minute + MINUTE), default=None)

    def other_environments(self, deployment: Deployment, rows: Iterable[MinuteCount]) -> Mapping[str, int]:
        """Where else there are rows since the deployment, of the release or, where this environment has none at all, of
        anything: an app that says "prod" is looked for in vain in "production". Where the release serves here, only
        those that are called alike: it may be in others on purpose. Up to :data:`LOOKED_AT` rows are looked at."""
        members, since = Members(deployment, self.context.population.tags), judged_from(deployment)
        here = [row for row in rows if row.occurred_minute >= since.replace(second=0, microsecond=0)]
        serves = any(members.of_tag(row.release) is Owner.OURS for row in here)
        query = Query(since=since, recorded_until=self.request.as_of, newest_first=True, limit=LOOKED_AT)
        there = self.context.log.select(replace(query, release=deployment.release) if here else query)
        found = Counter(row.environment for row in there if row.provider != OURSELVES)
        others = {name: count for name, count in found.items() if name != deployment.environment}
        return called_alike(others, deployment.environment) if serves else others

    def set_aside(self, deployment: Deployment) -> SetAsideTally:
        """The rows of the window that cannot be read."""
        query = self._here(Query(since=judged_from(deployment), until=end_of(deployment, self.context.promise)))
        return tally_of(row for row in self.context.log.set_aside(query) if row.provider != OURSELVES)

    def looks(self, deployment: Deployment) -> Sequence[Event]:
        """What earlier runs recorded of this deployment."""
        query = Query(
            providers=[OURSELVES],
            events=[WRITTEN_CHECK, VERIFIED],
            since=deployment.deployed_at,
            release=deployment.release,
        )
        return list(self.context.log.select(self._here(query)))

    def accepted(self, deployment: Deployment) -> Mapping[str, Acceptance]:
        """What people accepted for this deployment, by check."""
        query = Query(providers=[OURSELVES], events=[ACCEPTED], release=deployment.release)
        return acceptances_in(self.context.log.select(self._here(query)), deployment)

    def record(self) -> RecordRow | None:
        """What the gate has shown on this project, by the newest replay with planted harms."""
        query = Query(providers=[OURSELVES], events=[MEASURED], newest_first=True, limit=MOST_RECORDS)
        return newest_record(self.context.log.select(self._here(query)))

    def _here(self, query: Query) -> Query:
        """The question about this environment; where a past moment is judged, without the rows recorded later."""
        return replace(query, environment=self.context.environment, recorded_until=self.request.as_of)
