"""A reading plan: what is to be known of single rows, each under a name, asked of the log at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from releaseguard.eventlog.interface import EventLog, Judged, Query, RowAnswer, RowQuestion, SetAside
from releaseguard.model import Event

K = TypeVar("K", bound=Hashable)
Take = Callable[[Event], None]


class RowAnswers(Struct, Generic[K], frozen=True):
    """The rows by the name of the question that they answer."""

    found: Mapping[K, Sequence[RowAnswer]]

    def rows(self, name: K) -> Sequence[Event]:
        """The rows that a question has; none where it was not asked."""
        return [one.row for one in self.found.get(name, ()) if isinstance(one.row, Event)]

    def numbered(self, name: K) -> Sequence[tuple[Event, int]]:
        """The same where rows that are alike may come as one: with how many they are."""
        return [(one.row, one.many) for one in self.found.get(name, ()) if isinstance(one.row, Event)]

    def judged(self, name: K) -> Sequence[Judged]:
        """The same with what the log holds against each."""
        return [(one.row, one.doubt) for one in self.found.get(name, ()) if isinstance(one.row, Event)]

    def aside(self, name: K) -> Sequence[SetAside]:
        """The rows that a question for unreadable ones has."""
        return [one.row for one in self.found.get(name, ()) if isinstance(one.row, SetAside)]


def gathered(
    log: EventLog, plan: Mapping[K, Query | RowQuestion], pour: Mapping[K, Take] | None = None
) -> RowAnswers[K]:
    """What the log answers to all of ``plan``. The rows of a name in ``pour`` are handed over as they come, and not
    kept: they may be many."""
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
