"""Where events go when nobody said where."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.stores.storable import Writable


class NullExporter:
    """Where events go without a configuration: each is counted as lost."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops

    def export(self, events: Sequence[Writable], *, at_once: bool = False) -> bool:  # noqa: ARG002
        """Count them."""
        self._drops.add("no event log is configured", len(events))
        return not events

    def next_look(self) -> float | None:
        """There is nothing to look for."""
        return None

    def keep(self, events: Sequence[Writable]) -> None:
        """Count them: nobody knows which store's they are."""
        self.export(events)

    def shutdown(self, events: Sequence[Writable], *, to_store: bool) -> bool:  # noqa: ARG002
        """Count them."""
        return self.export(events)
