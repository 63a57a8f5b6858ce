"""Reads rows of JSON Lines or CSV one after the other; a broken line is returned as a value."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

from releaseguard.errors import UsageError
from releaseguard.eventlog.rows.detail import DECODER
from releaseguard_events.stores.table import COLUMNS

MOST_BYTES = 1 << 20
"""The longest line, in bytes."""
_UNPACKED_BY = {
    b"\x1f\x8b": "gunzip -c",
    b"PK\x03\x04": "unzip -p",
    b"BZh": "bunzip2 -c",
    b"\xfd7zXZ\x00": "xz -dc",
    b"\x28\xb5\x2f\xfd": "zstd -dc",
}
"""First bytes of a compressed file -> the command that prints its text."""
_WIDE = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Byte-order mark -> encoding, longer marks first."""
_DELIMITERS = ",;\t|"
_DECLARED = re.compile(rf"sep=([{_DELIMITERS}])\s*", re.IGNORECASE)
_BETWEEN = " \t\r\n,"
"""What may stand between two objects on a line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line; lines are counted from 1."""

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
    """A line's values by the file's own column names."""

    line: int
    values: Mapping[str, Any]
    ours: Mapping[str, str] = field(default_factory=dict)
    """Our column -> its spelling in the file, where that differs: ``Occurred_At``."""


def rows_of_json_lines(file: BinaryIO) -> Iterator[Row | Problem]:
    """The rows of a file with one JSON object a line, or several after each other; commas between them are ignored.

    Raises ``UsageError`` for a file of another form.
    """
    begun = False
    for number, line in _lines(file):
        if isinstance(line, Problem):
            yield line
            continue
        text = line.strip()
        if not begun and text.startswith("["):
            raise UsageError("it is one JSON array", next_step="Make it one object a line: jq -c '.[]' FILE")
        if not begun and text == "{":
            raise UsageError("its objects are of several lines", next_step="Make it one object a line: jq -c . FILE")
        begun = begun or bool(text)
        yield from _objects(number, text)


def rows_of_csv(file: BinaryIO) -> Iterator[Row | Problem]:
    """The rows of a file with a heading, then one row a line (or more lines, in quotes). An empty field is no value,
    and a row of empty fields is no row.

    The delimiter is the one declared on the first line (``sep=;``, as spreadsheets read it), else the most frequent one
    in the heading. Empty lines may precede it. Columns without a name, as spreadsheets leave at the edge, are ignored;
    our names may be written in any letter case and with spaces around them. Raises ``UsageError`` for an unusable
    heading.
    """
    texts = _CsvLines(_lines(file, whole=False))
    heading = texts.next_of_any()
    declared = _DECLARED.fullmatch(heading)
    heading = texts.next_of_any() if declared else heading
    delimiter = declared[1] if declared else max(_DELIMITERS, key=heading.count)
    names = _names(heading, delimiter)
    ours = _ours(names)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while (record := _next_of(reader, texts, names, ours)) is not None:
        yield from _taken(texts.skipped)
        if record:
            yield record
    yield from _taken(texts.skipped)


class _CsvLines:
    """Lines as CSV reads them, with the number of the last one."""

    def __init__(self, lines: Iterator[tuple[int, str | Problem]]) -> None:
        self._lines = lines
        self.line = 0
        self.skipped: deque[Problem] = deque()
        """Lines that cannot be read and were left out."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        for number, text in self._lines:
            self.line = number
            if not isinstance(text, Problem):
                return text
            self.skipped.append(text)
        raise StopIteration

    def next_of_any(self) -> str:
        """The next line that is not empty; an empty text at the end."""
        return next((text for text in self if text.strip()), "")


def _taken(skipped: deque[Problem]) -> Iterator[Problem]:
    while skipped:
        yield skipped.popleft()


def _next_of(
    reader: Iterator[list[str]], texts: _CsvLines, names: Sequence[str], ours: Mapping[str, str]
) -> Row | Problem | tuple[()] | None:
    """The next record, an empty tuple for an empty line, ``None`` at the end."""
    try:
        fields = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        return Problem(texts.line, None, f"no CSV: {error}")
    return _record(texts.line, names, fields, ours) if any(fields) else ()


def _lines(file: BinaryIO, *, whole: bool = True) -> Iterator[tuple[int, str | Problem]]:
    """Lines as text, without a byte-order mark. With ``whole``, a line that is too long or not UTF-8 is a problem.

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
    for mark, encoding in _WIDE.items():
        if piece.startswith(mark):
            _refuse_encoding(encoding)
    if piece[:2].count(0) == 1:  # a character of a heading or of JSON is one byte
        _refuse_encoding("UTF-16BE" if piece.startswith(b"\0") else "UTF-16LE")
    return piece.removeprefix(b"\xef\xbb\xbf")


def _refuse_encoding(encoding: str) -> None:
    raise UsageError(f"it is encoded as {encoding}", next_step=f"Save it as UTF-8: iconv -f {encoding} -t UTF-8 FILE")


def _skip_line(file: BinaryIO, piece: bytes) -> None:
    while piece and not piece.endswith(b"\n"):
        piece = file.readline(MOST_BYTES)


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _objects(number: int, text: str) -> Iterator[Row | Problem]:
    at = 0
    while text := text[at:].lstrip(_BETWEEN):
        try:
            values, at = DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            yield Problem(number, None, "no JSON")
            return
        yield Row(number, values) if isinstance(values, dict) else Problem(number, None, "no JSON object")


def _names(heading: str, delimiter: str) -> list[str]:
    """The names of the columns. Raises ``UsageError``."""
    try:
        names = next(csv.reader([heading], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise UsageError(f"its heading is not CSV: {error}", next_step="Save it as CSV, with line ends.") from None
    doubled = [name for name, times in Counter(filter(None, names)).items() if times > 1]
    if doubled:
        raise UsageError(f"two columns are called {doubled[0]!r}", next_step="Give each a name of its own.")
    return names


def _ours(names: Sequence[str]) -> Mapping[str, str]:
    """Our column -> its spelling in the file, where that differs and is unique."""
    written: dict[str, list[str]] = {}
    for name in names:
        written.setdefault(name.strip().lower(), []).append(name)
    return {ours: written[ours][0] for ours in COLUMNS if len(written.get(ours, ())) == 1 and written[ours] != [ours]}


def _record(number: int, names: Sequence[str], fields: list[str], ours: Mapping[str, str]) -> Row | Problem:
    if len(fields) != len(names):
        return Problem(number, None, f"{len(fields)} fields, where the heading has {len(names)}")
    named = {name: text or None for name, text in zip(names, fields, strict=True) if name}
    unreadable = next((name for name, text in named.items() if text and not _is_text(text)), None)
    if unreadable is not None:
        return Problem(number, unreadable, "no UTF-8")
    return Row(number, named, ours)


READERS: Mapping[str, Callable[[BinaryIO], Iterator[Row | Problem]]] = {"jsonl": rows_of_json_lines, "csv": rows_of_csv}


def form_of(name: str, file: io.BufferedReader) -> str:
    """Which of :data:`READERS` reads a file: by the ending of its name, else by its first character."""
    ending = name.rpartition(".")[2].lower()
    by_name = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl"}
    first = file.peek(64)[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return by_name.get(ending) or ("jsonl" if first in (b"{", b"[") else "csv")
