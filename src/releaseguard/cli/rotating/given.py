"""New values that a person enters: on standard input or at a hidden prompt. Never an argument, never a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from releaseguard.errors import UsageError

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.rotation.values import RotateAction
    from releaseguard.secret import Secret


def given_values(card: Card, action: RotateAction, secret: str | None, *, raw: bool) -> Mapping[str, Secret]:
    """The new values: from standard input (a JSON object for a group), or from a hidden prompt on a terminal.

    A run that was killed before it stored them is resumed with them; later none are needed.
    """
    from releaseguard.rotation.values import RotateAction
    from releaseguard.secret import Secret

    if action not in (RotateAction.ROTATE, RotateAction.RESUME):
        return {}
    names = [member.name for member in card.unit_of(secret)]
    if sys.stdin is not None and sys.stdin.isatty():
        asked = names if action is RotateAction.ROTATE else []
        return {name: Secret(click.prompt(f"New value of {name}", hide_input=True, err=True)) for name in asked}
    text = _standard_input()
    return {} if action is RotateAction.RESUME and not text else _values(names, text, raw)


def _values(names: list[str], text: str, raw: bool) -> Mapping[str, Secret]:
    from releaseguard.secret import Secret

    if len(names) > 1:
        return _group_values(text, names)
    value = text if raw else text.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise UsageError("standard input holds no value", next_step="Pipe the new value in, or run this on a terminal.")
    return {names[0]: Secret(value)}


def _standard_input() -> str:
    """The piped text, byte for byte: a text stream would convert the line ends of a PEM file, and decode the bytes by
    the machine's locale."""
    try:
        return sys.stdin.buffer.read().decode() if sys.stdin is not None else ""
    except UnicodeDecodeError:
        problem = UsageError("standard input is not UTF-8", next_step="Pipe the value in as UTF-8 text.")
    raise problem  # outside the handler: the error holds the bytes


def _group_values(text: str, names: list[str]) -> Mapping[str, Secret]:
    import json

    from releaseguard.secret import Secret

    try:
        given = json.loads(text)
    except ValueError:
        given = None
    complete = isinstance(given, dict) and set(given) == set(names)
    if not complete or not all(isinstance(value, str) and value.strip() for value in given.values()):
        raise UsageError(
            f"{' and '.join(names)} only work together, and standard input is not a JSON object with exactly these",
            next_step="Pipe in {" + ", ".join(f'"{name}": "..."' for name in names) + "}.",
        )
    return {name: Secret(value) for name, value in given.items()}
