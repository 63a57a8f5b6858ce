"""A value that must never be seen: masked in every rendering, revealed by adapters only."""

from __future__ import annotations

import hashlib
import hmac
import weakref
from typing import NoReturn, SupportsIndex, final

MASK = "********"
PIECE = 8
"""So many characters of a value in a row are too many for a message to hold."""
_SHORTEST_MASKED = 6
"""Shorter values are not searched for: masking every ``1`` would hide the message and not the secret."""

_alive: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()


@final
class Secret:
    """A secret's value from the moment it is read.

    ``repr``, ``str`` and ``format`` give a mask of fixed width (even the length says something); pickling and
    copying into JSON are refused by having no representation at all. Only an adapter that hands the value to
    the service it belongs to calls :meth:`reveal`.
    """

    __slots__ = ("__value", "__weakref__")

    def __init__(self, value: str) -> None:
        self.__value = value
        _alive[id(self)] = self

    def reveal(self) -> str:
        """The value itself. To be called in adapters, at the last moment, and never kept."""
        return self.__value

    def same_as(self, other: Secret) -> bool:
        """Whether both hold the same value, in constant time."""
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def has_sha256(self, digest: str) -> bool:
        """Whether ``digest`` is the value's SHA-256 in lower-case hexadecimal (Supabase's listing shows that)."""
        mine = hashlib.sha256(self.__value.encode()).hexdigest()
        return hmac.compare_digest(mine.encode(), digest.lower().encode())

    def shows_in(self, text: str) -> bool:
        """Whether ``text`` holds a piece of the value: :data:`PIECE` characters in a row, or all of a shorter one."""
        size = min(PIECE, len(self.__value))
        pieces = (self.__value[start : start + size] for start in range(len(self.__value) - size + 1))
        return bool(size) and any(piece in text for piece in pieces)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.same_as(other)

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret is not hashable: a set or a dict of values invites printing them")

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


def masked(text: str) -> str:
    """``text`` with every value that this process holds as a ``Secret`` replaced by the mask.

    The last line of defence, for text that libraries wrote (a traceback, an unforeseen exception): whoever
    writes a message does not put a value into it to begin with.
    """
    values = {secret.reveal() for secret in list(_alive.values())}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_MASKED:
            text = text.replace(value, MASK)
    return text
