"""Requests, answers, and how services write times."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a handler sees it: header names in lower case, path parts decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON. Raises ``ValueError`` where it is none."""
        return json.loads(self.body)

    @property
    def bearer(self) -> str | None:
        """The credential of the ``Authorization`` header, whichever scheme carries it."""
        scheme, _, credential = self.headers.get("authorization", "").partition(" ")
        return credential.strip() if scheme.lower() in {"bearer", "token"} and credential else None


@dataclass(slots=True)
class Response:
    """One answer. A ``None`` body is no body at all; bytes go out as they are, anything else as JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Reject(Exception):
    """Raised by handlers to answer at once."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Drop(Exception):
    """Raised by a hook: close the connection without an answer (before the effect, or after it)."""


@dataclass(slots=True, eq=False)
class Recorded:
    """One line of the journal."""

    number: int
    service: str
    method: str
    path: str
    query: Mapping[str, str]
    at: float
    """The stand-in's ``elapsed`` when the request had been read."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None
    """What was answered; ``None`` where nothing was."""
    answer: Response | None = field(default=None, repr=False)
    ended: float | None = None
    too_early: bool = False
    """Sent although a ``retry-after`` of this stand-in was still running."""

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def milliseconds(moment: datetime) -> int:
    """A time as Vercel writes it."""
    return int(moment.timestamp() * 1000)


def to_seconds(moment: datetime) -> str:
    """A time as GitHub writes it: whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_milliseconds(moment: datetime) -> str:
    """A time as Infisical writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
