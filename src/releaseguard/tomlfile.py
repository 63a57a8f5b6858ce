"""TOML files read strictly into typed values. Every error names the file, the line, the key and the nearest valid
name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from releaseguard.errors import ConfigError

T = TypeVar("T")
Step = str | int
"""One step into a document: a key, or an index into an array."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*(?P<path>[^\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*(?P<path>(?:[A-Za-z0-9_\-.\s]|"[^"]*"|'[^']*')+?)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_\-]+)""")


class Document(Struct, frozen=True):
    """A parsed file that knows the line of every key."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[tuple[Step, ...], int]

    def where(self, *steps: Step) -> str:
        """``file:line`` of a key, or of the nearest key above it that has a line of its own."""
        for length in range(len(steps), 0, -1):
            if (line := self.lines.get(tuple(steps[:length]))) is not None:
                return f"{self.path}:{line}"
        return f"{self.path}:1"

    def error(self, what: str, *steps: Step, next_step: str | None = None) -> ConfigError:
        """A ``ConfigError`` about one key of this file."""
        key = dotted(steps)
        return ConfigError(f"{key}: {what}" if key else what, where=self.where(*steps), next_step=next_step)


def read(path: Path) -> Document:
    """Parse a file. Raises ``ConfigError`` where it cannot be read or is not TOML."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows put a byte-order mark before it
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", where=str(path), next_step="Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Document:
    """Parse TOML text that came from ``path``. Raises ``ConfigError`` where it is not TOML."""
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{line[1] if line else len(text.splitlines())}"
        raise ConfigError(f"is not valid TOML: {error}", where=where) from None
    return Document(path, data, dict(_positions(text)))


def convert(document: Document, kind: type[T], *, at: Sequence[Step] = (), data: Any = None) -> T:
    """Convert the document to a ``kind``, or convert ``data``, which stands at ``at`` in the document.

    Raises ``ConfigError`` for an unknown key (with the nearest valid name), a missing key, or a wrong type.
    """
    value = document.data if data is None else data
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise _explained(document, kind, error, value, at) from None


def nearest(name: str, valid: Iterable[str], alike: float = 0.5) -> str | None:
    """The valid name most similar to ``name``; ``None`` where none has a similarity of at least ``alike`` (1:
    identical)."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(valid), n=1, cutoff=alike)
    return close[0] if close else None


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """The end of a message: the nearest valid name, or the list of all of them."""
    names = sorted(valid)
    close = nearest(name, names)
    return f"Did you mean {close!r}?" if close else f"Valid: {', '.join(names)}."


def dotted(steps: Sequence[Step]) -> str:
    """``checks[0].id`` for ``("checks", 0, "id")``."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _explained(
    document: Document, kind: type, error: msgspec.ValidationError, value: Any, at: Sequence[Step]
) -> ConfigError:
    message, _, path = str(error).partition(" - at `")
    inside = _steps(path.rstrip("`"), kind, value, str(error))
    steps = (*at, *inside)
    if unknown := re.search(r"unknown field `([^`]+)`", message):
        valid = _fields_at(kind, inside, value)
        next_step = did_you_mean(unknown[1], valid) if valid else None
        return document.error("is not a known key", *steps, unknown[1], next_step=next_step)
    if missing := re.search(r"missing required field `([^`]+)`", message):
        return document.error(f"the key {missing[1]!r} is missing", *steps)
    node = _node_at(kind, inside, value)
    invalid = re.fullmatch(r"Invalid (?:enum )?value '?(.*?)'?", message)
    if invalid and (choices := _choices(node)):
        what = f"{invalid[1]!r} is not one of its values"
        return document.error(what, *steps, next_step=did_you_mean(invalid[1], choices))
    if "matching regex" in message and (description := _description(node)):
        return document.error(f"is not {description}", *steps)
    return document.error(_in_toml_words(message), *steps)


def _in_toml_words(message: str) -> str:
    words = {
        "Object": "the table",
        "`object`": "a table",
        "`str`": "text",
        "`int`": "a whole number",
        "`float`": "a number",
        "`bool`": "true or false",
        "`array`": "a list",
        "`null`": "nothing",
        "`bool | str`": "text or false",
    }
    for python, toml in words.items():
        message = message.replace(python, toml)
    return message[0].lower() + message[1:]


def _steps(path: str, kind: type, value: Any, error: str) -> tuple[Step, ...]:
    """``$.checks[0].id`` as steps. ``[...]`` stands for some key of a mapping: the one that, taken alone, causes the
    same error."""
    steps: list[Step] = []
    for name, index in re.findall(r"\.([A-Za-z0-9_\-]+)|\[([^\]]*)\]", path.removeprefix("$")):
        step: Step | None = name or (int(index) if index.isdigit() else None)
        if step is None:
            step = next(
                (key for key in _keys_at(value, steps) if _refused_with(kind, value, steps, key) == error), None
            )
        if step is None:
            break
        steps.append(step)
    return tuple(steps)


