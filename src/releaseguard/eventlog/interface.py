"""The vocabulary of the event log: what may be asked of a store, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from uuid import UUID

from msgspec import Struct

from releaseguard.errors import ConfigError, ReleaseguardError
from releaseguard.eventlog.counts import MinuteCount, count_minutes
from releaseguard.eventlog.watching import Watch, unwatched
from releaseguard.model import Event, Outcome, Remark

if TYPE_CHECKING:
    from releaseguard.eventlog.hours import HourCount, SettledHour
    from releaseguard.eventlog.mapping.shares import RuleShares

COSTS = {
    "recorded_at": "no --as-of",
    "synthetic": "no flows",
    "release": "releases cannot be told apart",
    "error_code": "a refused key cannot be told from other errors",
    "latency_ms": "no latency in `health`",
    "source": "the events of one process cannot be told from another's, nor those of phones",
    "correlation_id": "no flows, no soft-fail checks, and an event that is logged twice counts twice",
    "detail": "no flows, no telling of which version of a secret was used, and none of our own rows",
}
"""What a table that has no such column costs."""

Judged = tuple[Event, str | None]
"""A row, and what the log itself holds against its being ours; ``None``: nothing."""


class Conflict(ReleaseguardError):
    """A conditional append lost: another writer has already written one of these ids. Nothing was written."""


class HourSettling(NamedTuple):
    """Which counts of minutes need not be told by their minute of recording: a store may tell them by the hour."""

    until: datetime
    """What happened and was recorded before this minute; and before this long before the first :attr:`own` one."""
    is_plain: Callable[[str, str, str | None], bool]
    """Of a provider's event that carries this release."""
    own: Callable[[str | None], bool] | None = None
    """Of what carries this release the first recording is looked for; ``None``: of none."""
    own_since: datetime | None = None
    """From this minute of recording on."""
    margin: timedelta = timedelta(0)
    """How long before the first own one."""


class Needs(NamedTuple):
    """What of counts is of use. A store may leave out, or put together, what is not told apart; it need not."""

    has_use: Callable[[str, str, Outcome], bool] | None = None
    """Of counts of a provider's event with this outcome; ``None``: of all."""
    writer: Callable[[str | None], str | None] | None = None
    """A source -> one that stands for it and for others; ``None``: each is told apart."""
    until: datetime | None = None
    """What the log learned of from this minute on is under its own source all the same."""
    is_timed: Callable[[str, str, Outcome], bool] | None = None
    """Of counts of a provider's event with this outcome whether it matters how long they took; ``None``: of all."""
    is_recording_told: bool = True
    """Whether it matters when the log learned of them; of a clock that runs ahead it is told all the same."""
    settles: HourSettling | None = None
    """What of counts of minutes may be told by the hour, beside them; ``None``: nothing."""
    servers_are_one: bool = False
    """Whether :attr:`writer` has one source stand for all servers, whatever the log learned when."""


EVERY_COUNT: Final = Needs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows are wanted. All given conditions must hold. Times bound half-open intervals ``[since, until)``."""

    environment: str | None = None
    providers: Sequence[str] = ()
    events: Sequence[str] = ()
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    recorded_since: datetime | None = None
    recorded_until: datetime | None = None
    """Inclusive: only what the log held at that moment (``--as-of``)."""
    release: str | None = None
    untagged: Sequence[str] | None = None
    """Where given: only rows without a release, or with one of these, which identify a release no better."""
    codes: Sequence[str] = ()
    """Where given: only rows whose error code contains one of these, in any letter case. A store may return rows with
    other codes as well."""
    correlation_id: str | None = None
    synthetic: bool | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    """Top-level keys of ``detail`` and the text that each must equal."""
    ids: Sequence[UUID] = ()
    newest_first: bool = False
    limit: int | None = None
    by_deployment: bool = False
    """Whether counts are separated by the deployment that wrote the rows."""
    traffic: bool = False
    """Only rows of the app, never releaseguard's own."""
    needs: Needs = EVERY_COUNT
    """Of counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row that is not an event, because its provider, event, outcome or time cannot be read, or that cannot answer a
    question, because the deciding column cannot be read. Columns that can be read are filled in; all others are
    ``None``."""

    row: str
    """The row's id; empty where it has none or it cannot be read."""
    column: str
    """The first column that cannot be read, by our name."""
    theirs: str
    """Where that value stands in the table: a column of the app's own, a path into one, or several of them."""
    problem: str
    """What is wrong with the value, as the end of a sentence. The value is not repeated, since it may be private."""
    provider: str | None
    event: str | None
    outcome: Outcome | None
    error_code: str | None
    source: str | None
    occurred_at: datetime | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowQuestion:
    """One of several questions for single rows that are asked in one go."""

    query: Query
    unreadable: bool = False
    """Ask for the rows of :meth:`EventLog.set_aside` instead of those of :meth:`EventLog.select`."""
    judged: bool = False
    """Include our own rows that the log does not believe, as :meth:`EventLog.judged` does."""
    alike: Sequence[datetime] | None = None
    """Given: rows that are alike may come as one, with how many they are. Alike are those of the same provider, event,
    outcome, release, source, deployment and synthetic or not, that occurred before the same of these moments, with the
    same detail or with details of labels alone (``rows/labels.py``). What else such a row holds means nothing. In any
    order; a store need not put rows together."""


