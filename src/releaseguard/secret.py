"""A value that must never be seen: masked in every rendering, revealed by adapters only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import weakref
from collections.abc import Callable, Iterable
from typing import NoReturn, SupportsIndex, final
from urllib.parse import quote

MASK = "********"
PIECE = 8
"""So many characters of a value in a row are too many for a message to hold."""
_SHORTEST_MASKED = 6
"""Shorter values are not searched for: masking every ``1`` would hide the message and not the secret."""

_DIGITS = r"(?=[\w+/=.-]*\d)(?=[\w+/=.-]*[A-Za-z])"
_MIXED_CASE = r"(?=[\w+/=.-]*[a-z][A-Z])(?=[\w+/=.-]*(?:[A-Z]{2}|[a-z][A-Z][\w+/=.-]*[a-z][A-Z]))"
_LIKE_A_KEY = re.compile(rf"(?<![\w+/=.-])(?:{_DIGITS}|{_MIXED_CASE})(?![A-Z0-9]*_[A-Z0-9_]*\b)[\w+/=.-]{{12,}}")
"""Twelve characters or more in a row with letters and digits, or in a case that changes as no word's does, other than a
NAME_IN_CAPITALS_2. One piece of a random value in eight holds no digit."""

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
        """Whether ``text`` holds a piece of the value, as it is or in base64, hexadecimal, URL or JSON quoting:
        :data:`PIECE` characters in a row, or all of a shorter one."""
        folded = text.casefold()
        return any(_piece_shows(form.casefold(), folded) for form in _forms(self.__value))

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


def _forms(value: str) -> tuple[str, ...]:
    """How a service may repeat a value: base64 looks different for each place at which it can begin."""
    raw = value.encode(errors="surrogatepass")
    encoded = [base64.b64encode(raw[skipped:]).decode().rstrip("=") for skipped in range(min(3, len(raw)))]
    aligned = [encoded[0], *(text[:-1] for text in encoded[1:])] if encoded else []
    url_safe = [text.replace("+", "-").replace("/", "_") for text in aligned]
    return (value, quote(value, safe="", errors="replace"), json.dumps(value)[1:-1], raw.hex(), *aligned, *url_safe)


def _piece_shows(form: str, text: str) -> bool:
    size = min(PIECE, len(form))
    return bool(size) and any(form[start : start + size] in text for start in range(len(form) - size + 1))


def without_keys(text: str) -> str:
    """``text`` with everything left out that looks like a key: a service may put a value into its own words that
    this process has never seen."""
    return _LIKE_A_KEY.sub("...", text)


def masked(text: str) -> str:
    """``text`` with every value that this process holds as a ``Secret`` replaced by the mask.

    The last line of defence, for text that libraries and services wrote: whoever writes a message does not put a value
    into it to begin with.
    """
    return masker(list(_alive.values()))(text)


def masker(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """What replaces these values in a text by the mask: in whatever letter case (a host is shown in lower case), and in
    every form in which a service may repeat them."""
    forms = {form for secret in secrets for form in _forms(secret.reveal()) if len(form) >= _SHORTEST_MASKED}
    folded = [(form.casefold(), form) for form in sorted(forms, key=len, reverse=True)]

    def mask(text: str) -> str:
        low = text.casefold()
        for form in [form for plain, form in folded if plain in low]:
            text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
        return text

    return mask
