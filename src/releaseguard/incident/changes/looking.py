"""Where changes are looked for: the log, and every service that tells of some; one that is dead hides no other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from releaseguard.deployments.interface import HostingDeployment
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.asking import gathered
from releaseguard.eventlog.interface import RowQuestion
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
"""How long before the beginning changes are told of."""
LEAD = timedelta(hours=2)
"""How long before its mark a release may have served already."""


def changes_around(
    context: IncidentContext, began: datetime, until: datetime, tags: Collection[str] = ()
) -> tuple[Sequence[ChangeRecord], Sequence[UnavailableSource]]:
    """What changed from a day before the beginning until now, and where nobody could look.

    ``tags`` are the releases that the rows since the beginning carry: one of them may have served before it was marked.
    """
    unread: dict[str, UnavailableSource] = {}
    found = [*_from_log(context, began, until, tags), *_from_services(context, unread)]
    inside = [change for change in found if began - LOOK_BACK <= change.at < until]
    return without_echoes(inside), list(unread.values())


def _from_log(
    context: IncidentContext, began: datetime, until: datetime, tags: Collection[str]
) -> Iterator[ChangeRecord]:
    health = context.health
    # A mark in local time is taken at its recording, and one in an environment called alike is a mark.
    marks = health.query(providers=(OURSELVES,), events=(DEPLOYED,), since=began - LOOK_BACK, until=until + ANY_ZONE)
    marks = replace(marks, environment=None)
    ours = RowQuestion(query=health.query(providers=(OURSELVES,)), judged=True)
    found = gathered(context.log, {"marks": marks, "ours": ours})
    yield from told.rotations(account_of(chains_in(found.judged("ours")), environment=health.environment).rotations)
    known = [row for row in found.rows("marks") if is_called(row.environment, health.environment)]
    deployments = deployments_of(known, Promise().window)
    marked_late = [one for one in deployments if began < one.deployed_at <= began + LEAD and not one.rolls_back]
    dated = ((one, _live(context, one, tags) if one in marked_late else None) for one in deployments)
    yield from told.releases(dated, health.environment)


def _live(context: IncidentContext, deployment: Deployment, tags: Collection[str]) -> datetime | None:
    """When the first row of a release came within the lead of its mark; ``None`` where none did, or where the release
    served before that: then its rows tell nothing of this deployment."""
    marked, forms = deployment.deployed_at, [tag for tag in tags if PLAIN.same(tag, deployment.release)]
    first = [_first_row(context, tag, marked - LEAD, marked) for tag in forms]
    earlier = [_first_row(context, tag, marked - LOOK_BACK, marked - LEAD) for tag in forms]
    return None if any(earlier) else min((at for at in first if at), default=None)


def _first_row(context: IncidentContext, tag: str, since: datetime, until: datetime) -> datetime | None:
    query = context.health.query(since=since, until=until, synthetic=False)
    return next((row.occurred_at for row in context.log.select(replace(query, release=tag, limit=1))), None)


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
    """Runs of every workflow that any card names: a migration can break whichever provider."""
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
