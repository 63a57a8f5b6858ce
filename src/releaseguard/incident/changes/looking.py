"""Searches for changes in the log and in every service that reports some; a dead service hides no other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from releaseguard.deployments.interface import HostingDeployment
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.asking import RowAnswers, gathered
from releaseguard.eventlog.hours import MINUTE
from releaseguard.eventlog.interface import Query, RowQuestion
from releaseguard.incident.changes import told
from releaseguard.incident.changes.cause import without_echoes
from releaseguard.incident.context import HostingTarget, IncidentContext
from releaseguard.incident.sources.problems import problem
from releaseguard.incident.sources.secrets import unless_refused
from releaseguard.incident.values import ChangeRecord, UnavailableSource
from releaseguard.model import OURSELVES
from releaseguard.rotation.history.account import account_of
from releaseguard.rotation.history.reading import chains_in
from releaseguard.verification.rows.releases import DEPLOYED, PLAIN, deployments_of
from releaseguard.verification.rows.seen import is_called
from releaseguard.verification.values import Deployment, Promise
from releaseguard.verification.whose.as_read import ANY_ZONE

LOOK_BACK = timedelta(hours=24)
"""How long before the beginning changes are reported."""
LEAD = timedelta(hours=2)
"""How long before its mark a release may have been live already."""


def changes_around(
    context: IncidentContext,
    began: datetime,
    until: datetime,
    tags: Collection[str] = (),
    rows: RowAnswers[str] | None = None,
) -> tuple[Sequence[ChangeRecord], Sequence[UnavailableSource]]:
    """The changes from a day before the beginning until now, and the sources that could not be read.

    ``rows`` are the answers to :func:`of_ours`, where they were requested. ``tags`` are the releases named by rows
    since the beginning: one of them may have been live before it was marked.
    """
    unread: dict[str, UnavailableSource] = {}
    known = rows or gathered(context.log, of_ours(context, until))
    found = [*_from_log(context, began, tags, known), *_from_services(context, unread)]
    inside = [change for change in found if began - LOOK_BACK <= change.at < until]
    return without_echoes(inside), list(unread.values())


def of_ours(context: IncidentContext, until: datetime) -> Mapping[str, Query | RowQuestion]:
    """The questions about our own rows: deployments and rotations."""
    query = context.health.query
    # A mark in local time is taken at its recording, and one in an environment called alike is a mark.
    marks = query(providers=(OURSELVES,), events=(DEPLOYED,), until=until + ANY_ZONE)
    return {
        "marks": replace(marks, environment=None),
        "ours": RowQuestion(query=query(providers=(OURSELVES,)), judged=True),
    }


def _from_log(
    context: IncidentContext, began: datetime, tags: Collection[str], found: RowAnswers[str]
) -> Iterator[ChangeRecord]:
    environment = context.health.environment
    yield from told.rotations(account_of(chains_in(found.judged("ours")), environment=environment).rotations)
    marks = [row for row in found.rows("marks") if row.occurred_at >= began - LOOK_BACK]
    known = [row for row in marks if is_called(row.environment, environment)]
    deployments = deployments_of(known, Promise().window)
    marked_late = [one for one in deployments if began < one.deployed_at <= began + LEAD and not one.rolls_back]
    told_later = [one for one in deployments if one.told_after and not one.rolls_back]
    live = {**_live(context, marked_late, tags), **_live(context, told_later, tags)}
    yield from told.releases(((one, live.get(one.deployed_at)) for one in deployments), environment)


def _live(context: IncidentContext, marked: Sequence[Deployment], tags: Collection[str]) -> Mapping[datetime, datetime]:
    """Time of its mark -> when the first row of a release came, within the lead before the mark or between the time in
    the mark and its recording. Releases that served before are left out, since their rows say nothing about this
    deployment."""
    forms = [(one.deployed_at, tag) for one in marked for tag in tags if PLAIN.same(tag, one.release)]
    ends = {one.deployed_at: one.marked_at if one.told_after else one.deployed_at for one in marked}
    query = context.health.query
    spans = [query(since=at - LOOK_BACK, until=ends[at], synthetic=False, release=tag) for at, tag in forms]
    counted = context.log.counts_of_each([], spans).minutes if spans else []
    first: dict[datetime, datetime] = {}
    for (at, _), rows in zip(forms, counted, strict=True):
        for row in rows:
            if row.count:
                first[at] = min(first.get(at, row.occurred_minute), row.occurred_minute)
    inside = {at: minute for at, minute in first.items() if minute >= at - LEAD}
    # Of a release whose rows are tagged, and of which none came before its mark, that tells since when it serves.
    punctual = {at: at for at, _ in forms if at not in first and ends[at] == at}
    return {**punctual, **_to_the_second(context, inside, forms)}


def _to_the_second(
    context: IncidentContext, minutes: Mapping[datetime, datetime], forms: Sequence[tuple[datetime, str]]
) -> Mapping[datetime, datetime]:
    """The same times, by the first row of each of these minutes."""
    asked = {
        (at, tag): context.health.query(since=first, until=first + MINUTE, synthetic=False, release=tag, limit=1)
        for at, tag in forms
        if (first := minutes.get(at)) is not None
    }
    found = gathered(context.log, asked)
    rows = [(at, row.occurred_at) for at, tag in asked for row in found.rows((at, tag))]
    return {at: min(when for other, when in rows if other == at) for at, _ in rows}


def _from_services(context: IncidentContext, unread: dict[str, UnavailableSource]) -> Iterator[ChangeRecord]:
    yield from _migrations(context, unread)
    for project in context.projects:
        context.progress(project.place)
        try:
            yield from told.functions(project.place, project.functions())
        except ReleaseguardError as error:
            unread[project.place] = UnavailableSource(project.place, problem(unless_refused(error), project.service))
    for host in context.hosts:
        context.progress(host.place)
        try:
            served = host.open().current(host.target)
        except ReleaseguardError as error:
            unread[host.place] = UnavailableSource(host.place, problem(unless_refused(error), host.service))
        else:
            yield from _served(host, served)
    yield from _written(context, unread)


def _served(host: HostingTarget, served: HostingDeployment | None) -> Iterable[ChangeRecord]:
    return [told.served(host.service.name, f"{host.place}/{host.target}", served)] if served is not None else []


def _migrations(context: IncidentContext, unread: dict[str, UnavailableSource]) -> Iterator[ChangeRecord]:
    """Runs of every workflow that any card names, since a migration can break any provider."""
    cards = context.health.cards
    controls = (control for card in cards for control in card.playbook.controls if control.kind == "workflow_runs")
    for workflow in dict.fromkeys(name for control in controls for name in control.names):
        for repository in context.repositories:
            context.progress(f"{repository.place} {workflow}")
            try:
                yield from told.migrations(repository.newest(workflow) or ())
            except ReleaseguardError as error:
                unread[repository.place] = UnavailableSource(
                    repository.place, problem(unless_refused(error), repository.service)
                )


def _written(context: IncidentContext, unread: dict[str, UnavailableSource]) -> Iterator[ChangeRecord]:
    if context.secrets.sites:
        context.progress(", ".join(site.uri for site in context.secrets.sites))
    for look in context.secrets.look():
        if look.problem is not None:
            unread[look.site.uri] = UnavailableSource(look.site.uri, problem(look.problem, look.site.service))
    yield from told.written(context.secrets.written())
