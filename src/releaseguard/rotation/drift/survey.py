"""Examines every managed secret at every destination, for ``drift`` and the ``secret`` check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.histories import Foreign
from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.deployments.interface import Deployer
from releaseguard.destinations.address import Address, ReadAddress
from releaseguard.destinations.interface import SHADOWS_UNREAD, HeldValue, Item, ItemKind, Observed, SyncStatus
from releaseguard.errors import ConfigError, NotFound
from releaseguard.eventlog.interface import EventLog
from releaseguard.rotation.context import Binding
from releaseguard.rotation.drift.ages import DueSecret, due
from releaseguard.rotation.drift.compare import (
    DriftFinding,
    DriftStatus,
    LastPush,
    findings,
    holds,
    unmanaged,
    unmanaged_value,
)
from releaseguard.rotation.drift.copies import CopiesFound, UnsearchedPlace, search_for_copies
from releaseguard.rotation.drift.revocation import StillUsed, still_used
from releaseguard.rotation.drift.served import PRODUCTION, OlderServed, older_served
from releaseguard.rotation.exposure.by_value import copies_by_value
from releaseguard.rotation.groups import proving_others
from releaseguard.rotation.history.leaks import OpenLeak, open_leaks
from releaseguard.rotation.history.reading import chain_view
from releaseguard.rotation.history.views import ChainView
from releaseguard.rotation.identity.flaws import flaws_in
from releaseguard.rotation.identity.other_writers import OtherWriter
from releaseguard.vault.interface import SecretVersion, Vault

LOOK_BACK = 3
"""The number of earlier versions with which a value that is not the newest is compared."""


@dataclass(frozen=True, slots=True)
class Managed:
    """The managed secrets of one provider in one environment."""

    card: Card
    chain_key: ChainKey
    bindings: Sequence[Binding]
    configured: Sequence[Address]
    """Every destination that the configuration names for the provider, in any environment: what stands there is no
    copy."""
    read: ReadAddress
    max_ages: Mapping[str, timedelta] = field(default_factory=dict)
    """Secret -> the greatest age of its newest version, where one is configured."""
    sensitive: bool = False
    """Whether destinations must hide the secrets' values."""
    deployers: Mapping[str, Deployer] = field(default_factory=dict)
    """Place -> what tells which deployment it serves."""


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A secret whose newest version is not written, and with it none of its unit's."""

    name: str
    flaw: str | None = None
    """Why it cannot be a key; ``None``: it leaked."""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All findings. ``leaks`` are those whose revocation nobody has confirmed."""

    findings: Sequence[DriftFinding]
    leaks: Mapping[str, Sequence[OpenLeak]]
    """By provider."""
    still_used: Sequence[StillUsed] = ()
    """Old values that worked after their revocation was confirmed."""
    foreign: Sequence[Foreign] = ()
    """Rows that claim to be ours and are not believed; no finding relies on them."""
    broken: Sequence[ChainView] = ()
    """Chains that cannot be believed after some step: what was pushed since is unknown."""
    other_writers: Sequence[OtherWriter] = ()
    """Commands in the app's own workflows that write the same secrets."""
    due: Sequence[DueSecret] = ()
    """Secrets that have passed their maximum age."""
    unread: Sequence[UnsearchedPlace] = ()
    """Places where an unmanaged copy, or a secret that shadows ours, would not have been found."""
    unwritable: Mapping[tuple[str, str], Unwritable] = field(default_factory=dict)
    """Provider and secret -> why writing the newest versions of its unit once more is refused."""


def survey(managed: Iterable[Managed], vault: Vault, log: EventLog, *, copies: bool = True) -> DriftReport:
    """Compare every managed secret with the vault. ``copies``: also search for unmanaged copies elsewhere.

    Raises ``ServiceError`` or one of its subclasses where a service does not answer.
    """
    stored = frozenset(vault.names())
    found: list[DriftFinding] = []
    leaks: dict[str, Sequence[OpenLeak]] = {}
    still: list[StillUsed] = []
    unread: set[UnsearchedPlace] = set()
    views: list[ChainView] = []
    aged: list[DueSecret] = []
    unwritable: dict[tuple[str, str], Unwritable] = {}
    now = log.now()
    for one in managed:
        view = chain_view(log, one.chain_key)
        views.append(view)
        if found_open := open_leaks(view):
            leaks[one.card.id] = found_open
        aged += due(one.card.id, one.chain_key.environment, one.max_ages, vault, now)
        still += still_used(log, view, companions_of(one.card), others_events_of(one.card))
        newest, missing = _newest(one, vault, stored)
        found += missing
        unwritable |= _unwritable(one, newest, view)
        elsewhere = _held_elsewhere(one, vault, stored) if copies else ()
        for said in (*_one(one, vault, newest, view), *elsewhere):
            if isinstance(said, UnsearchedPlace):
                unread.add(said)
            else:
                found.append(said)
    return DriftReport(
        findings=found,
        leaks=leaks,
        still_used=still,
        foreign=[row for view in views for row in view.foreign],
        broken=[view for view in views if view.breach],
        due=aged,
        unread=sorted(unread),
        unwritable=unwritable,
    )


