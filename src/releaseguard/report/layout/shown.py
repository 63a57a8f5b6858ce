"""A document for people: each text in one line, without what steers a terminal or is not XML."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from releaseguard.harmless import visible

D = TypeVar("D")


def shown(document: D) -> D:
    """The same document with harmless texts and keys."""
    return cast("D", _shown(document))


def _shown(value: Any) -> Any:
    match value:
        case str():
            return visible(_cut(value).replace("\n", " "))
        case dict():
            return {_shown(key): _shown(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_shown(inner) for inner in value]
        case _:
            return value


LONGEST = 1_000
"""Characters of one text on a page: a name of ten thousand would be sixty screens of a phone."""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
