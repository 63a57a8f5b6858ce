"""Whether a value still works although a person confirmed its revocation: successes that occurred after that moment.

The first confirmation of a rotation's old value counts. A confirmation that such successes contradict starts a new
claim, which replaces the first one after :data:`QUIET`: a key that was revoked after all is not reported for ever, and
running the command twice in a row gives the same answer twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from releaseguard import readable
from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spelling import bare
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import CLIENT, OURSELVES, Event, Outcome, to_text
from releaseguard.report.rows import StillUsedRow
from releaseguard.rotation.history.leaks import replaces
from releaseguard.rotation.history.sentences import confirming
from releaseguard.rotation.history.views import ChainView, Confirmation, RotationView
from releaseguard.rotation.proof.labels import Labels
from releaseguard.rotation.proof.rows import carried_by
from releaseguard.rotation.values import Direction, RotationState

QUIET = timedelta(hours=1)
"""The time after which a renewed confirmation replaces the one that it renews."""
MOST = 1000
"""The most rows of one kind that :func:`still_used` reads: it reports that there are some, not how many millions."""


@dataclass(frozen=True, slots=True)
class StillUsed:
    """A value that worked after its revocation was confirmed."""

    chain_key: ChainKey
    rotation_id: str
    unit: str
    since: datetime
    """The moment of the confirmation."""
    successes: int
    """Successes after that, at most :data:`MOST` of each version."""
    last_at: datetime
    source: str | None
    names: Sequence[str] = ()
    """The secrets of the unit."""

    @property
    def next_step(self) -> str:
        return f"Revoke the old key at {self.chain_key.provider}, then: {confirming(self.chain_key, self.names)}"

    def to_json(self) -> StillUsedRow:
        """The finding as a row of ``drift --json`` and ``audit show --json``."""
        return {
            "provider": self.chain_key.provider,
            "environment": self.chain_key.environment,
            "rotation_id": self.rotation_id,
            "unit": self.unit,
            "confirmed_at": to_text(self.since),
            "successes": self.successes,
            "last_at": to_text(self.last_at),
            "source": self.source,
            "next_step": self.next_step,
        }

    def sentence(self) -> str:
        """The finding as a sentence."""
        return (
            f"{readable.count(self.successes, 'success')} with the old version occurred after it was confirmed to be "
            f"revoked ({to_text(self.since)}), the last at {to_text(self.last_at)} from "
            f"{self.source or 'an unnamed source'}"
        )


def revoked_by(view: ChainView, unit: str) -> RotationView | None:
    """The rotation whose old value a person means: a leak that was reported by itself and has no rotation yet; else the
    newest of ``unit`` that was not given up, and had one; where what was given up after it had been brought out is all
    that had one, that."""
    waiting = _reported_by_itself(view, unit)
    if waiting:
        return waiting
    mine = [rotation for rotation in view.rotations if rotation.unit == unit]
    kept = [rotation for rotation in mine if rotation.state is not RotationState.ABORTED] or mine
    moved = [rotation for rotation in kept if not rotation.goes_nowhere]
    brought_out = [one for one in mine if not one.goes_nowhere and one.progress(Direction.FORWARD).pushed_at]
    found = moved or brought_out or kept
    return found[-1] if found else None


def _reported_by_itself(view: ChainView, unit: str) -> RotationView | None:
    """The newest report of a leak that no rotation which was brought out has answered."""
    numbered = [(n, one) for n, one in enumerate(view.rotations) if one.progress(Direction.FORWARD).pushed_at]

    def is_answered(report: RotationView) -> bool:
        return any(replaces(rotation, report, number) for number, rotation in numbered)

    mine = [one for one in view.reports if one.unit == unit and one.leak]
    waiting = [one for one in mine if (one.confirmations or not one.retired_at) and not is_answered(one)]
    return waiting[-1] if waiting else None


def held_against(confirmations: Sequence[Confirmation], now: datetime) -> datetime | None:
    """The moment after which no success with the old version may occur; ``None`` before any confirmation."""
    if not confirmations:
        return None
    renewed = [one.at for one in confirmations if one.old_successes and one.at <= now - QUIET]
    return max([confirmations[0].at, *renewed])


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesInRows:
    """How the app's rows name what a rotation is about."""

    providers: Collection[str] = ()
    """Other spellings of the provider."""
    environments: Collection[str] = ()
    """Other spellings of the environment."""
    others_events: Collection[str] = ()
    """Events that use other secrets of the provider, and say nothing about this one."""


def old_successes(
    log: EventLog,
    view: ChainView,
    rotation: RotationView,
    companions: Sequence[str],
    since: datetime,
    names: NamesInRows,
) -> Sequence[Event]:
    """All successes that occurred after ``since`` and carry neither the new version nor that of a later rotation."""
    providers = (view.chain_key.provider, *sorted(names.providers))
    everything = [
        Query(environment=environment, providers=providers, outcome=Outcome.SUCCESS, since=since)
        for environment in (view.chain_key.environment, *sorted(names.environments))
    ]
    rows = chain.from_iterable(map(log.select, everything))
    return _old(_without(names.others_events, rows), view, rotation, companions, since)