def _unwritable(
    managed: Managed, newest: Sequence[SecretVersion], view: ChainView
) -> Mapping[tuple[str, str], Unwritable]:
    """By provider and secret: what keeps the newest versions of its unit from being written once more."""
    found: dict[tuple[str, str], Unwritable] = {}
    for version in newest:
        unit = managed.card.unit_of(version.name)
        is_accepted = view.has_accepted(version.name, version.version, version.secret_id)
        flaws = [] if is_accepted else flaws_in(unit, {version.name: version.value})
        if version.version in view.leaked(version.name):
            found |= {(managed.card.id, member.name): Unwritable(version.name) for member in unit}
        elif flaws:
            found |= {(managed.card.id, member.name): Unwritable(version.name, flaws[0].what) for member in unit}
    return found


def _held_elsewhere(managed: Managed, vault: Vault, stored: frozenset[str]) -> Iterator[DriftFinding | UnsearchedPlace]:
    """Copies that no configuration names, by name and by value; and the places that could not be searched."""
    elsewhere = _copies(managed, stored)
    yield from (unmanaged(managed.card.id, copy.secret, copy.uri, copy.name) for copy in elsewhere.copies)
    yield from elsewhere.unread
    named = {(copy.uri, copy.name) for copy in elsewhere.copies}
    for held in _held_by_value(managed, vault, stored):
        if (held.uri, held.name) not in named:
            yield unmanaged_value(managed.card.id, held.secret, held.uri, held.name)


def _held_by_value(managed: Managed, vault: Vault, stored: frozenset[str]) -> Iterator[HeldValue]:
    """Copies of the newest values, at places that show values or digests, under names that the configuration does not
    use."""
    names = [one.name for one in secrets_of(managed.card, stored) if one.name in stored and not one.identifier]
    values = {name: vault.read(name).value for name in names}
    for held in copies_by_value(managed.bindings, vault, values).held:
        ours = {name for one in managed.bindings for name in one.names_of(held.secret)}
        if not (held.name in ours and any(managed.read(held.uri).overlaps(one) for one in managed.configured)):
            yield held


def secrets_of(card: Card, stored: frozenset[str]) -> Sequence[SecretSpec]:
    """The card's secrets that this project uses: those in the vault, and always the main unit."""
    main = {secret.name for secret in card.unit_of()} if card.secrets else set()
    return [secret for secret in card.secrets if secret.name in stored or secret.name in main]


def companions_of(card: Card) -> Mapping[str, Sequence[str]]:
    """By unit: the members whose version is pushed next to them, so that the app can report it."""
    return {unit: [one.name for one in members if one.has_companion] for unit, members in card.units().items()}


def others_events_of(card: Card) -> Mapping[str, Collection[str]]:
    """By unit: the success events that use only other secrets of the provider."""
    return {unit: proving_others(card, members) for unit, members in card.units().items()}


def _newest(
    managed: Managed, vault: Vault, stored: frozenset[str]
) -> tuple[Sequence[SecretVersion], Sequence[DriftFinding]]:
    """The newest versions, and the secrets of which the vault has none."""
    newest, missing = [], []
    for secret in secrets_of(managed.card, stored):
        try:
            newest.append(vault.read(secret.name))
        except NotFound as error:
            reason, place = f"is not in the vault ({error.what})", vault.place_of(secret.name)
            missing.append(DriftFinding(managed.card.id, secret.name, place, secret.name, DriftStatus.MISSING, reason))
    return newest, missing


def _one(
    managed: Managed, vault: Vault, newest: Sequence[SecretVersion], view: ChainView
) -> Iterator[DriftFinding | UnsearchedPlace]:
    older = _older(managed, newest, view)
    for binding in managed.bindings:
        yield from _at(managed, vault, binding, newest, view, older)


_Older = Mapping[tuple[str, str], OlderServed]
"""By secret and place."""


