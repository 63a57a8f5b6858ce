"""Successes that carry the code of a failure, as apps write them that do not check an answer. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from releaseguard.cards.refused import is_refusal
from releaseguard.cards.spec import Card
from releaseguard.model import Event, Outcome

LEAST: Final = 3
"""The number of such rows below which nothing is reported."""
_OF_A_SERVER: Final = re.compile(r"(?i)(?:http|status|code|error)?[\s_:#-]*5\d\d(?:\D.*)?", re.DOTALL)
_WORDS: Final = ("401", "403", "auth", "forbid", "denied", "credential", "key", "token")
_SERVERS: Final = tuple(f"5{digit}" for digit in range(10))


class Contradiction(Struct, frozen=True, kw_only=True):
    """Rows of one provider that say success and carry the code of a failure."""

    provider: str
    rows: int
    of: int
    """The number of all rows of the provider that the release wrote."""
    codes: Sequence[str]
    """The most frequent codes."""
    denied: int
    """The number of these rows whose code a good credential may receive, too."""

    @property
    def words(self) -> str:
        """What was seen and what to do, as a sentence."""
        return (
            f"{self.rows} of {self.of} events of {self.provider} say success beside the code of a failure "
            f"({', '.join(self.codes)}): have the app write them as errors"
        )


def hints_of(cards: Iterable[Card]) -> Sequence[str]:
    """Texts of which every code that :func:`contradictions_in` counts as a failure contains at least one, in any letter
    case."""
    return sorted({*_WORDS, *_SERVERS, *(code for card in cards for code in card.events.auth_error_codes)})


def contradictions_in(
    rows: Iterable[Event], cards: Iterable[Card], seen: Mapping[str, int]
) -> Mapping[str, Contradiction]:
    """Provider -> its ``rows`` that contradict themselves; ``seen`` says how many rows it has in all. Providers with
    fewer than :data:`LEAST` are left out."""
    refusals = {card.id: card.events for card in cards}
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    denied: Counter[str] = Counter()
    for row in rows:
        events, code = refusals.get(row.provider), row.error_code
        if events is None or code is None or row.outcome is not Outcome.SUCCESS:
            continue
        is_refused = is_refusal(code, events.auth_error_codes)
        if is_refused or _OF_A_SERVER.fullmatch(code.strip()):
            found[row.provider][code] += 1
            certain = set(events.auth_error_codes) - set(events.denied_codes)
            denied[row.provider] += is_refused and not is_refusal(code, certain)
    return {
        provider: Contradiction(
            provider=provider,
            rows=codes.total(),
            of=max(seen.get(provider, 0), codes.total()),
            codes=[code[:20] for code, _ in codes.most_common(3)],
            denied=denied[provider],
        )
        for provider, codes in found.items()
        if codes.total() >= LEAST
    }
