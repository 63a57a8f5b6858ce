"""Whether two names mean the same release: those of a mark and a row, or of two marks. Pure."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

LEAST_OF_A_COMMIT: Final = 7
"""The fewest characters of a commit that name it, as git abbreviates it."""
_HEX: Final = re.compile(rf"[0-9a-f]{{{LEAST_OF_A_COMMIT},64}}")
_WHOLE: Final = frozenset({40, 64})
"""The lengths of a whole commit, in SHA-1 and SHA-256."""
_NAMES_NONE: Final = frozenset(
    {"", "-", "?", "head", "n/a", "nan", "nil", "none", "not set", "null", "undefined", "unknown", "unset", "(none)"}
)
"""Tags of apps that did not know their release: an unset variable, in its language's words for nothing, or a build that
asked git for a branch where there was none."""


@lru_cache(maxsize=1024)
def names_none(tag: str) -> bool:
    """Whether a tag stands for nothing, and so names no release as the writer's."""
    return tag.strip().strip("\"'").casefold() in _NAMES_NONE


def release_in(tag: str | None) -> str | None:
    """The tag; ``None`` where it names no release."""
    return None if tag is None or names_none(tag) else tag


@dataclass(frozen=True, slots=True)
class Tags:
    """How releases are named in this project.

    Two names mean the same release where they are equal except for blanks around them, where one is the beginning of
    the other's commit, where one is ``name@`` followed by the other, or where ``pattern`` takes the same text out of
    both.
    """

    pattern: re.Pattern[str] | None = None
    """``[verify] release_pattern``: its first group, or everything it matches, is the release."""
    _known: dict[tuple[str, str], bool] = field(default_factory=dict, compare=False, repr=False)

    def same(self, one: str, other: str) -> bool:
        """Whether two names mean the same release."""
        if one == other:
            return True
        if (one, other) not in self._known:
            self._known[one, other] = any(_alike(a, b) for a in self._forms(one) for b in self._forms(other))
        return self._known[one, other]

    def told_by(self, name: str) -> Set[str]:
        """What a name shares with each that is of the same release: those with nothing in common are of two."""
        forms = self._forms(name)
        return forms | {form.lower()[:LEAST_OF_A_COMMIT] for form in forms if _HEX.fullmatch(form.lower())}

    def _forms(self, name: str) -> set[str]:
        """The name, and what it may stand for."""
        name = name.strip()
        forms = {name, name.rpartition("@")[2] or name}
        found = self.pattern.search(name) if self.pattern else None
        if found is not None:
            forms.add((found[1] if found.re.groups else found[0]) or name)
        return forms


def tags_of(pattern: str | None) -> Tags:
    """The tags by the configured pattern, which must be valid."""
    return Tags(re.compile(pattern) if pattern else None)


def _alike(one: str, other: str) -> bool:
    return one == other or _is_prefix(*sorted((one.lower(), other.lower()), key=len))


def _is_prefix(short: str, long: str) -> bool:
    """Whether one abbreviates the other's commit. Where neither is whole, digits alone may be the number of a build."""
    if not (_HEX.fullmatch(short) and _HEX.fullmatch(long) and long.startswith(short)):
        return False
    return len(long) in _WHOLE or not short.isdigit()
