"""What the adapters of destinations share: parallel requests, and reading again until a write is visible."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from releaseguard.destinations.interface import Item, ItemKind
from releaseguard.errors import ReleaseguardError, ServiceError
from releaseguard.http import ServiceClient
from releaseguard.secret import Secret

T = TypeVar("T")

LOOKS = 3
"""How many times a read-back looks before it reports that a write did not take effect: replicas lag behind."""
PAUSE = 1.0
"""Seconds between two of those looks."""


def all_of(client: ServiceClient, calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of ``calls``, run in parallel. Raises the first failure once all calls have ended."""
    if len(calls) == 1:
        return [calls[0]()]
    results: list[T] = []
    for result in client.run_side_by_side(calls):
        if isinstance(result, ReleaseguardError):
            raise result
        results.append(result)
    return results


class Writes:
    """Counts the writing requests of one push by name. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def of(self, *names: str) -> Callable[[], None]:
        """A function for the HTTP client to call at each try of a request that writes ``names``."""

        def count() -> None:
            with self._lock:
                self._counts.update(names)

        return count

    def __getitem__(self, name: str) -> int:
        with self._lock:
            return self._counts[name]

    def by_name(self) -> Mapping[str, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)


def without_value(error: ServiceError, value: Secret) -> ServiceError:
    """``error``, with its text removed where that contains a piece of ``value``.

    The HTTP client already hides what it sent; it does not know a value that was encrypted before it was sent.
    """
    if not value.shows_in(error.what):
        return error
    what = "the service refused the request in words that hold the secret; they are not shown"
    return type(error)(what, where=error.where, next_step=error.next_step, status=error.status)


def looked_until(look: Callable[[], T], settled: Callable[[T], bool], sleep: Callable[[float], None]) -> T:
    """The result of ``look`` as soon as it is ``settled``, or after :data:`LOOKS` looks."""
    seen = look()
    for _ in range(LOOKS - 1):
        if settled(seen):
            break
        sleep(PAUSE)
        seen = look()
    return seen


def in_order(items: Sequence[Item]) -> Sequence[Sequence[Item]]:
    """The secrets first, then their companions: a companion may only name a version that has been read back."""
    waves = ([i for i in items if i.kind is kind] for kind in (ItemKind.SECRET, ItemKind.COMPANION))
    return [wave for wave in waves if wave]


def moment_of(text: Any) -> datetime | None:
    """A service's ISO 8601 time; ``None`` where it is missing or unreadable."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def moment_of_ms(milliseconds: Any) -> datetime | None:
    """A service's milliseconds since 1970 as a time; ``None`` where they are missing."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
