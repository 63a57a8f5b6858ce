"""A project's card that states only what differs from the shipped one. Pure.

Tables are merged key by key. In a list whose entries have an ``id`` or a ``name``, entries with the same one are merged
and others added; every other list is replaced. A file that is a whole card by itself replaces the shipped one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from releaseguard.cards.spec import Card
from releaseguard.tomlfile import Document, Step

_NEEDED: Final = tuple(field.name for field in msgspec.structs.fields(Card) if field.required)
_KEYS: Final = ("id", "name")

Steps = tuple[Step, ...]


def is_whole(own: Document) -> bool:
    """Whether the file has everything that a card must have."""
    return all(name in own.data for name in _NEEDED)


def over(shipped: Document, own: Document) -> Document:
    """The shipped card with the differences that ``own`` states; errors in them are reported with the lines of
    ``own``."""
    places: dict[Steps, int] = {}
    data = _merged(shipped.data, own.data, (), places)
    lines = {_moved(steps, places): line for steps, line in own.lines.items()}
    return replace(own, data=data, lines=lines)


def _merged(base: Any, own: Any, at: Steps, places: dict[Steps, int]) -> Any:
    match base, own:
        case Mapping(), Mapping():
            return {**base, **{key: _merged(base.get(key), value, (*at, key), places) for key, value in own.items()}}
        case list(), list() if _key_of(base) is not None and _key_of(own) == _key_of(base):
            return _joined(base, own, str(_key_of(base)), at, places)
        case _:
            return own


def _key_of(entries: Sequence[Any]) -> str | None:
    """The key that identifies the entries of a list; ``None`` where there is none."""
    tables = all(isinstance(one, Mapping) for one in entries)
    return next((key for key in _KEYS if tables and entries and all(key in one for one in entries)), None)


def _joined(base: Sequence[Any], own: Sequence[Any], key: str, at: Steps, places: dict[Steps, int]) -> Sequence[Any]:
    found = list(base)
    for number, entry in enumerate(own):
        same = next((place for place, one in enumerate(base) if one[key] == entry[key]), None)
        places[(*at, number)] = len(found) if same is None else same
        if same is None:
            found.append(entry)
        else:
            found[same] = _merged(base[same], entry, (*at, number), places)
    return found


def _moved(steps: Steps, places: Mapping[Steps, int]) -> Steps:
    """The path in the merged card of something in the project's file."""
    moved = (places.get(steps[: length + 1], step) for length, step in enumerate(steps))
    return tuple(moved)
