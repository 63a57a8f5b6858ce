"""Providers that no card names, as far as they are kept apart. Pure.

Whoever may write a row chooses its names, and each name needs a history of its own. Of a great many, the biggest are
kept apart and the rest count as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from typing import Final

MOST: Final = 100
OTHERS: Final = "(others)"
"""The name for all further ones; no card can have it."""


def told_apart(counted: Iterable[tuple[str, int]], known: Container[str]) -> Callable[[str], str] | None:
    """A function from a name to itself or to :data:`OTHERS`, by the rows counted for each name; ``None`` where all are
    kept apart."""
    strangers = Counter[str]()
    for name, rows in counted:
        if name not in known:
            strangers[name] += rows
    if len(strangers) <= MOST:
        return None
    first = sorted(strangers.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
    rest = strangers.keys() - {name for name, _ in first}
    return lambda name: OTHERS if name in rest else name


def first_told_apart(known: Container[str]) -> Callable[[str], str]:
    """The same for names that arrive one after the other, where the biggest are not known yet: the first ones are kept
    apart."""
    apart: set[str] = set()

    def named(name: str) -> str:
        if name in known or name in apart:
            return name
        if len(apart) >= MOST:
            return OTHERS
        apart.add(name)
        return name

    return named
