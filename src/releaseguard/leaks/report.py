"""What a search collects while it goes through a repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from releaseguard.leaks.finding import FoundValue, ValueFinder
from releaseguard.leaks.interface import Hit, Searched, Watch
from releaseguard.leaks.missing import MissingPart

HIDDEN = "(a path that holds the value)"


@dataclass(slots=True)
class SearchReport:
    """The hits so far, and what could not be looked at. Paths that hold a value are not shown."""

    finder: ValueFinder
    watch: Watch
    searched: int = 0
    hits: list[Hit] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    """Each part that was not searched, with the command that brings it, or ``""``."""
    left_out: list[str] = field(default_factory=list)

    def found(self, content: bytes, path: str) -> Sequence[FoundValue]:
        """What a file's content holds; what could not be opened in it is noted."""
        self.searched += 1
        self.watch(self.searched)
        found, closed = self.finder.found(content)
        self.left_out += [f"{self.shown(path + one.inside)} {one.reason}" for one in closed]
        return found

    def add(self, found: Sequence[FoundValue], path: str, commit: str | None) -> None:
        """Tell where it was found. Of equal findings (one value, one file, one form) the first stays."""
        for one in found:
            needle, place = one.needle, self.shown(path + one.inside)
            hit = Hit(needle.name, needle.version, place, one.line, one.form, commit, needle.provider)
            if not any(_same(hit, other) for other in self.hits):
                self.hits.append(hit)

    def missing(self, parts: Sequence[MissingPart], prefix: str = "") -> None:
        """Note parts of a history that were not searched."""
        where = f"submodule {prefix.rstrip('/')}: " if prefix else ""
        self.unread |= {f"{where}{part.what}": part.step for part in parts}

    def shown(self, path: str) -> str:
        """The path as it may be printed."""
        return HIDDEN if self.finder.holds(path) else path

    def result(self) -> Searched:
        """All of it, as a value."""
        steps = dict.fromkeys(step for step in self.unread.values() if step)
        return Searched(self.hits, list(self.unread), list(steps), list(dict.fromkeys(self.left_out)))


def _same(hit: Hit, other: Hit) -> bool:
    """Whether a later commit only holds what an earlier one brought in. The working tree stands for itself."""
    one = (hit.name, hit.version, hit.path, hit.form, hit.commit is None)
    return one == (other.name, other.version, other.path, other.form, other.commit is None)
