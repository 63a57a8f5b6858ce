"""The work of scrubbing grows with the text and no faster: each pattern's is bounded from each place in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from releaseguard_events import scrub
from releaseguard_events.scrub.rules import Pattern
from releaseguard_events.scrub.text import NUMBERS, SECRETS

_parser: Any = re._parser  # type: ignore[attr-defined]  # the tree of a pattern has no public door

MOST_STEPS = 50_000
"""From one place, in the worst of texts. Texts are cut at a few thousand characters."""


MODULES = [found.name for found in iter_modules(scrub.__path__) if found.name != "keys"]
"""Keys are cut before they are read."""


def patterns() -> Iterable[tuple[str, re.Pattern[str]]]:
    for module in (import_module(f"{scrub.__name__}.{name}") for name in MODULES):
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{module.__name__}.{name}", value
            if isinstance(value, Pattern):
                yield f"{module.__name__}.{name}", value.compiled()
    for table in (SECRETS, NUMBERS):
        for rule in table:
            if isinstance(rule.find, Pattern):
                yield rule.find.source, rule.find.compiled()


class Unbounded(AssertionError):
    pass


def steps(tree: Sequence[Any]) -> tuple[int, int]:
    """The most steps that a sequence takes from one place, and in how many ways it can match: what follows a part is
    tried once for each way in which that part matched."""
    total, ways = 0, 1
    for operation, argument in tree:
        cost, branches = _steps(str(operation), argument)
        total, ways = total + ways * cost, ways * branches
    return total, ways


def _steps(operation: str, argument: Any) -> tuple[int, int]:
    match operation:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, inner = argument
            if high == _parser.MAXREPEAT:
                raise Unbounded(operation)
            cost, branches = steps(inner)
            if operation == "POSSESSIVE_REPEAT":
                return int(high) * cost, 1
            tried = sum(branches**times for times in range(int(high) + 1))
            return tried * cost, tried if low == 0 else tried - 1
        case "BRANCH":
            each = [steps(branch) for branch in argument[1]]
            return sum(cost for cost, _ in each), sum(ways for _, ways in each)
        case "SUBPATTERN":
            return steps(argument[3])
        case "ATOMIC_GROUP":
            return steps(argument)[0], 1
        case "ASSERT" | "ASSERT_NOT":
            return steps(argument[1])[0], 1
    return 1, 1


@pytest.mark.parametrize(("name", "pattern"), [pytest.param(*pair, id=pair[0][:60]) for pair in patterns()])
def test_each_pattern_does_a_bounded_number_of_steps_from_each_place(name: str, pattern: re.Pattern[str]) -> None:
    cost, _ = steps(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    assert cost <= MOST_STEPS, name
