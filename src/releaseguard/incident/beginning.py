"""When the trouble began, by asking the health judge about longer and longer times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import structs

from releaseguard.eventlog.hours import HourCount
from releaseguard.health.judge import condition_of
from releaseguard.health.run import HealthContext, Observer
from releaseguard.health.values import TROUBLED, HealthCondition, Overview, Why
from releaseguard.health.volumes import spike_of
from releaseguard.health.window import Window
from releaseguard.stats.series import Cell

LONGEST = timedelta(days=2)
"""How far back the beginning is searched for."""
NEAR = 0.05
"""The part at the beginning of a time in which trouble that seems to begin there may have begun earlier."""
_UNDECIDED = frozenset({Why.BY_CHANCE, Why.ALL_OF_FEW_FAILED})
"""Grounds that a longer time may clear up."""


@dataclass(slots=True)
class Past:
    """The log around one provider at one moment. The time before the first window is read once."""

    context: HealthContext
    provider: str
    until: datetime
    _observer: Observer = field(init=False)
    _windows: dict[tuple[timedelta, bool], Window] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._observer = Observer(structs.replace(self.context, now=lambda: self.until - timedelta(seconds=1)))

    def overview(self, span: timedelta) -> Overview:
        """What ``health`` shows for a time that ends now."""
        self._observer.context = structs.replace(self._observer.context, window=span, provider=self.provider)
        return self._observer.look(self.window(span))

    def window(self, span: timedelta, *, by_event: bool = False) -> Window:
        """The traffic of a time that ends now; with ``by_event``, each of the provider's events counts as a provider,
        so that a missing one shows next to the others."""
        if (span, by_event) not in self._windows:
            name = self._event_of if by_event else None
            self._windows[span, by_event] = self._observer.window(self.until - span, self.until, name)
        return self._windows[span, by_event]

    def _event_of(self, cell: Cell | HourCount) -> str:
        return cell.event if cell.provider == self.provider else cell.provider

    def spans(self) -> Iterator[timedelta]:
        """The requested time, then repeatedly twice as long, so that its newer half follows the earlier one."""
        span = self.context.window
        while span < LONGEST:
            yield span
            span *= 2
        yield max(LONGEST, self.context.window)

    def condition(self) -> tuple[HealthCondition, timedelta]:
        """The provider's condition, and the time over which it was seen."""
        return self._over_spans(self.provider, by_event=False)

    def event(self, event: str) -> HealthCondition:
        """The condition of one of the provider's events."""
        return self._over_spans(event, by_event=True)[0]

    def spike(self, event: str, harm: float) -> HealthCondition | None:
        """The condition of an event with far more occurrences than usual; ``None`` where there is no spike."""
        spike: HealthCondition | None = None
        for span in self.spans():
            found = spike_of(self.window(span, by_event=True), event, harm)
            spike = found or spike
            if found is None or not reaches_back(found, self.until - span, span):
                break
        return spike

    def _over_spans(self, name: str, *, by_event: bool) -> tuple[HealthCondition, timedelta]:
        first: tuple[HealthCondition, timedelta] | None = None
        troubled: tuple[HealthCondition, timedelta] | None = None
        for span in self.spans():
            found = condition_of(self.window(span, by_event=by_event), name), span
            first = first or found
            if found[0].state in TROUBLED:
                troubled = found
                if not reaches_back(found[0], self.until - span, span):
                    break
            elif troubled or found[0].grounds.why not in _UNDECIDED:
                break
        assert first is not None  # noqa: S101 - there is always a first span
        return troubled or first


def reaches_back(condition: HealthCondition, start: datetime, span: timedelta) -> bool:
    """Whether the trouble may have begun before ``start``, the beginning of the time. A silence begins with the last
    event, however old that is."""
    if condition.since is None or condition.grounds.why is Why.SILENT:
        return False
    return condition.since <= start + span * NEAR
