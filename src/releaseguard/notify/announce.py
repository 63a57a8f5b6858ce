"""Telling news that were not told yet; whatever goes wrong with it is said and changes nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.interface import Conflict, EventLog, Query
from releaseguard.model import OURSELVES
from releaseguard.notify.memory import NOT_DELIVERED, SENT, row_of, told_of
from releaseguard.notify.news import News
from releaseguard.notify.wording import Payload
from releaseguard.settings import Occasion

PAUSE = 60.0
"""Seconds for which a receiver that took no message is left alone by the same run: a watch looks often."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message."""

    problem: str | None = None
    """Why it may not have arrived; ``None``: it has."""
    may_have_arrived: bool = False


class NewsReceiver(Protocol):
    """Where messages go."""

    def deliver(self, payload: Payload) -> Delivery:
        """Send one message, once."""


@dataclass(slots=True, kw_only=True)
class Announcer:
    """Tells ``occasions`` of them to one receiver."""

    log: EventLog
    receiver: NewsReceiver
    occasions: Collection[Occasion]
    write: Callable[[News], Payload]
    warn: Callable[[str], None]
    elapsed: Callable[[], float]
    _quiet_until: float = field(default=float("-inf"), init=False)

    def announce(self, news: Iterable[News]) -> None:
        """Tell what was not told yet. Never raises for a receiver or a log that does not answer."""
        wanted = [one for one in news if one.occasion in self.occasions]
        if not wanted or self.elapsed() < self._quiet_until:
            return
        try:
            for one in wanted:
                self._tell(one)
        except ReleaseguardError as error:
            self.warn(f"Nobody could be notified, since the event log did not take it: {error}")

    def _tell(self, news: News) -> None:
        query = Query(
            environment=news.environment,
            providers=(OURSELVES,),
            events=(SENT, NOT_DELIVERED),
            detail={"subject": news.subject},
        )
        told = told_of(news.subject, self.log.select(query))
        if not told.lacks(news) or not self._is_ours_to_tell(news, told.messages):
            return
        delivery = self.receiver.deliver(self.write(news))
        if delivery.problem is None:
            return
        self._quiet_until = self.elapsed() + PAUSE
        if delivery.may_have_arrived:
            self.warn(f"A notification may not have arrived: {delivery.problem}.")
            return
        self.log.append([row_of(NOT_DELIVERED, news, told.messages, self.log.now())])
        self.warn(f"A notification was not delivered: {delivery.problem}. The next run tries again.")

    def _is_ours_to_tell(self, news: News, message: int) -> bool:
        """Whether no other run is telling it."""
        try:
            self.log.append_exclusively([row_of(SENT, news, message, self.log.now())])
        except Conflict:
            return False
        return True
