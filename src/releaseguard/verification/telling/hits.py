"""Whom a failing release affects: with which error codes, and where most. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from releaseguard.keeping import clean_identifier
from releaseguard.model import Event
from releaseguard.stats.bounds import likelihood_ratio, lower_share
from releaseguard.verification.evidence import ErrorHit, WorstHit

MOST_CODES: Final = 4
MOST_VALUES: Final = 200
"""The number of a field's values above which it distinguishes single people or uses, and not groups."""
LEAST_ERRORS: Final = 3
SURE: Final = 0.99
LONGEST: Final = 40
"""The most characters of a row's value that are shown."""
GROUPS: Final = (
    "country",
    "region",
    "tenant",
    "tenant_id",
    "locale",
    "platform",
    "app_version",
    "function",
    "template",
)
"""Keys of ``detail`` that divide users into groups; the column ``source`` comes first."""

IsBad = Callable[[Event], bool | None]
"""Whether a check counts a row as an error; ``None`` where it does not count the row."""


def hit_of(rows: Sequence[Event], is_bad: IsBad) -> ErrorHit | None:
    """The error codes, and the group affected most, among the rows that a check counts; ``None`` without an error."""
    judged = [(row, bad) for row in rows if (bad := is_bad(row)) is not None]
    codes = Counter(_cut(row.error_code or "no code") for row, bad in judged if bad)
    if not codes:
        return None
    first = sorted(codes.items(), key=lambda one: (-one[1], one[0]))[:MOST_CODES]
    return ErrorHit(dict(first), _worst(judged))


def _worst(judged: Sequence[tuple[Event, bool]]) -> WorstHit | None:
    """The group that certainly fails more often than all others together, the clearest one; ``None`` without one."""
    errors = sum(bad for _, bad in judged)
    found = [one for field in ("source", *GROUPS) for one in _groups(field, judged, len(judged), errors)]
    return max(found, key=_clearness, default=None)


def _groups(field: str, judged: Sequence[tuple[Event, bool]], events: int, errors: int) -> Iterator[WorstHit]:
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row, bad in judged:
        value = row.source if field == "source" else row.detail.get(field)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            held = counts[str(value)]
            held[0] += 1
            held[1] += bad
    if not 1 < len(counts) <= MOST_VALUES:
        return
    for value, (seen, failed) in counts.items():
        one = WorstHit(field, _cut(value), seen, failed, events - seen, errors - failed)
        if failed >= LEAST_ERRORS and one.elsewhere_events and _stands_out(one):
            yield one


def _stands_out(one: WorstHit) -> bool:
    return lower_share(one.errors, one.events, SURE) > one.elsewhere_errors / one.elsewhere_events


def _clearness(one: WorstHit) -> float:
    """The logarithm of the likelihood of its errors at its own share over that at the others' share."""
    elsewhere = max(one.elsewhere_errors, 0.5) / one.elsewhere_events
    return likelihood_ratio(one.errors, one.events, min(elsewhere, 1.0), one.errors / one.events)


def _cut(value: str) -> str:
    return clean_identifier(value)[:LONGEST]


def hit_words(hit: ErrorHit) -> str:
    """The end of a sentence about a failure."""
    codes = ", ".join(f"{code} ({count})" for code, count in hit.error_codes.items())
    worst = hit.worst
    if worst is None:
        return f"; error codes: {codes}"
    elsewhere = f"elsewhere {worst.elsewhere_errors} of {worst.elsewhere_events}"
    most = f"{worst.field} {worst.value} ({worst.errors} of {worst.events}; {elsewhere})"
    return f"; error codes: {codes}; hit most: {most}"


def meanwhile_words(events: int, errors: int) -> str:
    """What other releases did since this one is live."""
    if not events:
        return "; no other release served meanwhile"
    return f"; meanwhile other releases had {errors} errors in {events} events"
