"""Collects what a search finds while it goes through a repository."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from releaseguard.leaks.content import LARGEST
from releaseguard.leaks.finding import FoundValue, ValueFinder
from releaseguard.leaks.interface import Hit, Searched, Watch
from releaseguard.leaks.missing import MissingPart

HIDDEN = "(a path that holds the value)"


@dataclass(slots=True)
class SearchReport:
    """The hits so far, and what could not be read. Paths that contain a value are not shown."""

    finder: ValueFinder
    watch: Watch
    searched: int = 0
    hits: list[Hit] = field(default_factory=list)
    told: set[tuple[object, ...]] = field(default_factory=set)
    unread: dict[str, str] = field(default_factory=dict)
    """Each part that was not searched -> the command that fetches it, or an empty text."""
    left_out: list[str] = field(default_factory=list)

    def found(self, content: bytes, path: str) -> Sequence[FoundValue]:
        """The values in a file's content; what could not be opened in it is recorded."""
        self.searched += 1
        self.watch(self.searched)
        found, closed = self.finder.found(content)
        self.left_out += [f"{self.shown(path + one.inside)} {one.reason}" for one in closed]
        return found

    def content(self, file: Path, shown: str) -> bytes:
        """A regular file's bytes. Links are not followed, since their target is searched in its own place; a pipe would
        never end."""
        try:
            about = file.lstat()
            if not stat.S_ISREG(about.st_mode):
                return b""
            if about.st_size > LARGEST:
                self.left_out.append(f"{self.shown(shown)} is larger than {LARGEST >> 20} MB")
                return b""
            return file.read_bytes()
        except FileNotFoundError:
            return b""  # deleted, and the index does not know it yet
        except OSError as problem:
            self.left_out.append(f"{self.shown(shown)} could not be read ({problem.strerror})")
            return b""

    def add(self, found: Sequence[FoundValue], path: str, commit: str | None) -> None:
        """Record where values were found. Of equal findings (one value, one file, one form) the first is kept."""
        for one in found:
            needle, place = one.needle, self.shown(path + one.inside)
            hit = Hit(needle.name, needle.version, place, one.line, one.form, commit, needle.provider)
            if (key := _told_once(hit)) not in self.told:
                self.told.add(key)
                self.hits.append(hit)

    def missing(self, parts: Sequence[MissingPart], prefix: str = "") -> None:
        """Record parts of a history that were not searched."""
        where = f"submodule {prefix.rstrip('/')}: " if prefix else ""
        self.unread |= {f"{where}{part.what}": part.step for part in parts}

    def shown(self, path: str) -> str:
        """The path as it may be printed; git's paths are bytes and need not be text."""
        return HIDDEN if self.finder.holds(path) else os.fsencode(path).decode("utf-8", "replace")

    def result(self) -> Searched:
        """Everything collected, as a value."""
        steps = dict.fromkeys(step for step in self.unread.values() if step)
        return Searched(self.hits, list(self.unread), list(steps), list(dict.fromkeys(self.left_out)))


def _told_once(hit: Hit) -> tuple[object, ...]:
    """What a later commit's finding has in common with the one that introduced it. The working tree counts
    separately."""
    return (hit.name, hit.version, hit.path, hit.form, hit.commit is None)