def still_used(
    log: EventLog,
    view: ChainView,
    companions: Mapping[str, Sequence[str]],
    others_events: Mapping[str, Collection[str]],
) -> Iterator[StillUsed]:
    """The units of one chain whose old value is in use although its revocation was confirmed.

    ``companions`` holds, by unit, the members whose version the app knows, and ``others_events`` the success events
    that use another secret of the provider: a webhook's key has a version 1 too. The store selects the rows by the
    versions and deployments that the history knows to be old. What an app reports as a map of versions is seen by
    :func:`old_successes` only, which reads every row.
    """
    confirmed = [*_confirmed(view)]
    if not confirmed:
        return
    now = log.now()
    for rotation in confirmed:
        unit = rotation.unit
        since = held_against(rotation.confirmations, now) or now
        named = _without(others_events.get(unit, ()), _named_old(log, view, rotation, since))
        rows = _old(named, view, rotation, companions.get(unit, ()), since)
        if rows:
            last = max(rows, key=lambda row: row.occurred_at)
            names = [pin.name for pin in rotation.pins]
            yield StillUsed(view.chain_key, rotation.id, unit, since, len(rows), last.occurred_at, last.source, names)


def _confirmed(view: ChainView) -> Iterator[RotationView]:
    """The newest rotation of each unit whose old value is said to be revoked, and each report that no such rotation
    has answered."""
    for unit in dict.fromkeys(one.unit for one in (*view.rotations, *view.reports)):
        rotations = [(n, one) for n, one in enumerate(view.rotations) if one.unit == unit and one.confirmations]
        yield from [one for _, one in rotations[-1:]]
        for report in view.reports:
            answered = any(replaces(rotation, report, number) for number, rotation in rotations)
            if report.unit == unit and report.confirmations and not answered:
                yield report


def _without(others_events: Collection[str], rows: Iterable[Event]) -> Iterator[Event]:
    left_out = {bare(name) for name in others_events}
    return (row for row in rows if bare(row.event) not in left_out)


def _named_old(log: EventLog, view: ChainView, rotation: RotationView, since: datetime) -> Iterator[Event]:
    texts = [("secret_version", text) for text in _old_versions(view, rotation)]
    texts += [("deployment_id", before) for before in sorted(_deployments_before(rotation))]
    for key, text in texts:
        query = Query(
            environment=view.chain_key.environment,
            providers=(view.chain_key.provider,),
            outcome=Outcome.SUCCESS,
            since=since,
            detail={key: text},
            newest_first=True,
            limit=MOST,
        )
        yield from log.select(query)


def _old_versions(view: ChainView, rotation: RotationView) -> Sequence[str]:
    """How apps may report the versions that were in use before: each member's label and fingerprint, and the group's
    label."""
    texts: set[str] = set()
    for one in _up_to(view, rotation):
        befores = [pin.label_of(_other(one)) for pin in one.pins]
        prints = [pin.fingerprint_of(_other(one)) for pin in one.pins]
        texts |= {text for text in (*befores, *prints) if text is not None}
        texts.add(".".join(str(label) for label in befores))
        leaked = one.leak.versions.values() if one.leak else ()
        texts |= {str(version) for version in leaked if version is not None}
    return sorted(texts)


def _up_to(view: ChainView, rotation: RotationView) -> Sequence[RotationView]:
    if rotation.reported:
        return [rotation]
    mine = [one for one in view.rotations if one.unit == rotation.unit]
    return mine[: 1 + next(number for number, one in enumerate(mine) if one.id == rotation.id)]


def _and_later(view: ChainView, rotation: RotationView) -> Sequence[RotationView]:
    mine = [one for one in view.rotations if one.unit == rotation.unit]
    return mine[next(number for number, one in enumerate(mine) if one.id == rotation.id) :]


def _old(
    events: Iterable[Event], view: ChainView, rotation: RotationView, companions: Sequence[str], since: datetime
) -> Sequence[Event]:
    others = view.reported_of_others([pin.name for pin in rotation.pins])
    after = (event for event in events if event.provider != OURSELVES and event.occurred_at > since)
    if rotation.reported:
        leaked = Labels.of(rotation.pins, Direction.BACK, companions, others)
        return list({event.id: event for event in after if leaked.is_new(carried_by(event))}.values())
    labels = [Labels.of(one.pins, one.direction, companions, others) for one in _and_later(view, rotation)]
    before = _deployments_before(rotation)
    return list({event.id: event for event in after if _is_old(event, labels, before)}.values())


def _is_old(event: Event, labels: Sequence[Labels], before: frozenset[str]) -> bool:
    version = carried_by(event)
    if version is not None and labels[0].concerns(version):
        return bool(labels[0].members) and not any(label.is_new(version) for label in labels)
    return event.source != CLIENT and event.detail.get("deployment_id") in before


def _deployments_before(rotation: RotationView) -> frozenset[str]:
    """Deployments that served the old value, and keep it for as long as they exist."""
    made = rotation.progress(rotation.direction).deployments.values()
    return frozenset({one.before_id for one in made if one.before_id} - {one.id for one in made})


def _other(rotation: RotationView) -> Direction:
    return Direction.BACK if rotation.direction is Direction.FORWARD else Direction.FORWARD
