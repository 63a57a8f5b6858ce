"""``releaseguard events deployed``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from releaseguard import readable
from releaseguard.cli.shared.options import Moment, Run, check_past, command, environment_option
from releaseguard.errors import UsageError

if TYPE_CHECKING:
    from releaseguard.model import Event
    from releaseguard.report.answers import MarkedDocument
    from releaseguard.wiring import Wiring


class Factor(click.ParamType[float]):
    """``2``, ``2x``, ``0.5``: a multiple that is more than nothing."""

    name = "factor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            factor = float(str(value).strip().lower().removesuffix("x"))
        except ValueError:
            factor = math.nan
        if not 0 < factor < math.inf:
            self.fail(f"{value!r} is not a multiple such as 2x or 0.5", param, ctx)
        return factor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The flags of one call."""

    release: str
    at: datetime | None
    deployment_id: str | None
    again: bool
    component: str | None
    removes: Sequence[str]
    expect_traffic: float | None
    rolls_back: bool


@command("deployed", example='releaseguard events deployed --release "$(git rev-parse HEAD)"')
@click.option("--release", required=True, metavar="SHA", help="The release that is live now.")
@environment_option
@click.option("--component", metavar="C", help="The part of the app that was deployed (else all of it).")
@click.option("--at", type=Moment(), metavar="TIME", help="When it went live (else now).")
@click.option("--deployment-id", metavar="ID", help="The host's name for it (dpl_...).")
@click.option("--again", is_flag=True, help="It is a new deployment, though the release is marked already.")
@click.option("--removes", multiple=True, metavar="PROVIDER", help="It no longer uses this provider; may be repeated.")
@click.option("--expect-traffic", type=Factor(), metavar="FACTOR", help="Expect so many times the usual traffic: 2x.")
@click.option("--rolls-back", is_flag=True, help="It undoes a release: a roll-back or a hotfix.")
def deployed(run: Run, environment: str | None, **flags: Any) -> None:
    """Mark a deployment: `verify` judges the newest. The same release, environment and time is one event.

    A release that is marked again within the window of `verify`, with no other in between and no other deployment id,
    is the same deployment: a job that was run again, whose verdict stands; what the later mark says is added to it.
    With --again it is a new one. A mark of one component ends no other component's window.

    JSON: {"event": columns, "new": whether it was not there yet}.
    """
    from releaseguard.eventlog.interface import Query
    from releaseguard.report.answers import columns_of

    asked = _asked(run, flags)
    with run.wiring(environment) as wiring:
        event = _mark(run, wiring, asked)
        new = not list(wiring.stores.log.select(Query(ids=(event.id,))))
        wiring.stores.log.append([event])
        _tell_if_known(run, wiring, event, asked.component)
    known = "" if new else " (was known already)"
    when = readable.date_and_clock(event.occurred_at, seconds=True)
    of = f" as {asked.component}" if asked.component else ""
    document: MarkedDocument = {"event": columns_of(event), "new": new}
    run.emit(f"{asked.release} has been live in {event.environment}{of} since {when}{known}", document)


def _asked(run: Run, flags: Any) -> _Asked:
    if not flags["release"].strip():
        raise UsageError("--release is empty", next_step="Is the variable set? Give the release's id: --release SHA")
    named = {
        option: text and run.said(f"--{option.replace('_', '-')}", text.strip(), identifier=True)
        for option in ("release", "deployment_id")
        if (text := flags[option]) is not None
    }
    return _Asked(**{"deployment_id": None, **flags, **named})


def _mark(run: Run, wiring: Wiring, asked: _Asked) -> Event:
    from releaseguard.eventlog.entries import deployment
    from releaseguard.verification.whose.foretold import Foretold, detail_of

    now = wiring.stores.log.now()
    check_past("--at", asked.at, now)
    _check_component(run, wiring, asked.component)
    for provider in asked.removes:
        wiring.cards.get(provider)
    foretold = Foretold(frozenset(asked.removes), asked.expect_traffic, asked.rolls_back)
    said = {**({"component": asked.component} if asked.component else {}), **detail_of(foretold)}
    environment = wiring.settings.environment
    return deployment(asked.release, environment, asked.at or now, asked.deployment_id, again=asked.again, said=said)


def _check_component(run: Run, wiring: Wiring, component: str | None) -> None:
    """Raises ``UsageError`` for a component that the configuration does not name."""
    components = wiring.verification.population.components
    if component is not None and components.names:
        components.refuse_unknown(component, wiring.settings.where("components"))
    elif component is not None:
        run.tell(f"No [components] are configured: rows of every source count for {component}.")


def _tell_if_known(run: Run, wiring: Wiring, event: Event, component: str | None) -> None:
    """That a mark belongs to a deployment which was marked before is said, since its verdict then stands."""
    from releaseguard.eventlog.interface import Query
    from releaseguard.model import OURSELVES
    from releaseguard.verification.rows.releases import DEPLOYED, deployments_of

    query = Query(environment=event.environment, providers=[OURSELVES], events=[DEPLOYED])
    tags = wiring.verification.population.tags
    window = wiring.verification.promise(None, None).window
    same = [
        one
        for one in deployments_of(wiring.stores.log.select(query), window, tags)
        if one.component == component
        and tags.same(one.release, event.release or "")
        and one.deployed_at <= event.occurred_at
    ]
    if same and same[-1].deployed_at < event.occurred_at:
        first = readable.date_and_clock(same[-1].deployed_at, seconds=True)
        run.tell(f"It is the deployment of {first}, whose window is not over; with --again it is a new one.")
