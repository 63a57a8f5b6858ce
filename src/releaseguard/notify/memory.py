"""What was told already, as the event log remembers it. Pure.

A row is written before a message is sent, with an id that follows from the subject and the number of messages about it
so far: of two runs that want to tell the same thing one writes it. A second row says that a message did not arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from releaseguard.model import OURSELVES, Event, Outcome, deterministic_id
from releaseguard.notify.news import News

SENT, NOT_DELIVERED = "notification_sent", "notification_failed"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the log remembers of one subject."""

    messages: int = 0
    """How many were sent, delivered or not."""
    last: str | None = None
    """The occasion of the last one that was delivered, or may have been."""

    def lacks(self, news: News) -> bool:
        """Whether ``news`` is to be told."""
        return news.occasion != self.last and not (news.only_after_other and self.last is None)


def told_of(subject: str, rows: Iterable[Event]) -> Remembered:
    """What ``rows`` of ours, in order of time, say of ``subject``."""
    mine = [row for row in rows if row.detail.get("subject") == subject]
    failed = {row.detail.get("message") for row in mine if row.event == NOT_DELIVERED}
    sent = [row for row in mine if row.event == SENT]
    arrived = [row for row in sent if row.detail.get("message") not in failed]
    last = max(arrived, key=_number, default=None)
    return Remembered(
        1 + max(map(_number, sent), default=-1), None if last is None else str(last.detail.get("occasion"))
    )


def _number(row: Event) -> int:
    number = row.detail.get("message")
    return number if isinstance(number, int) else -1


def row_of(event: str, news: News, message: int, at: datetime) -> Event:
    """The row that message number ``message`` about the subject is sent, or did not arrive."""
    about = {"subject": news.subject, "occasion": news.occasion.value, "message": message}
    return Event(
        id=deterministic_id(event, news.environment, news.subject, str(message)),
        occurred_at=at,
        provider=OURSELVES,
        event=event,
        outcome=Outcome.SUCCESS if event == SENT else Outcome.ERROR,
        environment=news.environment,
        release=news.release,
        source="notify",
        detail={**about, **({"provider": news.provider} if news.provider else {})},
    )
