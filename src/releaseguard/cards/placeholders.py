"""The placeholders in a flow's bodies and addresses that are filled when it runs, and the amounts in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def placeholders(value: Any) -> Iterator[str]:
    """The names in braces in a path or a body."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from placeholders(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from placeholders(item)


def embeds(value: Any, name: str) -> bool:
    """Whether ``{name}`` is part of a longer text in a body, rather than the whole of it."""
    if isinstance(value, str):
        return name in PLACEHOLDER.findall(value) and PLACEHOLDER.fullmatch(value) is None
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(embeds(item, name) for item in inner)


def amounts_in(body: Any) -> Iterator[float]:
    """The absolute value of every number in a request's body, at any depth, whose key contains ``amount``."""
    if isinstance(body, Mapping):
        for key, value in body.items():
            number = _number(value) if "amount" in str(key).lower() else None
            yield from amounts_in(value) if number is None else (abs(number),)
    elif isinstance(body, list | tuple):
        for item in body:
            yield from amounts_in(item)


def _number(value: Any) -> float | None:
    """The number, also where it is written as text, as the app would read it; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
