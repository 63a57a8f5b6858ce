"""What the writer's thread works with: what turns calls into events, and what delivers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from releaseguard_events.note import Note, Resource, event_of, reason_against
from releaseguard_events.pipeline.rows import RowMaker
from releaseguard_events.stores.storable import EventRow, row_of

if TYPE_CHECKING:
    from releaseguard_events.plain import Call
    from releaseguard_events.scrub.scrubber import Scrubber
    from releaseguard_events.stores.storable import Writable


class Exporter(Protocol):
    """Delivers events: a ``BatchExporter``, or a stand-in in tests."""

    def export(self, events: Sequence[Writable], *, at_once: bool = False) -> bool:
        """Deliver the events; returns whether they are in the store now. Called by one thread at a time."""

    def next_look(self) -> float | None:
        """Seconds until ``export`` should be called even without new events; ``None``: no need."""

    def keep(self, events: Sequence[Writable]) -> None:
        """Put the events on disk. Safe while another thread is in ``export``."""

    def shutdown(self, events: Sequence[Writable], *, to_store: bool) -> bool:
        """End with the process; returns whether the events are in the store or on disk. With ``to_store`` the store is
        tried too, which is safe only where no other thread is using it."""


@dataclass(slots=True)
class Pipeline:
    """Turns calls into events, and holds the exporter that delivers them."""

    exporter: Exporter
    resource: Resource
    scrubber: Scrubber
    _maker: RowMaker = field(init=False)

    def __post_init__(self) -> None:
        self._maker = RowMaker(self.resource, self.scrubber)

    def events(self, calls: Sequence[Call | Note | EventRow], lose: Callable[[str], None]) -> list[EventRow]:
        """The events of the calls; the same call always makes the same event. ``lose`` gets the reason for each call
        that makes none."""
        made, row = [], self._maker.row
        for call in calls:
            try:
                made.append(row(call) if type(call) is tuple else self._event(call))
            except Exception as error:  # noqa: BLE001 - one call must not take others with it
                lose(reason_against(error))
        return made

    def _event(self, made: Call | Note | EventRow) -> EventRow:
        if isinstance(made, Note):
            return row_of(event_of(made, self.resource, self.scrubber))
        return made if isinstance(made, EventRow) else self._maker.row(made)
