"""Asks the log all questions about single rows at once, each under a name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from releaseguard.eventlog.interface import EventLog, Judged, Query, RowAnswer, RowQuestion, SetAside
from releaseguard.model import Event

K = TypeVar("K", bound=Hashable)
Take = Callable[[Event], None]


class RowAnswers(Struct, Generic[K], frozen=True):
    """The rows, by the name of the question that they answer."""

    found: Mapping[K, Sequence[RowAnswer]]

    def rows(self, name: K) -> Sequence[Event]:
        """The rows of a question; empty where it was not asked."""
        return [one.row for one in self.found.get(name, ()) if isinstance(one.row, Event)]

    def numbered(self, name: K) -> Sequence[tuple[Event, int]]:
        """The rows of a question, each with how many it represents, where similar rows may be returned as one."""
        return [(one.row, one.many) for one in self.found.get(name, ()) if isinstance(one.row, Event)]

    def judged(self, name: K) -> Sequence[Judged]:
        """The rows of a question, each with the log's objection to it."""
        return [(one.row, one.doubt) for one in self.found.get(name, ()) if isinstance(one.row, Event)]

    def aside(self, name: K) -> Sequence[SetAside]:
        """The rows of a question about unreadable ones."""
        return [one.row for one in self.found.get(name, ()) if isinstance(one.row, SetAside)]


def gathered(
    log: EventLog, plan: Mapping[K, Query | RowQuestion], pour: Mapping[K, Take] | None = None
) -> RowAnswers[K]:
    """The log's answers to all questions in ``plan``. Rows of a name in ``pour`` are handed over as they come and not
    kept, since they may be many."""
    names, poured = list(plan), pour or {}
    found: dict[K, list[RowAnswer]] = {name: [] for name in names}
    for answer in log.answers([_question(plan[name]) for name in names]) if names else ():
        name = names[answer.question]
        take = poured.get(name)
        if take is None:
            found[name].append(answer)
        elif isinstance(answer.row, Event):
            take(answer.row)
    return RowAnswers(found)


def _question(asked: Query | RowQuestion) -> RowQuestion:
    return asked if isinstance(asked, RowQuestion) else RowQuestion(query=asked)