def _keys_at(value: Any, steps: Sequence[Step]) -> Sequence[str]:
    for step in steps:
        value = _descend(value, step)
    return list(value) if isinstance(value, Mapping) else ()


def _refused_with(kind: type, value: Any, steps: Sequence[Step], key: str) -> str | None:
    try:
        msgspec.convert(_with_only(value, steps, key), kind, strict=True)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _with_only(value: Any, steps: Sequence[Step], key: str) -> Any:
    """``value`` with all keys but ``key`` removed from the mapping at ``steps``."""
    if not steps:
        return {key: value[key]}
    step, rest = steps[0], steps[1:]
    inner = _with_only(value[step], rest, key)
    if isinstance(value, list):
        return [inner if place == step else item for place, item in enumerate(value)]
    return {**value, step: inner}


def _fields_at(kind: Any, steps: Sequence[Step], data: Any) -> Sequence[str]:
    """The names of the keys that are valid at ``steps`` inside ``kind``."""
    node = _node_at(kind, steps, data)
    for step in steps:
        data = _descend(data, step)
    structs = _structs(node, data)
    return [field.encode_name for struct in structs for field in struct.fields]


def _node_at(kind: Any, steps: Sequence[Step], data: Any) -> Any:
    """The type that ``kind`` prescribes for the value at ``steps`` in ``data``.

    For the key that distinguishes the members of a union, the union itself.
    """
    node = msgspec.inspect.type_info(kind)
    for step in steps:
        node = _child(_plain(node), step, data)
        data = _descend(data, step)
    return node


def _child(node: Any, step: Step, data: Any) -> Any:
    structs = _structs(node, data)
    if structs and step == structs[0].tag_field:
        return node
    if structs and isinstance(step, str):
        return next((field.type for field in structs[0].fields if field.encode_name == step), node)
    return getattr(node, "item_type", getattr(node, "value_type", node))


def _plain(node: Any) -> Any:
    """``node`` without the metadata around it."""
    return node.type if isinstance(node, msgspec.inspect.Metadata) else node


def _choices(node: Any) -> Sequence[str]:
    """The valid texts, where only certain texts are valid."""
    node = _plain(node)
    if isinstance(node, msgspec.inspect.LiteralType):
        return [str(value) for value in node.values]
    if isinstance(node, msgspec.inspect.EnumType):
        return [str(member.value) for member in node.cls]
    members = getattr(node, "types", ())
    tags = [str(m.tag) for m in members if isinstance(m, msgspec.inspect.StructType) and m.tag is not None]
    return tags or [text for member in members for text in _choices(member)]


def _description(node: Any) -> str | None:
    """The words that a type with a pattern carries for messages (``msgspec.Meta(description=...)``)."""
    extra = node.extra_json_schema if isinstance(node, msgspec.inspect.Metadata) else None
    return str(extra["description"]) if extra and "description" in extra else None


def _structs(node: Any, data: Any) -> Sequence[Any]:
    """The struct types that ``node`` may be; for a tagged union the one that ``data`` names."""
    if isinstance(node, msgspec.inspect.StructType):
        return [node]
    members = [member for member in getattr(node, "types", ()) if isinstance(member, msgspec.inspect.StructType)]
    tagged = [m for m in members if isinstance(data, Mapping) and m.tag_field and data.get(m.tag_field) == m.tag]
    return tagged or members


def _descend(data: Any, step: Step) -> Any:
    try:
        return data[step]
    except (KeyError, IndexError, TypeError):
        return None


def _positions(text: str) -> Iterable[tuple[tuple[Step, ...], int]]:
    """The path of each key and the line on which it stands.

    A simple scan that serves messages only: ``tomllib`` has already parsed the file, so it is valid TOML.
    """
    table: tuple[Step, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    open_quote: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if open_quote:
            open_quote = None if open_quote in line else open_quote
            continue
        if header := _HEADER.match(line):
            table = _table_path(_parts(header["path"]), counts, is_array=header[1] == "[[")
            yield table, number
        elif assignment := _ASSIGNMENT.match(line):
            parts = _parts(assignment["path"])
            for length in range(1, len(parts) + 1):
                yield (*table, *parts[:length]), number
        open_quote = next((quote for quote in ('"""', "'''") if line.count(quote) % 2), None)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(next(group for group in match.groups() if group is not None) for match in _PART.finditer(path))


def _table_path(parts: tuple[str, ...], counts: dict[tuple[str, ...], int], *, is_array: bool) -> tuple[Step, ...]:
    if is_array:
        counts[parts] = counts.get(parts, -1) + 1
    steps: list[Step] = []
    for length in range(1, len(parts) + 1):
        steps.append(parts[length - 1])
        if parts[:length] in counts:
            steps.append(counts[parts[:length]])
    return tuple(steps)
