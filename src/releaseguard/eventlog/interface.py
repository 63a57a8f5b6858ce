"""The vocabulary of the event log: what may be asked of a store, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from releaseguard.errors import ReleaseguardError
from releaseguard.model import Event, Outcome


class Conflict(ReleaseguardError):
    """A conditional append lost: another writer has already written one of these ids. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows are wanted; every condition given must hold. Times bound half-open intervals ``[since, until)``."""

    environment: str | None = None
    providers: Sequence[str] = ()
    events: Sequence[str] = ()
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    recorded_since: datetime | None = None
    recorded_until: datetime | None = None
    """Inclusive: what the log held at that moment (``--as-of``)."""
    release: str | None = None
    correlation_id: str | None = None
    synthetic: bool | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    """Top-level keys of ``detail`` whose text must be equal."""
    ids: Sequence[UUID] = ()
    newest_first: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which columns the (mapped) table has, and what each missing one costs is said by whoever needs it."""

    columns: frozenset[str]

    def has(self, column: str) -> bool:
        return column in self.columns


class EventLog(ABC):
    """An append-only log of integration events.

    Rows come ordered by ``occurred_at``, then ``id`` (both reversed with ``newest_first``). Every method may
    raise ``ServiceError`` (the store did not answer or refused) or ``ConfigError`` (its table has another
    shape than configured).
    """

    label: str
    """Where it is, for messages, without credentials."""
    capabilities: Capabilities

    @abstractmethod
    def append(self, events: Sequence[Event]) -> None:
        """Write events; an id that is there already is left as it is, so a retried write is not a second event."""

    @abstractmethod
    def append_exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        """Write all events or, raising ``Conflict``, none: no id may be there already.

        Returns them as stored, with ``recorded_at`` on the store's clock. Where the store did not answer, the
        ids are looked up before anything is repeated: finding exactly our rows is success, not a conflict.
        """

    @abstractmethod
    def select(self, query: Query) -> Iterator[Event]:
        """The rows that satisfy ``query``, streamed."""

    @abstractmethod
    def now(self) -> datetime:
        """The store's clock (over REST at the resolution of one second)."""

    @abstractmethod
    def migrate(self) -> Sequence[str]:
        """Create or upgrade table, indexes and row-level security; returns what was done, in words.

        Raises ``ConfigError`` where the store cannot be migrated from here (REST): use :meth:`schema_sql`.
        """

    @abstractmethod
    def schema_sql(self) -> str:
        """The SQL that :meth:`migrate` runs, for a migrations folder."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and files. Calling it twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
