"""The vocabulary of the functions room: what is deployed, how its calls ended, what it logged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LONGEST_LOOK = timedelta(hours=24)
"""The longest time that logs are asked for at once."""


@dataclass(frozen=True, slots=True)
class EdgeFunction:
    """One deployed function. ``name`` is what its address ends with."""

    id: str
    name: str
    active: bool
    state: str
    """The service's own word (``ACTIVE``, ``THROTTLED``)."""
    version: int | None = None
    changed_at: datetime | None = None
    """When it was last deployed."""


@dataclass(frozen=True, slots=True)
class Calls:
    """How a function's calls ended in some time."""

    total: int
    failed: int
    """Answered with 500 or more."""
    statuses: Mapping[int, int] = field(default_factory=dict)
    """Answers of 400 or more and how often each; empty where the service does not tell them apart."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a function wrote, as it stands there: it may hold anything."""

    at: datetime
    level: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlatformLog:
    """One of the logs that the service keeps of a project beside those of its functions."""

    name: str
    """What its rows are about (``database``)."""
    newest: Sequence[LogLine]
    """Its newest errors, oldest first."""


class FunctionLogs(ABC):
    """The functions of one project. Every method may raise ``ServiceError`` or one of its kinds."""

    place: str
    """The project's address."""

    def page(self, function: EdgeFunction) -> str | None:  # noqa: ARG002 - for services that have one
        """Where a person reads a function's logs."""
        return None

    @abstractmethod
    def functions(self) -> Sequence[EdgeFunction]:
        """Every function that is deployed there."""

    @abstractmethod
    def calls(self, function: EdgeFunction, since: datetime, until: datetime) -> Calls:
        """How its calls of ``[since, until)`` ended, by the log of its calls; at most :data:`LONGEST_LOOK`."""

    @abstractmethod
    def statistics(self, function: EdgeFunction) -> Calls | None:
        """How its calls of about the last hour ended, by the service's own count; ``None`` where it has none."""

    @abstractmethod
    def troubles(self, function: EdgeFunction, since: datetime, until: datetime, limit: int) -> Sequence[LogLine]:
        """The newest ``limit`` errors and warnings that it logged in ``[since, until)``, oldest first."""

    def platform_page(self) -> str | None:
        """Where a person reads the project's other logs, for services that have some."""
        return None

    def platform(self, since: datetime, until: datetime, limit: int) -> Sequence[PlatformLog]:  # noqa: ARG002 - as above
        """The newest ``limit`` errors of each of the project's other logs in ``[since, until)``; none where the service
        keeps none."""
        return ()
