"""What the writer expects of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from releaseguard_events.stores.storable import Writable


class Store(Protocol):
    """Where events go. For one thread at a time."""

    def append(self, events: Sequence[Writable]) -> None:
        """Write the events whose ids do not exist yet; a repeat does no harm. Raises ``ReleaseguardError``."""

    def close(self) -> None:
        """Release connections and files. Calling it twice is harmless."""
