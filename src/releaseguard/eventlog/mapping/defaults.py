"""Names for events that no rule of the project names: the first events on their provider's card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from releaseguard_events.mapping.rules import NameRule

FirstEvents = tuple[str, str, str]
"""A provider, with the first success and error event of its card."""


def from_cards(firsts: Iterable[FirstEvents]) -> Iterator[NameRule]:
    """Two rules for each card, to follow all rules of the project."""
    for provider, success, error in firsts:
        for outcome, event in (("success", success), ("error", error)):
            yield NameRule(event, provider, outcome, said=f"the card's first event: {event}")
