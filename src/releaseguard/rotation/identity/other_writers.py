"""Workflows of the app that write the same secrets: they undo a roll-back, and leave labels behind. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.rotation.groups import COMPANION_SUFFIX

_COMMANDS = re.compile(
    r"\bsupabase\s+(?:--\S+\s+)*secrets\s+set\b|\bgh\s+(?:secret|variable)\s+set\b"
    r"|\bvercel\s+(?:--\S+\s+)*env\s+(?:add|update|rm|remove)\b",
)
_ACTION = re.compile(r"^\s*(?:-\s+)?uses:\s*[\"']?(Infisical/secrets-action)@", re.IGNORECASE)
_FROM_A_FILE = re.compile(r"--env-file\b|\s-f\b|\s<\s|\.env\b")
_CONTINUED = re.compile(r"\\\s*$")


@dataclass(frozen=True, slots=True)
class OtherWriter:
    """One command of a workflow that writes what we write."""

    file: str
    line: int
    command: str
    """Without its arguments."""
    names: Sequence[str]
    """The managed names in it; empty where it takes them from a file or an action, whichever they are."""

    def __str__(self) -> str:
        what = ", ".join(self.names) or "whatever it is given"
        return (
            f"{self.file}:{self.line}: `{self.command}` writes {what} too, whenever it runs: it undoes a roll-back, "
            f"and leaves {(self.names or ['NAME'])[0]}{COMPANION_SUFFIX} behind its key, and a proof could be false. "
            "Take them out of it, and let `releaseguard rotate` write them; or have the app report fingerprint()."
        )


def other_writers(files: Mapping[str, str], names: Collection[str]) -> Sequence[OtherWriter]:
    """What in these workflows (by path) writes one of ``names``, or may."""
    return [one for path, text in sorted(files.items()) for one in _in_file(path, text, names)]


def _in_file(path: str, text: str, names: Collection[str]) -> Iterator[OtherWriter]:
    writes = False
    found: list[OtherWriter] = []
    for number, line in _whole_lines(text):
        if line.lstrip().startswith("#"):
            continue
        action = _ACTION.match(line)
        if action:
            found.append(OtherWriter(path, number, action[1], ()))
        for command in _COMMANDS.finditer(line):
            writes = True
            held = [name for name in sorted(names) if re.search(rf"(?<![A-Z0-9_]){name}(?![A-Z0-9_])", line)]
            if held or _FROM_A_FILE.search(line[command.end() :]):
                found.append(OtherWriter(path, number, " ".join(command[0].split()), held))
    # The action alone only reads; with a command beside it, it is where that one's values come from.
    return iter(found if writes else [])


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with those that it is continued by, and the number of its first."""
    began, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        began = began or number
        whole += " " + _CONTINUED.sub("", line) if whole else _CONTINUED.sub("", line)
        if not _CONTINUED.search(line):
            yield began, whole
            began, whole = 0, ""
    if whole:
        yield began, whole
