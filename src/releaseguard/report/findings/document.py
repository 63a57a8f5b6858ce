"""What the formats of a list of findings are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note", "ok"]
"""``error`` makes the command end with 1; ``note`` is what could not be looked at; ``ok`` is in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """One thing that was looked at."""

    rule: str
    """What kind of thing, as one word: ``behind``."""
    level: Level
    subject: str
    """What it is about: a secret's name, an alert."""
    place: str
    """Where: a destination, a repository, a file."""
    reason: str
    next_step: str | None = None
    file: str | None = None
    """In the repository, with ``line``, where it has a place there."""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsPage:
    """A command's findings, and the same for people."""

    title: str
    document: Any
    """What ``--json`` prints."""
    text: str
    rows: Sequence[FoundRow]
    rules: Mapping[str, str]
    """What each kind of finding means."""

    @property
    def wrong(self) -> Sequence[FoundRow]:
        """What is to be looked at, errors first."""
        return sorted((row for row in self.rows if row.level in ("error", "warning")), key=lambda row: row.level)

    @property
    def summary(self) -> str:
        """One line for people."""
        errors, warnings = (sum(row.level == level for row in self.rows) for level in ("error", "warning"))
        return f"{self.title}: {errors} to fix, {warnings} to look at" if errors or warnings else self.calm

    @property
    def calm(self) -> str:
        """The same where nothing is wrong."""
        notes = sum(row.level == "note" for row in self.rows)
        return f"{self.title}: nothing found" + (f", {notes} could not be looked at" if notes else "")
