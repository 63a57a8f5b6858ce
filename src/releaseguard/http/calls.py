"""One request as the caller asks for it, what its tries have used up, and its encoded path and body."""

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
    """One request as the caller asks for it, without what is added at every try."""

    method: str
    path: str
    params: Mapping[str, str | int | bool]
    headers: Mapping[str, str | Secret]
    content: bytes | None = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    repeatable: bool
    once: bool
    """Whether the request must not be sent again even after a rate limit refused it."""
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
    """What one call has used up; ``until`` is the time at which its retries must end."""

    until: float
    tries: Counter[Any] = field(default_factory=Counter)

    def again(self, kind: object) -> int:
        """Count one more occurrence of ``kind``; returns how many there have been."""
        self.tries[kind] += 1
        return self.tries[kind]


def quoted(segment: str) -> str:
    """``segment`` percent-encoded as one part of a path, so that a slash or ``..`` in a name stays part of the name."""
    return quote(segment, safe="").replace(".", "%2E") if segment in {".", ".."} else quote(segment, safe="")


def plain_path(path: str) -> str:
    """``path``, unchanged. Raises ``ValueError`` for a path that a client or proxy would rewrite."""
    if not path.startswith("/") or set(path) & set("?#\\ \r\n"):
        raise ValueError("a path begins with / and holds neither a query nor unquoted characters")
    return path


def serialised(payload: Any) -> tuple[bytes | None, list[str]]:
    """The JSON text of ``payload``, and the secret values it contains. ASCII only, since the message of an encoding
    error would contain the whole text."""
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
