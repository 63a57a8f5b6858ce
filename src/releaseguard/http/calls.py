"""One request as it is asked for, what its tries have used up, and the text that it is made of."""

from __future__ import annotations

import json as json_module
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from releaseguard.secret import Secret

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REPEATABLE: Final = READS | {"PUT", "DELETE"}


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One request as asked for, apart from what is added at every try."""

    method: str
    path: str
    params: Mapping[str, str | int | bool]
    headers: Mapping[str, str | Secret]
    content: bytes | None = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    repeatable: bool
    once: bool
    """Not even a limit's refusal is a reason to send it again."""
    allow: Collection[int]
    on_write: Callable[[], None]

    @property
    def writes(self) -> bool:
        return self.method not in READS

    @property
    def words(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Spent:
    """What one call has used up. ``until`` is the time at which its patience ends."""

    until: float
    tries: Counter[Any] = field(default_factory=Counter)

    def again(self, kind: object) -> int:
        """How often ``kind`` has happened, this time included."""
        self.tries[kind] += 1
        return self.tries[kind]


def quoted(segment: str) -> str:
    """``segment`` as one part of a path: a slash or a dot-dot in a name stays a name."""
    return quote(segment, safe="").replace(".", "%2E") if segment in {".", ".."} else quote(segment, safe="")


def plain_path(path: str) -> str:
    """``path`` as it is. Raises ``ValueError`` for one that would not arrive as it is."""
    if not path.startswith("/") or set(path) & set("?#\\ \r\n"):
        raise ValueError("a path begins with / and holds neither a query nor unquoted characters")
    return path


def serialised(payload: Any) -> tuple[bytes | None, list[str]]:
    """The JSON text and the values revealed in it. ASCII only: an encoding error would carry the whole text."""
    revealed: list[str] = []

    def reveal(value: object) -> object:
        if isinstance(value, Secret):
            revealed.append(value.reveal())
            return value.reveal()
        if isinstance(value, Mapping):
            return dict(value)
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")

    if payload is None:
        return None, revealed
    text = json_module.dumps(payload, default=reveal, allow_nan=False, separators=(",", ":"))
    return text.encode(), revealed
