"""``detail`` from a store, as an object of bounded size. Pure.

Whoever may insert a row chooses its content: a text of a megabyte, half a million keys, ten thousand levels. What is
read of a row is bounded here, so that no reader has to care. Our own rows are not cut, since their hash covers every
character.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from releaseguard_events.plain import CUT

LONGEST: Final = 16 * 2**20
"""The most characters fetched of a row's detail, whoever wrote it."""
MOST_TEXT: Final = 2**20
"""The most characters of an app's detail that are parsed; of a longer one it is only known that it was cut."""
MOST_MEMBERS: Final = 1_000
"""The most values in an app's detail, over all levels."""
MOST_LEVELS: Final = 32
MOST_OF_ONE: Final = 4_000
"""The most characters of one text in an app's detail."""
MOST_CHARACTERS: Final = 16_000
"""The most characters of all its texts together."""
LABELS: Final = ("secret_version", "deployment_id")
"""The keys on which a proof rests; they are kept, however many keys there are."""
_SMALL: Final = 4_000
_WRITTEN_TWICE: Final = 2
"""The form of ``JSON.stringify`` of an object, given to a client that encodes it again."""

_WHOLLY_CUT: Final[Mapping[str, Any]] = {CUT: True}


def detail_of(text: Any, *, whole: bool = False) -> Mapping[str, Any]:
    """The object in the JSON ``text``; empty where it contains anything else.

    A JSON text that contains such a text is read as that object. With ``whole``, a detail of up to :data:`LONGEST`
    characters is not cut. A cut one has :data:`CUT` as a key or at the end of a text.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str) or text in ("", "{}"):
        return {}
    if len(text) > (LONGEST if whole else MOST_TEXT):
        return _WHOLLY_CUT
    try:
        value = _parsed(text)
    except RecursionError:
        return _WHOLLY_CUT
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    return value if whole or _is_small(text) else _bounded(value)


def is_unread(detail: Mapping[str, Any]) -> bool:
    """Whether the detail was too large to be read at all, so that anything may be missing from it."""
    return detail.keys() == {CUT}


def _parsed(text: str) -> Any:
    value: Any = text
    for _ in range(_WRITTEN_TWICE + 1):
        if not isinstance(value, str):
            break
        value = DECODER.decode(value)
    return value


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _integer(text: str) -> int | None:
    """An integer; ``None`` for thousands of digits, which are nobody's version and which Python refuses to read."""
    return int(text) if len(text) <= 400 else None


DECODER: Final = json.JSONDecoder(parse_float=_finite, parse_int=_integer, parse_constant=lambda _: None)
"""Without NaN and infinities: no JSON has them, and what we print must be JSON."""


def _is_small(text: str) -> bool:
    """Whether no bound can be reached, by a cheap test that most rows pass."""
    return len(text) <= _SMALL and text.count("{") + text.count("[") <= MOST_LEVELS


def _bounded(value: dict[str, Any]) -> dict[str, Any]:
    labels = {key: value[key] for key in LABELS if key in value}
    bounded: dict[str, Any] = _cut(labels | value, 0, _Left())
    return bounded


class _Left(Struct):
    """How much of one row may still be kept."""

    members: int = MOST_MEMBERS
    characters: int = MOST_CHARACTERS

    def text(self, text: str) -> str:
        most = min(MOST_OF_ONE, max(self.characters, 0))
        kept = text if len(text) <= most else text[: max(most - len(CUT), 0)] + CUT
        self.characters -= len(kept)
        return kept


def _cut(value: Any, level: int, left: _Left) -> Any:
    left.members -= 1
    match value:
        case str():
            return left.text(value)
        case dict() | list() if level >= MOST_LEVELS:
            return CUT
        case dict():
            return _cut_object(value, level, left)
        case list():
            kept = [_cut(inner, level + 1, left) for inner in islice(value, max(left.members, 0))]
            return kept if len(kept) == len(value) else [*kept, CUT]
        case _:
            return value


def _cut_object(value: dict[str, Any], level: int, left: _Left) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        if left.members <= 0:
            return kept | {CUT: True}
        kept[left.text(key)] = _cut(inner, level + 1, left)
    return kept
