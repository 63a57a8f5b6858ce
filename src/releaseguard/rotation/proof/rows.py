"""What one row says about the new version, and when it happened. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from releaseguard.eventlog.rows.detail import is_unread
from releaseguard.model import CLIENT, Event
from releaseguard.rotation.history.views import store_time
from releaseguard.rotation.proof.values import Question, RuntimeDestination
from releaseguard.rotation.values import Basis


def action_of(event: Event) -> object:
    """What identifies a user action: its correlation id, or everything that two rows of one action have in common."""
    detail = repr(sorted(event.detail.items()))
    return event.correlation_id or (event.occurred_at, event.source, event.event, event.latency_ms, detail)


def shortest_delays(rows: Sequence[Event]) -> Mapping[str | None, timedelta]:
    """Per source, the shortest time between a row's occurrence and its recording.

    Below zero, the source's clock is ahead by at least that much, since nothing is recorded before it happens. Above
    zero the clock may be behind or the rows late: a row happened no later than it says plus this delay.
    """
    shortest: dict[str | None, timedelta] = {}
    for row in rows:
        if row.recorded_at is not None:
            delay = row.recorded_at - row.occurred_at
            shortest[row.source] = min(shortest.get(row.source, delay), delay)
    return shortest


def carried_by(event: Event) -> Any:
    """The value's label in a row, without surrounding white space; ``None`` where it has none."""
    version = event.detail.get("secret_version")
    if isinstance(version, str):
        return version.strip() or None
    return version


class Says(StrEnum):
    NEW_VERSION = "A"
    NEW_DEPLOYMENT = "B"
    NOTHING = "C"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    event: Event
    says: Says
    happened: datetime
    """The earliest time at which it can have happened, as far as its source's clock is known."""
    by: datetime
    """The latest time at which it can have happened, if its source has one clock. Only the share of a hidden process
    depends on this."""
    speaks: bool = True
    """Whether its source is known to run here; other sources can only object."""
    basis: Basis | None = None
    """What identifies the new version in it."""


def may_object(question: Question, runtime: RuntimeDestination, event: Event) -> bool:
    """Whether the event can speak against the new version at ``runtime``.

    A source that the project names nowhere may be a forgotten process: it proves nothing, but while it works with the
    old version nobody should revoke that.
    """
    if runtime.speaks(event):
        return True
    named = runtime.not_sources.union(*(other.sources or () for other in question.runtimes))
    return event.source != CLIENT and event.source not in named


def read_row(
    question: Question, runtime: RuntimeDestination, event: Event, delays: Mapping[str | None, timedelta]
) -> EvidenceRow:
    none = timedelta()
    delay = delays.get(event.source, none)
    happened = event.occurred_at + min(delay, none)
    by = min(store_time(event), happened + max(delay, none))
    carried = carried_by(event)
    basis = None if carried is None else question.labels.basis(carried)
    speaks = runtime.speaks(event) and not question.misnamed(event)
    return EvidenceRow(event, _says(question, runtime, event), happened, by, speaks, basis)


def used_the_value_before(question: Question, event: Event) -> bool:
    """Whether the event, which proves nothing here, is a success with the value before."""
    version = carried_by(event)
    if version is None or not question.labels.is_before(version):
        return False
    return not question.shows_others(event) or question.labels.is_named(version)


def _says(question: Question, runtime: RuntimeDestination, event: Event) -> Says:
    """What a row says; its strongest statement decides."""
    version = carried_by(event)
    if version is not None and question.labels.concerns(version):
        return Says.NEW_VERSION if question.labels.is_new(version) else Says.OLD
    if is_unread(event.detail) and runtime.speaks(event):
        return Says.OLD  # its label may be in what was too much to read
    deployment = event.detail.get("deployment_id")
    if deployment and runtime.deployment:
        return _of_deployment(question, runtime, event, str(deployment))
    release = event.release
    if not release or not runtime.release or runtime.release == runtime.previous_release:
        return Says.NOTHING
    if release == runtime.release:
        return Says.NEW_DEPLOYMENT if runtime.previous_release else Says.NOTHING
    return Says.OLD if release == runtime.previous_release else Says.NOTHING


def says_of(question: Question, event: Event) -> Says:
    """What a row says, wherever it came from; the strongest statement over several places.

    A deployment that is not known says nothing here: a release since the last one has the new value too.
    """
    places = [one for one in question.runtimes if one.speaks(event)] or question.runtimes
    said = {_says(question, one, event) for one in places} if places else {_by_label(question, event)}
    known = {one.previous_deployment for one in question.runtimes} | {one.previous_release for one in question.runtimes}
    version = carried_by(event)
    labelled = version is not None and question.labels.concerns(version)
    named = labelled or event.detail.get("deployment_id") in known or event.release in known
    order = (Says.NEW_VERSION, Says.NEW_DEPLOYMENT, *([Says.OLD] if named else []))
    return next((one for one in order if one in said), Says.NOTHING)


def _by_label(question: Question, event: Event) -> Says:
    version = carried_by(event)
    if version is None or not question.labels.concerns(version):
        return Says.NOTHING
    return Says.NEW_VERSION if question.labels.is_new(version) else Says.OLD


def _of_deployment(question: Question, runtime: RuntimeDestination, event: Event, deployment: str) -> Says:
    """What the id of a deployment says; one known to belong to another runtime destination says nothing about this
    one."""
    if deployment in runtime.later_deployments:
        return Says.NEW_DEPLOYMENT
    if deployment == runtime.deployment and runtime.deployment != runtime.previous_deployment:
        return Says.NEW_DEPLOYMENT
    if deployment == runtime.previous_deployment:
        return Says.OLD
    others = {one.deployment for one in question.runtimes} | {one.previous_deployment for one in question.runtimes}
    return Says.OLD if runtime.speaks(event) and deployment not in others - {runtime.deployment} else Says.NOTHING


def is_after(row: EvidenceRow, moment: datetime) -> bool:
    """Whether it happened and was recorded after ``moment``."""
    return row.happened > moment and store_time(row.event) > moment
