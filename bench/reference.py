#!/usr/bin/env python3
"""Writes the reference, docs/reference/*.md, from the code: commands from their help, the configuration from its types.

python bench/reference.py            writes the pages
python bench/reference.py --check    exit 1 where one of them is not what the code says
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from releaseguard.cli.main import releaseguard
from releaseguard.compose.known.configuration import KNOWN
from releaseguard.compose.known.schemas import schema_of
from releaseguard.settings import sections

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
WIDTH = 96


def main(arguments: list[str]) -> int:
    """Write every page, or compare it; returns the exit code."""
    pages = {"commands.md": commands(), "configuration.md": configuration()}
    if "--check" in arguments:
        old = [name for name, text in pages.items() if (FOLDER / name).read_text(encoding="utf-8") != text]
        print(
            f"not what the code says: {', '.join(old)}; python bench/reference.py writes them"
            if old
            else "as the code says"
        )
        return bool(old)
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def commands() -> str:
    """Every command's help, under a heading of its own."""
    context = click.Context(releaseguard, info_name="releaseguard", max_content_width=WIDTH, terminal_width=WIDTH)
    parts = ["# Commands\n", "Made from the commands' own help by `python bench/reference.py`.\n"]
    for name, text in _helps(releaseguard, context):
        parts.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _helps(
                inner, click.Context(inner, context, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
            )


def configuration() -> str:
    """Every key of every section, with its type, what it is where nothing is written, and what it means."""
    schema = schema_of("config")
    whole = schema["$defs"]["_Whole"]["properties"]
    meanings = dict(_meanings())
    parts = [
        "# Configuration\n",
        "`releaseguard.toml`, made from the types that read it by `python bench/reference.py`. An unknown key is an\n"
        "error; `releaseguard schema config` gives the same as JSON Schema, for an editor.\n",
    ]
    for name, told in whole.items():
        kind = _named(told)
        if kind is None:
            parts.append(f"## [{name}]\n\n{_type(told, schema)}.{_said(meanings.get(('CommonSections', name)))}\n")
            continue
        title = f"[{name}.NAME]" if name == "providers" else f"[{name}]"
        parts.append(f"## {title}\n\n{_table(kind, schema, meanings)}\n")
    return "\n".join(parts)


def _table(kind: str, schema: Mapping[str, Any], meanings: Mapping[tuple[str, str], str]) -> str:
    rows = ["| key | is | else | means |", "|---|---|---|---|"]
    for key, told in schema["$defs"][kind]["properties"].items():
        default = told.get("default")
        shown = "" if default in (None, {}, []) else f"`{_toml(default)}`"
        rows.append(f"| `{key}` | {_type(told, schema)} | {shown} | {meanings.get((kind, key), '')} |")
    return "\n".join(rows)


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def _named(told: Mapping[str, Any]) -> str | None:
    """The section behind a key of the whole file."""
    if "$ref" in told:
        return str(told["$ref"]).rpartition("/")[2]
    inner = told.get("additionalProperties")
    return _named(inner) if isinstance(inner, Mapping) and "$ref" in inner else None


def _type(told: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    match told:
        case {"$ref": reference}:
            defined = schema["$defs"][reference.rpartition("/")[2]]
            keys = ", ".join(f"`{key}`" for key in defined.get("properties", ()))
            return f"a table: {keys}" if keys else _type(defined, schema)
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"anyOf": kinds}:
            return " or ".join(_type(kind, schema) for kind in kinds if kind.get("type") != "null")
        case {"description": words}:
            return str(words)
        case {"type": "array", "items": items}:
            return f"a list of: {_type(items, schema)}"
        case {"type": "object", "additionalProperties": Mapping() as inner}:
            return f"a table by name: {_type(inner, schema)}"
        case {"type": kind}:
            return {"string": "text", "object": "a table", "boolean": "true or false"}.get(kind, f"a {kind}")
        case _:
            return "anything"


def _said(meaning: str | None) -> str:
    return f" {meaning}" if meaning else ""


def _meanings() -> Iterator[tuple[tuple[str, str], str]]:
    """The text that follows a field in its class: ``(class, field)`` to what it says."""
    for module in (sections, *(inspect.getmodule(section) for section in KNOWN.sections.values())):
        assert module is not None
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                yield from _fields(node)


def _fields(node: ast.ClassDef) -> Iterator[tuple[tuple[str, str], str]]:
    for field, text in zip(node.body, node.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as words)):
                yield (node.name, name), " ".join(words.split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
