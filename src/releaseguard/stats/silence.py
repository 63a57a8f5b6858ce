"""Four silences: the provider is broken, the users are away, the log is down, the release serves nobody."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from releaseguard.stats.completeness import ENOUGH


class SilenceCause(StrEnum):
    """Why a provider is silent; the value of ``evidence.silence_cause``."""

    PROVIDER = "provider"
    """Its events stopped while others show that users are there and the log works: the provider is broken."""
    IDLE = "idle"
    """Too few events were expected, or all providers' traffic fell together: users are away."""
    LOG = "log"
    """No rows of any provider arrive: the log pipeline is down or late."""
    RELEASE_NOT_LIVE = "release_not_live"
    """All arriving events are from other releases: the new one serves nobody."""


class Quiet(Struct, frozen=True):
    """The circumstances of a provider's silence at one look."""

    expected: float
    """The provider's events that should have arrived since its newest one of the new release."""
    log_down: bool
    fresh: int
    tagged: int
    old: int
    """The provider's events since the deployment: of the new release, of those with its tag, of other releases."""
    all_fresh: int
    all_tagged: int
    all_old: int
    """The same over all providers."""
    others_seen: int
    others_expected: float
    """The other providers' events during the silence, seen and expected."""


def silence_cause(quiet: Quiet) -> SilenceCause | None:
    """Why a provider is silent; ``None`` where it is not.

    The log is examined first, since a dead log says nothing about anything else; then the release; then the users:
    where the others fell too, the provider's expected events shrink with them. The provider remains.
    """
    if quiet.log_down:
        return SilenceCause.LOG
    if quiet.tagged == 0 and _not_live(quiet):
        return SilenceCause.RELEASE_NOT_LIVE
    expected = quiet.expected * _share_of_the_release(quiet)
    if quiet.fresh and expected < ENOUGH:
        return None
    if expected * _users_left(quiet) < IDLE_BELOW:
        return SilenceCause.IDLE
    return SilenceCause.PROVIDER


IDLE_BELOW = 4.0
"""The number of events expected at the others' level below which their absence is normal for idle users."""


STILL_SERVING = 0.5
"""The fraction of a provider's expected events from other releases from which those serve it, and not the new one."""


def _not_live(quiet: Quiet) -> bool:
    """Whether other releases serve the traffic: all of it, or as much of this provider's as was expected.

    Where more rows carry no release than carry another one, nobody can say which release wrote them.
    """
    if quiet.all_tagged == 0:
        return quiet.all_old > quiet.all_fresh
    return quiet.old > 0 and quiet.old >= STILL_SERVING * quiet.expected


def _share_of_the_release(quiet: Quiet) -> float:
    """The fraction of all traffic that the new release serves; phones and a slow roll-out leave it less than all."""
    fresh = quiet.all_fresh
    return (fresh + 1.0) / (fresh + quiet.all_old + 1.0)


def _users_left(quiet: Quiet) -> float:
    """The fraction of the usual traffic that the other providers still see, at most 1."""
    return min((quiet.others_seen + 1.0) / (quiet.others_expected + 1.0), 1.0)