class RowAnswer(NamedTuple):
    """A row that answers one of several questions."""

    question: int
    """The index of the question."""
    row: Event | SetAside
    doubt: str | None = None
    """As in ``Judged``."""
    many: int = 1
    """How many rows it represents, where similar rows may be returned as one."""


class CountsOfEach(NamedTuple):
    """The counts that answer several questions, in the order of the questions."""

    hours: Sequence[Sequence[HourCount]]
    minutes: Sequence[Sequence[MinuteCount]]
    settled: Sequence[Sequence[SettledHour]] = ()
    """What of each question for minutes is told by the hour instead; empty where the store tells nothing so."""


class Changes(NamedTuple):
    """The minutes of which rows were added, deleted or changed since an earlier question."""

    upto: str
    """The store's position at that time, to be passed with the next question."""
    minutes: frozenset[datetime] | None
    """All of these minutes and possibly others; ``None`` where any minute may have changed."""


class Capabilities(Struct, frozen=True):
    """The columns that the (mapped) table has. Whoever needs a missing one says what its absence costs."""

    columns: frozenset[str]

    def has(self, column: str) -> bool:
        return column in self.columns


class EventLog(ABC):
    """An append-only log of integration events.

    Rows are ordered by ``occurred_at``, then ``id``; both descending with ``newest_first``. Every method may raise
    ``ServiceError`` (the store did not answer, or refused) or ``ConfigError`` (the table has another shape than
    configured).
    """

    label: str
    """Where the log is, for messages, without credentials."""
    capabilities: Capabilities

    @abstractmethod
    def append(self, events: Sequence[Event]) -> None:
        """Write events. An id that exists already is left unchanged, so retrying a write adds no second event."""

    @abstractmethod
    def restore(self, events: Iterable[Event], *, beside_others: bool = False) -> int:
        """Append events with their own ``recorded_at``; returns how many of them are new.

        For events that were recorded elsewhere (an import, the past of a demonstration), never for what happens now: a
        backdated row changes what the log claims to have held. In Postgres it therefore takes the table's owner; a role
        that may only append is refused with ``AccessDenied``. An id that exists already is left unchanged; an event
        without ``recorded_at`` gets the store's time. Events are streamed: those before a failure stay written.
        ``beside_others`` leaves room for an app that is writing at the same time, and takes twice as long.

        Raises ``ConfigError``, before the first event is read, where the store always sets ``recorded_at`` itself
        (REST).
        """

    @abstractmethod
    def append_exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        """Write all events or none; raises ``Conflict`` where one of the ids exists already.

        Returns the events as stored, with ``recorded_at`` on the store's clock. Where the store did not answer, the ids
        are looked up before anything is repeated: finding exactly our rows is success, not a conflict.
        """

    @abstractmethod
    def select(self, query: Query) -> Iterator[Event]:
        """Stream the rows that match ``query``. Rows that are not events are left out: see :meth:`set_aside`.

        A row with an unreadable ``recorded_at`` counts for ``recorded_since`` by its ``occurred_at``, and was not part
        of the log at any earlier time (``recorded_until``).
        """

    def set_aside(self, query: Query) -> Iterator[SetAside]:
        """The rows that :meth:`select` and :meth:`minute_counts` leave out and that may match ``query``.

        A condition on an unreadable column counts as met; where a time is unreadable, the row's other time is used.
        Each row comes once, ordered by id; ``newest_first`` and ``limit`` are ignored.
        """
        del query
        yield from ()

    def judged(self, query: Query) -> Iterator[Judged]:
        """Like :meth:`select`, including those of our own rows that the log does not believe, each with the reason.

        For readers of chains, which must know what stands in every position. A plain log believes every row.
        """
        return ((event, None) for event in self.select(query))

    def answers(self, questions: Sequence[RowQuestion]) -> Iterator[RowAnswer]:
        """The rows that answer each question, those of one question in its order.

        Asking everything at once lets SQLite and Postgres answer with one statement for each table.
        """
        for number, question in enumerate(questions):
            yield from (RowAnswer(number, *told) for told in self._answered(question))

    def _answered(self, question: RowQuestion) -> Iterator[tuple[Event | SetAside, str | None]]:
        if question.unreadable:
            return ((row, None) for row in self.set_aside(question.query))
        return self.judged(question.query) if question.judged else ((row, None) for row in self.select(question.query))

    def counts_of_each(self, hours: Sequence[Query], minutes: Sequence[Query]) -> CountsOfEach:
        """The answers of :meth:`hour_counts` and :meth:`minute_counts` to several questions. Where counts are rolled up
        this takes one statement, on one state of the log. ``recorded_since`` of a question for minutes then means "from
        that minute on", and earlier counts stay counted: a use that is written again only adds a repeat."""
        return CountsOfEach(
            [list(self.hour_counts(query)) for query in hours], [list(self.minute_counts(query)) for query in minutes]
        )

    def minute_counts(self, query: Query) -> Iterator[MinuteCount]:
        """The rows that match ``query`` as counts per minute, ordered by ``occurred_minute``.

        releaseguard's own rows are not traffic and are never counted. ``newest_first`` and ``limit`` are ignored.
        SQLite and Postgres count by themselves: about three times as fast as counting the selected rows
        (``bench/eventlog.py``), and without holding them in memory.
        """
        rows = self.select(replace(query, newest_first=False, limit=None))
        return count_minutes(rows, by_deployment=query.by_deployment)

    def hour_counts(self, query: Query) -> Iterator[HourCount]:
        """The counts of :meth:`minute_counts` grouped by the hour, ordered by hour. This is fast over weeks, where
        nobody needs to know when the log learned of a row. Minutes at the edges of the query hold only the part inside
        it."""
        from releaseguard.eventlog.hours import hours_of

        return hours_of(self.minute_counts(query))

    def minute_counts_of_each(
        self, environments: Sequence[str], query: Query
    ) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
        """:meth:`minute_counts` of several environments, one after the other, in any order.

        Each must be read to its end before the next is requested. An environment without rows may be left out.
        """
        for environment in environments:
            yield environment, self.minute_counts(replace(query, environment=environment))

    def changes(self, known: str | None) -> Changes | None:
        """The minutes in which rows of the app were added, deleted or changed since the answer whose ``upto`` was
        ``known``. Rows without a readable time are in no minute.

        ``None`` where the store cannot tell, so that the caller has to read everything again: a table of the app's own,
        a table without roll-ups, or one last migrated by an older version.
        """
        del known
        return None

    def lacking(self) -> Sequence[str]:
        """The columns, by our names, that the app's own table does not have although no setting says so."""
        return ()

    def rule_shares(self, since: datetime) -> RuleShares | None:
        """How many of the rows that occurred since then were named by which rule; ``None`` where no rules are
        needed."""
        del since
        return None

    def examine(self) -> Iterator[Remark]:
        """Remarks about the store, found by reading only: nothing is created, appended or changed.

        They cover the tables and their columns, what a missing column costs, whether a migration is pending, and
        whether rows can be appended, with how that was found out.
        """
        yield from ()

    def prune(self, before: datetime, environment: str | None = None, watch: Watch = unwatched) -> int:
        """Delete the app's events that occurred before ``before``, a few at a time; returns how many were deleted.

        Events deleted before a failure stay deleted. releaseguard's own rows are never deleted. Raises ``ConfigError``
        where the table is the app's own.
        """
        del before, environment, watch
        raise ConfigError(f"{self.label} cannot be pruned from here")

    @abstractmethod
    def now(self) -> datetime:
        """The store's clock; over REST with a resolution of one second."""

    @abstractmethod
    def migrate(self, watch: Watch = unwatched) -> Sequence[str]:
        """Create or upgrade the table, its indexes and row-level security; returns descriptions of what was done.

        The app can keep writing meanwhile; an interrupted migration is finished by the next call. Raises
        ``ConfigError`` where the store cannot be migrated from here (REST): use :meth:`schema_sql`.
        """

    @abstractmethod
    def schema_sql(self) -> str:
        """The SQL that :meth:`migrate` runs, for a folder of migrations."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and files. Calling it twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
