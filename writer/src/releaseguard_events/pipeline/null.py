"""The exporter of a process that has no destination configured."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.stores.storable import Writable


class NullExporter:
    """Counts every event as lost, since no destination is configured."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops

    def export(self, events: Sequence[Writable], *, at_once: bool = False) -> bool:  # noqa: ARG002
        """Count the events as lost."""
        self._drops.add("no event log is configured", len(events))
        return not events

    def next_look(self) -> float | None:
        """``None``: there is never anything to retry."""
        return None

    def keep(self, events: Sequence[Writable]) -> None:
        """Count the events as lost: nobody knows for which store to keep them."""
        self.export(events)

    def shutdown(self, events: Sequence[Writable], *, to_store: bool) -> bool:  # noqa: ARG002
        """Count the events as lost."""
        return self.export(events)
