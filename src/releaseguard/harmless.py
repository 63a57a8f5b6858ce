"""Makes text safe to print: whoever wrote it, it is shown and has no other effect.

A row of the log, the name of a release or a service's answer may contain escape sequences for a terminal, characters
that reverse the reading direction, and lines that a CI runner takes for commands. The runner of Actions trims a line
and obeys it where it begins with ``::`` (its ``ActionCommand.TryParseV2``), and finds ``##[`` anywhere in it
(``TryParse``); Azure Pipelines obeys ``##vso[``, TeamCity ``##teamcity[``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TextIO, TypeAlias

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""What a document made here may contain: values that JSON has, so no times and no secrets."""
JsonDocument: TypeAlias = Mapping[str, Json]

_STEERING: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, of which a tab and a line's end stay
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # directions, ends of lines and paragraphs, what has no width
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f"  # tags: a second text that nobody sees
)
_STEERS: Final = re.compile(f"[{_STEERING}]")
_COMMAND: Final = re.compile(r"(##\w*)(?=\[)")
_COMMAND_LINE: Final = re.compile(r"^([^\S\n]*:)(?=:)", re.MULTILINE)


def visible(text: str) -> str:
    """The text with all characters removed or replaced that have another effect than being shown."""
    return _STEERS.sub("\ufffd", text)


def harmless(text: str) -> str:
    """The text, of one or more lines, safe to print: control characters are replaced, and a space separates what a CI
    runner would take for a command."""
    return _COMMAND_LINE.sub(r"\1 ", _COMMAND.sub(r"\1 ", visible(text)))


def as_json(value: Any, indent: int | None = 2) -> str:
    """``value`` as JSON for people and programs. Everything harmful is escaped, so parsing gives the same value.

    Such characters occur only inside strings, and no line of indented JSON begins with a colon.
    """
    import json

    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return _COMMAND_IN_JSON.sub(_apart, _STEERS.sub(_escaped, text))


def json_pieces(value: Any, said: Callable[[Any], Any]) -> Iterator[str]:
    """:func:`as_json` of ``said(value)``, piece by piece: a sequence that makes its items on demand is never held in
    memory as a whole."""
    if not isinstance(value, Mapping) or not any(map(_is_made_when_asked, value.values())):
        yield as_json(said(value))
        return
    before = "{\n  "
    for name, held in value.items():
        yield f"{before}{as_json(name)}: "
        yield from _listed(held, said) if _is_made_when_asked(held) else [_indented(said(held), 2)]
        before = ",\n  "
    yield "\n}"


def _is_made_when_asked(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | list | tuple)


def _listed(items: Sequence[Any], said: Callable[[Any], Any]) -> Iterator[str]:
    before = "[\n    "
    for item in items:
        yield before + _indented(said(item), 4)
        before = ",\n    "
    yield "\n  ]" if items else "[]"


def _indented(value: Any, by: int) -> str:
    """Indent by adding spaces after each line end: strings in JSON contain no line ends."""
    return as_json(value).replace("\n", "\n" + " " * by)


_COMMAND_IN_JSON: Final = re.compile(r"##(\w*\[)")


def _apart(match: re.Match[str]) -> str:
    """A function and not a template: for a template ``re`` imports a module, and the app's writer spools events while
    the interpreter shuts down, when nothing can be imported."""
    return f"#\\u0023{match[1]}"


def _escaped(match: re.Match[str]) -> str:
    import json

    return json.dumps(match[0])[1:-1] if match[0] != "\x7f" else "\\u007f"


class Harmless:
    """A text stream that only :func:`harmless` text passes, even where a line is written in pieces.

    Control sequences of this program itself bypass it with :meth:`control`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""
        """Of the line that is not at its end yet, what decides how it may go on."""

    def write(self, text: str) -> int:
        """Write the text; returns the length of ``text``, as callers expect."""
        begun = self._line
        self._stream.write(harmless(begun + text)[len(begun) :])
        last = (begun + text).rpartition("\n")[2]
        self._line = _undecided(last)
        return len(text)

    def control(self, sequence: str) -> None:
        """Write a control sequence of our own."""
        self._stream.write(sequence)

    def writelines(self, lines: Any) -> None:
        """Write them one after the other."""
        for line in lines:
            self.write(line)

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:
        return self._stream.encoding

    @property
    def errors(self) -> str | None:
        return self._stream.errors

    def __getattr__(self, name: str) -> Any:
        """Everything else that a stream can do (``flush``, ``isatty``, ``fileno``). ``buffer`` is withheld: bytes would
        bypass the filter."""
        if name in {"buffer", "detach", "reconfigure"}:
            raise AttributeError(name)
        return getattr(self._stream, name)


def _undecided(line: str) -> str:
    """The shortest text that decides about the rest of a begun line as the line itself does: whether it is blank so
    far, and how its end may become a command."""
    if not line.strip():
        return " " if line else ""
    if line.strip() == ":":
        return " :"
    end = re.search(r"##?\w{0,40}\Z", line)
    return "x" + (end[0] if end else "")
