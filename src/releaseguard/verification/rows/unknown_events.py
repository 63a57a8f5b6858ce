"""Events that no card names: a misspelt name, or a use that no check judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from releaseguard.cards.spec import Card
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.verification.rules import rules_of
from releaseguard.verification.values import Deployment, UnknownEvent, judged_from

MOST_UNKNOWN = 5
LONGEST_NAME = 80


def unknown_events(
    cards: Sequence[Card],
    rows: Iterable[MinuteCount],
    deployment: Deployment,
    is_elsewhere: Callable[[str | None], bool],
) -> Sequence[UnknownEvent]:
    """The most frequent events of the traffic since the deployment that no card names, each cut."""
    known = {(card.id, event) for card in cards for event in (*card.events.success, *card.events.error)}
    known |= {(rule.provider, event) for rule in rules_of(cards) for event in rule.success | rule.error}
    since = judged_from(deployment) - timedelta(minutes=1)
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        counts = row.occurred_minute > since and not row.synthetic and not is_elsewhere(row.source)
        if counts and (row.provider, row.event) not in known:
            found[row.provider[:LONGEST_NAME], row.event[:LONGEST_NAME], row.outcome.value] += row.count
    first = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_UNKNOWN]
    with_card = {card.id for card in cards}
    return [UnknownEvent(*named, count, named[0] in with_card) for named, count in first]
