"""What the judge needs counts before a deployment to keep apart. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from releaseguard.cards.spec import LatencyCheck
from releaseguard.eventlog.interface import HourSettling, Needs
from releaseguard.model import CLIENT, Outcome, by_phones
from releaseguard.verification.context import VerifyContext
from releaseguard.verification.judge.arrivals import SKEW
from releaseguard.verification.whose.as_read import Spelling, spelling_of
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.tags import release_in


class ReaderNeeds(NamedTuple):
    """What the counts from before a release was live must keep apart."""

    past: Needs
    """For the whole baseline: phones from others, and the sources of other components."""
    near: Needs
    """For the hours around the deployment: the same, and latencies of the successes for which a check compares them."""
    of_latencies: Needs
    """For the day before: those successes only, whenever the log learned of them."""


class Settles(NamedTuple):
    """Which of the same counts may come by the hour."""

    before: HourSettling | None = None
    """For the hours in which no release marked now can have served."""
    near: HourSettling | None = None
    """For the hours around the mark."""
    day_before: HourSettling | None = None


HELD_BY_THE_MINUTE: Final = Settles()
"""Nothing comes by the hour, since changed minutes are read again."""
ON_ITS_WAY: Final = timedelta(minutes=SKEW)
"""How late rows may be to say how late the window's rows are."""
EVER: Final = datetime.max.replace(tzinfo=UTC)


def settles_of(spelling: Spelling, members: Members, begun: datetime, lead: timedelta) -> Settles:
    """Counts recorded before the release can have been live, that is at most ``lead`` before the minute ``begun`` of
    its mark; none of its own rows and none with an unusual spelling."""

    def is_spelled(provider: str, event: str, _: str | None = None) -> bool:
        return spelling.of(provider, event) == (provider, event)

    def is_own(release: str | None) -> bool:
        return members.of_tag(release) is Owner.OURS

    def is_plain(provider: str, event: str, release: str | None) -> bool:
        return release_in(release) == release and not is_own(release) and is_spelled(provider, event)

    first = begun - lead
    return Settles(
        HourSettling(first - ON_ITS_WAY, is_plain),
        HourSettling(begun - ON_ITS_WAY, is_plain, is_own, first, ON_ITS_WAY),
        HourSettling(EVER, is_spelled),
    )


def needs_of(context: VerifyContext, component: str | None) -> ReaderNeeds:
    """What deployments of one component need."""
    components, spelling = context.population.components, spelling_of(context.cards)
    timed = {
        name for card in context.cards for one in card.checks if isinstance(one, LatencyCheck) for name in one.events
    }

    def writer(source: str | None) -> str | None:
        if by_phones(source):
            return CLIENT
        return source if components.is_elsewhere(source, component) else None

    def is_timed(provider: str, event: str, outcome: Outcome) -> bool:
        return outcome is Outcome.SUCCESS and spelling.of(provider, event)[1] in timed

    each = Needs(writer=cache(writer), servers_are_one=component is None or not components.names)
    return ReaderNeeds(
        each,
        each._replace(is_timed=is_timed),
        each._replace(has_use=is_timed, is_recording_told=False),
    )