def _older(managed: Managed, newest: Sequence[SecretVersion], view: ChainView) -> _Older:
    """The places whose production serves a deployment from before the last rotation."""
    last = {unit: view.last_of(unit) for unit in {managed.card.unit_of(one.name)[0].unit for one in newest}}
    return {
        (pin.name, place.base): place
        for rotation in filter(None, last.values())
        for place in older_served(rotation, managed.deployers)
        for pin in rotation.pins
    }


def _at(
    managed: Managed,
    vault: Vault,
    binding: Binding,
    newest: Sequence[SecretVersion],
    view: ChainView,
    older: _Older,
) -> Iterator[DriftFinding | UnsearchedPlace]:
    written = [(version, _item(name, version)) for version in newest for name in binding.names_of(version.name)]
    items = [item for _, item in written]
    seen = binding.destination.observe(items) if items else {}
    for version, item in written:
        observed = seen.get(item.name, Observed(item.name, present=False))
        unit = [member.name for member in managed.card.unit_of(version.name)]
        pushed = pushed_to(view, binding.of(unit), version.name, item.name)
        if pushed is None and observed.sync is SyncStatus.NO:
            pushed = _recognised(vault, binding, version, observed)
        found = findings(managed.card.id, version, binding.destination.uri, pushed, observed)
        found = [_unless_left_out(one, binding.of(unit), unit, view) for one in found]
        found = [_unless_older_is_served(one, binding, older) for one in found]
        yield from (one for one in found if _matters(managed, one))
        if SHADOWS_UNREAD in observed.remarks:
            yield UnsearchedPlace(item.name, f"environments of {binding.destination.uri}")


def _unless_left_out(finding: DriftFinding, binding: Binding, unit: Sequence[str], view: ChainView) -> DriftFinding:
    """A place that the last rotation left out is behind, even where it does not show its value."""
    last = next((one for one in reversed(view.rotations) if {pin.name for pin in one.pins} & {*unit}), None)
    left = last.left_out.get(binding.key) if last and not last.rolling_back else None
    if last is None or left is None or finding.status not in (DriftStatus.UNKNOWN, DriftStatus.IN_STEP):
        return finding
    if finding.reason == holds(finding.newest):
        return finding
    reason = f"was left out of rotation {last.id} ({left.because})"
    return replace(finding, status=DriftStatus.BEHIND, reason=reason)


def _unless_older_is_served(finding: DriftFinding, binding: Binding, older: _Older) -> DriftFinding:
    """What runs at a place is behind even though its variables are in step."""
    address = binding.destination.address
    found = older.get((finding.secret, address.base))
    if (
        found is None
        or finding.status is not DriftStatus.IN_STEP
        or PRODUCTION not in (address.targets or [PRODUCTION])
    ):
        return finding
    return replace(finding, status=DriftStatus.BEHIND, reason=f"{finding.reason}, but {found.sentence()}")


def _recognised(vault: Vault, binding: Binding, newest: SecretVersion, observed: Observed) -> LastPush | None:
    """The earlier version that a destination holds to which we never pushed, where it shows that."""
    for number in range(newest.version - 1, max(newest.version - 1 - LOOK_BACK, 0), -1):
        try:
            earlier = vault.read(newest.name, number)
        except NotFound:
            return None
        there = binding.destination.observe([_item(observed.name, earlier)]).get(observed.name)
        if there and there.sync is SyncStatus.YES:
            return LastPush(number, newest.secret_id, observed.marker)
    return None


def _matters(managed: Managed, finding: DriftFinding) -> bool:
    if finding.status is DriftStatus.NOT_SENSITIVE:
        return managed.sensitive
    if finding.status is DriftStatus.SHADOWED:
        by = finding.reason.removeprefix("shadowed by ")
        ours = {binding.destination.address for binding in managed.bindings}
        with suppress(ConfigError):  # what shadows it may be no address
            return managed.read(by).place not in ours
    return True


def _item(name: str, version: SecretVersion) -> Item:
    return Item(name, version.value, ItemKind.SECRET, version.version)


def pushed_to(view: ChainView, binding: Binding, secret: str, name: str) -> LastPush | None:
    """Our last push of ``secret`` to ``binding`` under ``name``; ``None`` where the history holds none."""
    written = view.written.get(binding.key, {}).get(secret)
    if written is None:
        return None
    return LastPush(written.version, written.secret_id, view.markers.get(binding.key, {}).get(name))


def _copies(managed: Managed, stored: frozenset[str]) -> CopiesFound:
    names = [secret.name for secret in secrets_of(managed.card, stored)]
    return search_for_copies(
        managed.bindings, names, lambda uri: any(managed.read(uri).overlaps(address) for address in managed.configured)
    )
