"""How much of the suite a run is: what tells most within minutes, or, with ``--full``, all of it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, settings

SHARE = 10
"""A plain run tries one in so many of the examples and of the simulated courses."""


@dataclass
class _Extent:
    whole: bool = False


_extent = _Extent()


def choose(*, whole: bool) -> None:
    """Decide before anything is collected: decorators ask when their module is imported."""
    _extent.whole = whole
    untimed = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("of this run", max_examples=examples(100), **untimed)
    settings.load_profile("of this run")


def is_whole() -> bool:
    return _extent.whole


def examples(number: int, least: int = 5) -> int:
    """How many examples of ``number`` this run tries, at ``least`` so many."""
    return number if _extent.whole else max(number // SHARE, least)
