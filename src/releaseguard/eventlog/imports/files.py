"""Rows of JSON Lines or CSV, one line after the other; what is wrong with one is a value."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from releaseguard.errors import UsageError

MOST_BYTES = 1 << 20
"""Of a line."""
_UNPACKED_BY = {
    b"\x1f\x8b": "gunzip -c",
    b"PK\x03\x04": "unzip -p",
    b"BZh": "bunzip2 -c",
    b"\xfd7zXZ\x00": "xz -dc",
    b"\x28\xb5\x2f\xfd": "zstd -dc",
}
"""What prints the text of a compressed file, by the bytes that such a file begins with."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, counted from 1."""

    line: int
    column: str | None
    what: str

    @property
    def place(self) -> str:
        return f"line {self.line}{f', column {self.column}' if self.column else ''}"

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line's values by the file's own names."""

    line: int
    values: Mapping[str, Any]


def rows_of_json_lines(file: BinaryIO) -> Iterator[Row | Problem]:
    """One JSON object a line. Raises ``UsageError`` for a file of another form."""
    for number, line in _lines(file):
        if isinstance(line, Problem):
            yield line
        elif number == 1 and line.startswith("["):
            raise UsageError("it is one JSON array", next_step="Make it one object a line: jq -c '.[]' FILE")
        elif line.strip():
            yield _object(number, line)


def rows_of_csv(file: BinaryIO) -> Iterator[Row | Problem]:
    """A heading, then a row a line (or several, in quotes); an empty field is not a value. The delimiter is a comma, a
    semicolon or a tab, whichever stands most often in the heading."""
    skipped: deque[Problem] = deque()
    texts = _texts(_lines(file, whole=False), skipped)
    heading = next(texts, "")
    delimiter = max(",;\t", key=heading.count)
    names = _names(heading, delimiter)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while (record := _next_of(reader, names)) is not None:
        yield from _taken(skipped)
        if record:
            yield record
    yield from _taken(skipped)


def _texts(lines: Iterable[tuple[int, str | Problem]], skipped: deque[Problem]) -> Iterator[str]:
    for _, line in lines:
        if isinstance(line, Problem):
            skipped.append(line)
        else:
            yield line


def _taken(skipped: deque[Problem]) -> Iterator[Problem]:
    while skipped:
        yield skipped.popleft()


def _next_of(reader: Any, names: list[str]) -> Row | Problem | tuple[()] | None:
    """The next record, nothing for an empty line, ``None`` at the end."""
    try:
        fields = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        return Problem(reader.line_num + 1, None, f"no CSV: {error}")
    return _record(reader.line_num + 1, names, fields) if fields else ()


def _lines(file: BinaryIO, *, whole: bool = True) -> Iterator[tuple[int, str | Problem]]:
    """Lines as text, a byte-order mark left out. ``whole``: one that is too long, or no UTF-8, is a problem.

    Raises ``UsageError`` for a file that is compressed or UTF-16.
    """
    number = 0
    while piece := file.readline(MOST_BYTES + 1):
        number += 1
        if number == 1:
            _refuse_compressed(piece)
            piece = _without_mark(piece)
        if len(piece) > MOST_BYTES:
            _skip_line(file, piece)
            yield number, Problem(number, None, f"longer than {MOST_BYTES >> 20} MiB")
            continue
        text = piece.decode("utf-8", "surrogateescape")
        yield number, Problem(number, None, "no UTF-8") if whole and not _is_text(text) else text


def _refuse_compressed(piece: bytes) -> None:
    for begin, command in _UNPACKED_BY.items():
        if piece.startswith(begin):
            raise UsageError(
                "it is compressed",
                next_step=f"Unpack it on the way, with the same flags: {command} FILE | releaseguard events import -",
            )


def _without_mark(piece: bytes) -> bytes:
    if piece.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("it is UTF-16", next_step="Save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE")
    return piece.removeprefix(b"\xef\xbb\xbf")


def _skip_line(file: BinaryIO, piece: bytes) -> None:
    while piece and not piece.endswith(b"\n"):
        piece = file.readline(MOST_BYTES)


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _object(number: int, line: str) -> Row | Problem:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return Problem(number, None, "no JSON")
    return Row(number, values) if isinstance(values, dict) else Problem(number, None, "no JSON object")


def _names(heading: str, delimiter: str) -> list[str]:
    """What the columns are called. Raises ``UsageError``."""
    try:
        names = next(csv.reader([heading], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise UsageError(f"its heading is not CSV: {error}", next_step="Save it as CSV, with line ends.") from None
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise UsageError(f"two columns are called {doubled[0]!r}", next_step="Give each a name of its own.")
    return names


def _record(number: int, names: list[str], fields: list[str]) -> Row | Problem:
    if len(fields) != len(names):
        return Problem(number, None, f"{len(fields)} fields, where the heading has {len(names)}")
    unreadable = next((name for name, text in zip(names, fields, strict=True) if not _is_text(text)), None)
    if unreadable is not None:
        return Problem(number, unreadable, "no UTF-8")
    return Row(number, {name: text or None for name, text in zip(names, fields, strict=True)})


READERS: Mapping[str, Callable[[BinaryIO], Iterator[Row | Problem]]] = {"jsonl": rows_of_json_lines, "csv": rows_of_csv}


def form_of(name: str, file: io.BufferedReader) -> str:
    """Which of :data:`READERS` a file is for: by its name's end, else by its first character."""
    ending = name.rpartition(".")[2].lower()
    by_name = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl"}
    first = file.peek(64)[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return by_name.get(ending) or ("jsonl" if first in (b"{", b"[") else "csv")
