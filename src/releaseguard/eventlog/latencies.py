"""How long uses took, as histograms that add up: bounds that never change, so that counts of any time are one. Pure.

A histogram is a flat list: a bound in milliseconds, how many took up to it and more than the bound before, the next
bound. A limit that is one of the bounds parts the uses exactly. Those of several uses may stand one after the other in
one list, which counts the same; :func:`merged` puts its bounds in order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, compress
from typing import Final

FINE: Final = 100
"""Milliseconds up to which each is a bound of its own: two hundredths of less are none."""
LARGEST: Final = 2**31 - 1
"""What the column holds."""
Histogram = Sequence[int]


def _bounds() -> Iterator[int]:
    yield from range(FINE)
    bound = FINE
    while bound < LARGEST:
        yield bound
        bound = bound * 102 // 100
    yield LARGEST


BOUNDS: Final = tuple(_bounds())
"""Two hundredths apart, in whole milliseconds."""


@lru_cache(maxsize=16_384)
def bound_of(latency_ms: int) -> int:
    """The bound up to which a use that took so long is counted."""
    return BOUNDS[min(bisect_left(BOUNDS, latency_ms), len(BOUNDS) - 1)]


def histogram_of(latencies: Iterable[int]) -> Histogram:
    """Uses counted by their bounds."""
    return flat(Counter(map(bound_of, latencies)))


def flat(counts: Counter[int]) -> Histogram:
    """The same as a list, in order, without what counts nothing."""
    return held(figure for bound in sorted(counts) if counts[bound] for figure in (bound, counts[bound]))


def held(figures: Iterable[int]) -> Histogram:
    """A list of figures as it is held: four bytes each, of which a day's minutes have millions."""
    return array("i", figures)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All of them as one."""
    figures = list(chain.from_iterable(histograms))
    bounds, numbers = figures[::2], figures[1::2]
    counts = Counter(bounds)
    for bound, many in compress(zip(bounds, numbers, strict=True), map((1).__ne__, numbers)):
        counts[bound] += many - 1
    return flat(counts)


def uses_in(histogram: Histogram) -> int:
    """How many uses are counted."""
    return sum(histogram[1::2])


def slower_than(histogram: Histogram, limit_ms: int) -> int:
    """How many of them took longer than a limit that is a bound."""
    return sum(compress(histogram[1::2], map(limit_ms.__lt__, histogram[::2])))


def bound_at(histogram: Histogram, rank: int) -> int:
    """The bound of the use of that rank, the quickest being 0, in a list that is in order. There is such a use."""
    return histogram[2 * bisect_left(list(accumulate(histogram[1::2])), rank + 1)]


def typical(bound: int) -> int:
    """The middle of what is counted up to a bound."""
    before = BOUNDS[max(bisect_left(BOUNDS, bound) - 1, 0)]
    return bound if bound <= FINE else (before + 1 + bound) // 2
