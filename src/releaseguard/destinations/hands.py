"""The address of a place that a person writes: ``manual:NAME``."""

from __future__ import annotations

import re

from releaseguard.destinations.address import Address, Scheme

KIND = "manual"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def is_hands(text: str) -> bool:
    """Whether ``text`` is the address of a place that a person writes: ``manual:NAME``."""
    kind, _, name = text.strip().partition(":")
    return kind == KIND and bool(_NAME.fullmatch(name))


def _read(rest: str) -> Address | None:
    return Address(base=f"{KIND}:{rest}") if _NAME.fullmatch(rest) else None


SCHEME = Scheme(KIND, (f"{KIND}:NAME",), _read)
