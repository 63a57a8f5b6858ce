"""What of the time before a deployment has to be told apart by whoever judges it. Pure."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from releaseguard.cards.spec import LatencyCheck
from releaseguard.eventlog.interface import Needs
from releaseguard.model import CLIENT, Outcome, by_phones
from releaseguard.verification.context import VerifyContext
from releaseguard.verification.whose.as_read import spelling_of


class ReaderNeeds(NamedTuple):
    """Of the counts before a release was live."""

    past: Needs
    """Of its whole baseline: phones from others, and another component's sources from the one's that is judged."""
    near: Needs
    """The same of the hours around it; of successes of which some check says how long they usually take, that too."""
    of_latencies: Needs
    """Of the day before: those successes alone, whenever the log learned of them."""


def needs_of(context: VerifyContext, component: str | None) -> ReaderNeeds:
    """For deployments of one component."""
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

    known = cache(writer)
    return ReaderNeeds(
        Needs(writer=known),
        Needs(writer=known, is_timed=is_timed),
        Needs(has_use=is_timed, writer=known, is_recording_told=False),
    )
