"""Providers that no card names, as far as they are told apart. Pure.

Whoever may write a row chooses its names, and each name costs a history of its own: of a great many the biggest are
told apart, and the rest is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from typing import Final

MOST: Final = 100
OTHERS: Final = "(others)"
"""What all further ones are called; no card can have such a name."""


def told_apart(counted: Iterable[tuple[str, int]], known: Container[str]) -> Callable[[str], str] | None:
    """From a name to itself or to :data:`OTHERS`, by how many rows each has; ``None`` where each is told apart."""
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
    """The same of names that come one after the other, where nobody can know yet which are the biggest: the first."""
    apart: set[str] = set()

    def named(name: str) -> str:
        if name in known or name in apart:
            return name
        if len(apart) >= MOST:
            return OTHERS
        apart.add(name)
        return name

    return named
