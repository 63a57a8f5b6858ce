"""Any object of the app as plain JSON: bounded in depth, in nodes and in text, and never an exception."""

from __future__ import annotations

import math
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing and dataclasses cost an app more at its start than all of this does
    from collections.abc import Iterable
    from typing import Any, Final, TypeAlias

    Call: TypeAlias = tuple[Any, ...]
    """A call as the app's thread leaves it, of things that cannot change: when, in nanoseconds; its number in the
    process; provider, event, outcome, error code, release, source; latency, correlation id, synthetic, detail."""
    Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

MAX_DEPTH: Final = 6
MAX_NODES: Final = 400
MAX_RAW: Final = 4_000
"""Characters of one text; all texts of one value together have twice that."""
LONGEST_MATCH: Final = 400
"""A secret that a cut halves is no longer recognised: so many characters before a cut are given up with it."""

MAX_HELD: Final = 40
"""Values of an object that are looked at one by one while the app waits."""
CONSTANT: Final = frozenset({str, int, float, bool, type(None)})
"""Types of which nobody can change a value. Their own only: a class made from one may do anything."""

CUT: Final = "[cut]"
UNREADABLE: Final = "[unreadable]"
_SAFE_INTEGER: Final = 2**53


def plain(value: object) -> Json:
    """A copy of ``value`` that JSON can hold: bounded in depth, nodes and text; what is not JSON becomes text.

    Never raises ``Exception``, whatever ``value``'s own methods do.
    """
    return _plain(value, MAX_DEPTH, _Budget(MAX_NODES, MAX_RAW * 2))


def held(value: object) -> object:
    """What of ``value`` nobody else can change any more, for :func:`released` to give back later: itself where it is
    constant and small, of an object of such values its keys and then its values, otherwise what :func:`plain` makes of
    it now. Never raises.

    A tuple, since Python keeps small ones for the next use: an object for every call that waits would have it look for
    garbage in one call of 350, which then takes fifty times as long.
    """
    if type(value) is dict and len(value) <= MAX_HELD:
        copied: dict[object, object] = value.copy()
        for key, item in copied.items():
            if type(item) not in CONSTANT or type(key) is not str or (type(item) is str and len(item) > MAX_RAW):
                return plain(copied)
        return (*copied, *copied.values())
    return value if type(value) in CONSTANT and not (type(value) is str and len(value) > MAX_RAW) else plain(value)


def released(value: object) -> object:
    """What :func:`held` was given, or what it made of that."""
    if type(value) is not tuple:
        return value
    half = len(value) // 2
    return dict(zip(value[:half], value[half:], strict=True))


def held_text(value: object) -> object:
    """The same of what is to be a text."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= MAX_RAW else plain_text(value)  # type: ignore[arg-type]
    return None if value is None else plain_text(value)


def plain_text(value: object, limit: int = MAX_RAW) -> str:
    """``value`` as text that every store can hold: no NUL, no lone surrogate, at most ``limit`` characters."""
    try:
        text = str.__str__(value) if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001 - the app's own __str__ may do anything
        return UNREADABLE
    return _storable(text, limit)


class _Budget:
    __slots__ = ("characters", "nodes")

    def __init__(self, nodes: int, characters: int) -> None:
        self.nodes, self.characters = nodes, characters

    def spend(self, text: str) -> str:
        kept = _storable(text, min(MAX_RAW, max(self.characters, 0)))
        self.characters -= len(kept)
        return kept


def _storable(text: str, limit: int) -> str:
    if len(text) > limit:
        text = text[: max(limit - LONGEST_MATCH, 0)] + CUT
    # PostgreSQL's jsonb refuses NUL, UTF-8 refuses lone surrogates.
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _plain(value: object, depth: int, budget: _Budget) -> Json:
    budget.nodes -= 1
    if budget.nodes < 0 or depth < 0:
        return CUT
    try:
        return _convert(value, depth, budget)
    except Exception:  # noqa: BLE001 - the app's own objects may do anything
        return UNREADABLE


def _convert(value: object, depth: int, budget: _Budget) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return budget.spend(str.__str__(value))
    if isinstance(value, int):
        return _plain_integer(int.__add__(value, 0))
    if isinstance(value, float):
        number = float.__add__(value, 0.0)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, Mapping):
        return _plain_object(value, depth, budget)
    if isinstance(value, list | tuple | set | frozenset):
        return _plain_list(value, depth, budget)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return budget.spend(str(value))


def _plain_integer(number: int) -> Json:
    if abs(number) <= _SAFE_INTEGER:
        return number
    return str(number) if number.bit_length() <= 256 else f"[integer of {number.bit_length()} bits]"


def _plain_object(value: Mapping[Any, Any], depth: int, budget: _Budget) -> Json:
    copied: dict[str, Json] = {}
    for key, item in value.items():
        if budget.nodes <= 0:
            copied[CUT] = True
            break
        copied[budget.spend(plain_text(key, 200))] = _plain(item, depth - 1, budget)
    return copied


def _plain_list(value: Iterable[Any], depth: int, budget: _Budget) -> Json:
    copied: list[Json] = []
    for item in value:
        if budget.nodes <= 0:
            copied.append(CUT)
            break
        copied.append(_plain(item, depth - 1, budget))
    return copied
