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
    of_latencies: Needs
    """Of the day before: successes of which some check says how long they usually take."""


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

    def has_use(provider: str, event: str, outcome: Outcome) -> bool:
        return outcome is Outcome.SUCCESS and spelling.of(provider, event)[1] in timed

    known = cache(writer)
    return ReaderNeeds(Needs(writer=known), Needs(has_use=has_use, writer=known))
