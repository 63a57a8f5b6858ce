"""Workflows of the app that write the same secrets: they undo a roll-back, and leave companions behind. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.rotation.groups import COMPANION_SUFFIX

_FROM_A_FILE = re.compile(r"--env-file\b|\s-f\b|\s<\s|\.env\b")
_CONTINUED = re.compile(r"\\\s*$")


@dataclass(frozen=True, slots=True)
class OtherWriter:
    """One command in a workflow that writes the same secrets."""

    file: str
    line: int
    command: str
    """The command without its arguments."""
    names: Sequence[str]
    """The managed names in it; empty where it takes them from a file or an action."""

    def __str__(self) -> str:
        what = ", ".join(self.names) or "whatever it is given"
        return (
            f"{self.file}:{self.line}: `{self.command}` writes {what} too, whenever it runs: it undoes a roll-back, "
            f"and leaves {(self.names or ['NAME'])[0]}{COMPANION_SUFFIX} behind its key, and a proof could be false. "
            "Take them out of it, and let `releaseguard rotate` write them; or have the app report fingerprint()."
        )


@dataclass(frozen=True, slots=True)
class WritersFound:
    """The findings in all workflows that could be read, and what could not be read."""

    writers: Sequence[OtherWriter]
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Signs:
    """Regular expressions by which each service recognises a workflow that writes its secrets or fetches the
    vault's."""

    writes: Sequence[str]
    brings: Sequence[str]

    def writing(self, line: str) -> Iterator[re.Match[str]]:
        return (found for sign in self.writes for found in re.finditer(sign, line))

    def bringing(self, line: str) -> Iterator[re.Match[str]]:
        if "uses:" in line:
            yield from (found for sign in self.brings for found in re.finditer(sign, line))


def other_writers(files: Mapping[str, str], names: Collection[str], signs: Signs) -> Sequence[OtherWriter]:
    """The commands in these workflows (by path) that write one of ``names``, or may."""
    return [one for path, text in sorted(files.items()) for one in _in_file(path, text, names, signs)]


def _in_file(path: str, text: str, names: Collection[str], signs: Signs) -> Sequence[OtherWriter]:
    lines = [(number, line) for number, line in _whole_lines(text) if not line.lstrip().startswith("#")]
    writing = [one for number, line in lines for one in _writing(path, number, line, names, signs)]
    bringing = [OtherWriter(path, number, one[0], ()) for number, line in lines for one in signs.bringing(line)]
    # What brings values only reads; with a command beside it, it is where that one's come from.
    return sorted([*writing, *bringing], key=lambda one: one.line) if writing else ()


def _writing(path: str, number: int, line: str, names: Collection[str], signs: Signs) -> Iterator[OtherWriter]:
    for command in signs.writing(line):
        held = [name for name in sorted(names) if re.search(rf"(?<![A-Z0-9_]){name}(?![A-Z0-9_])", line)]
        if held or _FROM_A_FILE.search(line[command.end() :]):
            yield OtherWriter(path, number, " ".join(command[0].split()), held)


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line joined with its continuation lines, and the number of its first line."""
    began, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        began = began or number
        whole += " " + _CONTINUED.sub("", line) if whole else _CONTINUED.sub("", line)
        if not _CONTINUED.search(line):
            yield began, whole
            began, whole = 0, ""
    if whole:
        yield began, whole
