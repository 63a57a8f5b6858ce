"""Counted rows as they are judged, whatever their writer's clock and spelling, so that neither loses rows. Pure.

A row that was ahead of the log when it came has a clock that is ahead, or a local time read as UTC: it counts at its
recording. So does a row that names a release and claims a time long before that was live. A provider or event in
another letter case is the card's. A tag that names no release counts as no tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec import structs

from releaseguard.cards.spec import Card
from releaseguard.cards.spelling import bare
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount
from releaseguard.stats.completeness import is_ahead, median_lead
from releaseguard.verification.rules import rules_of
from releaseguard.verification.values import Misread, judged_from
from releaseguard.verification.whose.behind import is_behind
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.tags import names_none, release_in

ANY_ZONE: Final = timedelta(hours=14)
"""The most by which local time may be ahead of UTC."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """The names on the cards, by their form without letter case and separators."""

    providers: Mapping[str, str]
    events: Mapping[tuple[str, str], str]

    def of(self, provider: str, event: str) -> tuple[str, str]:
        """A row's provider and event as the cards write them; unchanged where no card has such a name."""
        named = self.providers.get(bare(provider), provider)
        return named, self.events.get((named, bare(event)), event)


def spelling_of(cards: Iterable[Card]) -> Spelling:
    """The spelling by the cards' ids and names, and by every event that a card or one of its checks names."""
    cards = list(cards)
    named = {(card.id, event) for card in cards for event in (*card.events.success, *card.events.error)}
    named |= {(rule.provider, event) for rule in rules_of(cards) for event in rule.success | rule.error}
    providers = {bare(card.name): card.id for card in cards} | {bare(card.id): card.id for card in cards}
    return Spelling(providers, {(provider, bare(event)): event for provider, event in sorted(named)})


def as_read(rows: Iterable[MinuteCount], spelling: Spelling) -> Iterator[MinuteCount]:
    """The rows as they count."""
    known: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows:
        written = row.provider, row.event
        meant = known.get(written)
        if meant is None:
            meant = known[written] = spelling.of(*written)
        if meant != written:
            row = structs.replace(row, provider=meant[0], event=meant[1])  # noqa: PLW2901 - the same row, as it is meant
        if row.release is not None and names_none(row.release):
            row = structs.replace(row, release=None)  # noqa: PLW2901 - as it is meant
        if row.recorded_minute and is_ahead(row):
            row = structs.replace(row, occurred_minute=row.recorded_minute)  # noqa: PLW2901 - likewise
        yield row


def hours_as_read(hours: Iterable[HourCount], spelling: Spelling) -> Iterator[HourCount]:
    """Whole hours as they count; none of them is from a clock far ahead."""
    for hour in hours:
        provider, event = spelling.of(hour.provider, hour.event)
        release = release_in(hour.release)
        same = (provider, event, release) == (hour.provider, hour.event, hour.release)
        yield hour if same else structs.replace(hour, provider=provider, event=event, release=release)


def misread(rows: Sequence[MinuteCount], spelling: Spelling, members: Members, *, lived_before: bool) -> Misread:
    """Which rows that the log learned of since the release was live are read differently from how they are written.
    ``lived_before`` says that old rows of the release may be from an earlier life."""
    live = judged_from(members.deployment)
    minute = live.replace(second=0)
    lately = [row for row in rows if (row.recorded_minute or row.occurred_minute) >= minute]
    written = {(row.provider, row.event) for row in lately}
    spelled = {name: meant for one in sorted(written) for name, meant in zip(one, spelling.of(*one), strict=True)}
    behind = [row for row in lately if members.of_tag(row.release) is Owner.OURS and is_behind(row, live)]
    return Misread(
        {name: meant for name, meant in spelled.items() if name != meant},
        ahead=median_lead(row for row in lately if is_ahead(row)),
        behind=timedelta(0) if lived_before else -median_lead(behind),
        nameless=_nameless(lately),
    )


def _nameless(rows: Iterable[MinuteCount]) -> Mapping[str, int]:
    """Tag that names no release -> how many rows of users carry it."""
    found = Counter[str]()
    for row in rows:
        if row.release is not None and names_none(row.release) and not row.synthetic:
            found[row.release] += max(row.count, 0)
    return found
