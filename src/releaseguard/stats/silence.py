"""Four silences: the provider is broken, the users are away, the log is down, the release serves nobody."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from releaseguard.stats.completeness import ENOUGH


class SilenceCause(StrEnum):
    """Why a provider is silent; the value of ``evidence.silence_cause``."""

    PROVIDER = "provider"
    """Its events stopped while others prove that users are there and the log lives: it is broken."""
    IDLE = "idle"
    """Too little was expected, or everyone's traffic fell together: users are away."""
    LOG = "log"
    """Nothing of any provider arrives: the log pipeline is down or late."""
    RELEASE_NOT_LIVE = "release_not_live"
    """Events arrive, and all of them from other releases: the new one serves nobody."""


class Quiet(Struct, frozen=True):
    """What surrounds a provider's silence, as of one look."""

    expected: float
    """Events of the provider that should have arrived since its newest one of the new release."""
    log_down: bool
    fresh: int
    tagged: int
    old: int
    """Events of the provider since the deployment: of the new release, of those with its tag, of other releases."""
    all_fresh: int
    all_tagged: int
    all_old: int
    """The same over all providers."""
    others_seen: int
    others_expected: float
    """Events of the other providers during the silence."""


def silence_cause(quiet: Quiet) -> SilenceCause | None:
    """Why a provider is silent, or ``None`` where it is not.

    The log comes first, since a dead log says nothing about anything else; then the release; then the users:
    where the others fell too, the provider's expected events shrink with them. What remains is the provider.
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
"""Events expected at the others' level, below which nothing is what idle users look like."""


STILL_SERVING = 0.5
"""The share of a provider's expected events from other releases at which they, and not the new one, serve it."""


def _not_live(quiet: Quiet) -> bool:
    """Other releases serve the traffic: all of it, or this provider's as far as it was expected.

    Where more rows carry no release than carry another, nobody can say which one wrote them.
    """
    if quiet.all_tagged == 0:
        return quiet.all_old > quiet.all_fresh
    return quiet.old > 0 and quiet.old >= STILL_SERVING * quiet.expected


def _share_of_the_release(quiet: Quiet) -> float:
    """The part of all traffic that the new release serves: phones and a slow roll-out leave it less than all."""
    fresh = quiet.all_fresh
    return (fresh + 1.0) / (fresh + quiet.all_old + 1.0)


def _users_left(quiet: Quiet) -> float:
    """The share of the usual traffic that the other providers still see, at most 1."""
    return min((quiet.others_seen + 1.0) / (quiet.others_expected + 1.0), 1.0)
