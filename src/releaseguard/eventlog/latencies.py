"""Latencies as histograms that can be added: the bounds never change. Pure.

A histogram is a flat list of pairs: a bound in milliseconds, and the number of uses that took up to it and more than
the bound before. A limit that is one of the bounds divides the uses exactly. Several histograms may follow each other
in one list, with the same meaning; :func:`merged` sorts the bounds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, compress
from typing import Final

FINE: Final = 100
"""The milliseconds up to which each is a bound of its own, since two hundredths of fewer are less than one."""
LARGEST: Final = 2**31 - 1
"""The largest value of the column."""
Histogram = Sequence[int]


def _bounds() -> Iterator[int]:
    yield from range(FINE)
    bound = FINE
    while bound < LARGEST:
        yield bound
        bound = bound * 102 // 100
    yield LARGEST


BOUNDS: Final = tuple(_bounds())
"""The bounds: two hundredths apart, in whole milliseconds."""


@lru_cache(maxsize=16_384)
def bound_of(latency_ms: int) -> int:
    """The bound under which a use of that latency is counted."""
    return BOUNDS[min(bisect_left(BOUNDS, latency_ms), len(BOUNDS) - 1)]


def histogram_of(latencies: Iterable[int]) -> Histogram:
    """The latencies, counted by their bounds."""
    return flat(Counter(map(bound_of, latencies)))


def flat(counts: Mapping[int, int]) -> Histogram:
    """The same as a sorted list, without zero counts."""
    return held(figure for bound in sorted(counts) if counts[bound] for figure in (bound, counts[bound]))


def held(figures: Iterable[int]) -> Histogram:
    """A list of figures in a compact form: four bytes each, of which a day's minutes have millions."""
    return array("i", figures)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All histograms as one."""
    figures = list(chain.from_iterable(histograms))
    counts = dict[int, int]()
    for bound, many in zip(figures[::2], figures[1::2], strict=True):
        counts[bound] = counts.get(bound, 0) + many
    return flat(counts)


def uses_in(histogram: Histogram) -> int:
    """The number of uses counted."""
    return sum(histogram[1::2])


def slower_than(histogram: Histogram, limit_ms: int) -> int:
    """The number of uses that took longer than ``limit_ms``, which must be a bound."""
    return sum(compress(histogram[1::2], map(limit_ms.__lt__, histogram[::2])))


def bound_at(histogram: Histogram, rank: int) -> int:
    """The bound of the use with that rank (0 for the fastest) in a sorted histogram, which must have that many uses."""
    return histogram[2 * bisect_left(list(accumulate(histogram[1::2])), rank + 1)]


def typical(bound: int) -> int:
    """The middle of the range counted up to a bound."""
    before = BOUNDS[max(bisect_left(BOUNDS, bound) - 1, 0)]
    return bound if bound <= FINE else (before + 1 + bound) // 2
