"""A rule that examines a text, and tables of many rules, each applied only where one of its hints occurs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

Finder = Callable[[str], Iterable[tuple[int, int, str]]]
"""The places of a folded text to mask, each with its kind."""

KINDS: Final = ("secret", "email", "iban", "card", "identity", "phone", "person", "location", "ip")
MARK: Final = re.compile(rf"\[({'|'.join(KINDS)})\]")


@dataclass(frozen=True, slots=True)
class TextRule:
    """A rule that examines a text. It finds nothing without one of its ``hints`` in the text, in lower case."""

    hints: Sequence[str]
    find: Finder


class Table:
    """Rules in the order in which they are applied."""

    def __init__(self, *rules: TextRule) -> None:
        self._rules = rules
        self._hints = [(hint, number) for number, rule in enumerate(rules) for hint in rule.hints]

    def worth_asking(self, lowered: str) -> Sequence[TextRule]:
        """The rules with a hint in the text; looking for hints costs far less than a rule."""
        return [self._rules[number] for number in sorted({n for hint, n in self._hints if hint in lowered})]

    def __iter__(self) -> Iterator[TextRule]:
        return iter(self._rules)


@dataclass(slots=True)
class Pattern:
    """A kind and its pattern, compiled when first used. The group ``x``, where there is one, is what is masked."""

    kind: str
    source: str
    proves: Callable[[str], bool] | None = None
    """Called where the pattern alone is no proof."""
    _compiled: re.Pattern[str] | None = field(default=None, init=False)

    def compiled(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.source)
        return self._compiled

    def __call__(self, text: str) -> Iterator[tuple[int, int, str]]:
        pattern = self.compiled()
        group = "x" if "x" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            if self.proves is None or self.proves(match[group]):
                yield *match.span(group), self.kind
