"""Compares what destinations hold with what the vault has. Pure: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from releaseguard.destinations.interface import Observed, SyncStatus
from releaseguard.vault.interface import SecretVersion


class DriftStatus(StrEnum):
    IN_STEP = "in_step"
    BEHIND = "behind"
    """The destination holds an older version: a rotation did not reach it."""
    MISSING = "missing"
    CHANGED = "changed"
    """Somebody else has written it since our last push."""
    SHADOWED = "shadowed"
    """A narrower scope hides it from runs that should read it."""
    NOT_SENSITIVE = "not_sensitive"
    """The destination shows the value to whoever may read it, although it is a secret."""
    UNMANAGED = "unmanaged"
    """A copy under the same name at a place that the configuration does not name."""
    UNKNOWN = "unknown"
    """The destination hides values and we never pushed there, so that nobody can tell."""


DRIFTED = frozenset(DriftStatus) - {DriftStatus.IN_STEP, DriftStatus.UNKNOWN}
PUSHABLE = frozenset({DriftStatus.BEHIND, DriftStatus.MISSING, DriftStatus.CHANGED})
"""The states that pushing the newest version again repairs."""


@dataclass(frozen=True, slots=True)
class LastPush:
    """Our last push of one name to one destination, from the history of rotations."""

    version: int
    secret_id: str | None
    marker: str | None


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One name at one place. ``version`` is the version known to be there, ``newest`` the vault's."""

    provider: str
    secret: str
    uri: str
    name: str
    status: DriftStatus
    reason: str
    version: int | None = None
    newest: int | None = None


def compare(newest: SecretVersion, pushed: LastPush | None, observed: Observed) -> tuple[DriftStatus, str]:
    """The state of one name, from what is visible there, the newest version and our last push."""
    if not observed.present:
        return DriftStatus.MISSING, "is not there"
    if observed.sync is SyncStatus.YES:
        return DriftStatus.IN_STEP, holds(newest.version)
    if pushed and observed.marker != pushed.marker:
        return DriftStatus.CHANGED, f"was written by someone else after our push of version {pushed.version}"
    if pushed and _older(pushed, newest):
        return DriftStatus.BEHIND, f"holds version {pushed.version}, the vault has {newest.version}"
    if observed.sync is SyncStatus.NO:
        return DriftStatus.CHANGED, f"holds another value than version {newest.version}"
    if pushed:
        return DriftStatus.IN_STEP, f"unchanged since our push of version {pushed.version}"
    return _never_pushed(newest, observed)


def holds(version: int | None) -> str:
    """The words for a place that shows the newest value."""
    return f"holds version {version}"


def _older(pushed: LastPush, newest: SecretVersion) -> bool:
    recreated = pushed.secret_id is not None and pushed.secret_id != newest.secret_id
    return recreated or pushed.version < newest.version


def _never_pushed(newest: SecretVersion, observed: Observed) -> tuple[DriftStatus, str]:
    # A value last written before the version existed cannot be that version, whoever wrote it.
    if observed.changed_at and newest.updated_at and observed.changed_at < newest.updated_at.replace(microsecond=0):
        return DriftStatus.BEHIND, f"was last written before version {newest.version} was made"
    return DriftStatus.UNKNOWN, "does not show its value, and releaseguard has never pushed it"


def remarks(observed: Observed) -> Iterable[tuple[DriftStatus, str]]:
    """What the destination itself reported apart from the value."""
    for remark in observed.remarks:
        if remark.startswith("shadowed"):
            yield DriftStatus.SHADOWED, remark
        elif remark.startswith("not sensitive"):
            yield DriftStatus.NOT_SENSITIVE, remark


def findings(
    provider: str, newest: SecretVersion, uri: str, pushed: LastPush | None, observed: Observed
) -> Sequence[DriftFinding]:
    """All findings about one secret at one destination: its state, then remarks."""
    said = [compare(newest, pushed, observed), *remarks(observed)]
    version = pushed.version if pushed and observed.marker == pushed.marker else None
    return [
        DriftFinding(provider, newest.name, uri, observed.name, status, reason, version, newest.version)
        for status, reason in said
    ]


def unmanaged_value(provider: str, secret: str, uri: str, name: str) -> DriftFinding:
    """A copy of the newest value under a name that the configuration does not use there."""
    reason = f"holds the value of {secret} and no configuration names it: a rotation will not reach it"
    return DriftFinding(provider, secret, uri, name, DriftStatus.UNMANAGED, reason)


def unmanaged(provider: str, secret: str, uri: str, name: str) -> DriftFinding:
    """A copy under the secret's name at a place that the configuration does not name."""
    reason = "holds a secret of this name and no configuration names it: a rotation will not reach it"
    return DriftFinding(provider, secret, uri, name, DriftStatus.UNMANAGED, reason)
