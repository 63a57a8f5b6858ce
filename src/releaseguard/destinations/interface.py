"""What a destination is: the interface, the values that are pushed and observed, and its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from releaseguard.destinations.address import Address
from releaseguard.errors import Refused
from releaseguard.model import Remark, Standing
from releaseguard.secret import Secret


class NotOurs(Refused):
    """The write would split, overwrite or retarget something that belongs to another program or person."""


class ItemKind(StrEnum):
    SECRET = "secret"  # noqa: S105 - a kind, not a password
    COMPANION = "companion"
    """The plain ``<NAME>_VERSION`` next to a secret, from which the app knows which version it uses."""


@dataclass(frozen=True, slots=True)
class Item:
    """One name and value to write at a destination. ``name`` is the name there, after renames."""

    name: str
    value: Secret
    kind: ItemKind
    version: int
    note: str = ""
    """A comment for people at the destination, where it has room for one."""


class SyncStatus(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """The destination does not show values or digests; only ``changed_at`` tells that something was written."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a destination shows about one name, without the value. ``marker`` changes with every write."""

    name: str
    present: bool
    changed_at: datetime | None = None
    marker: str | None = None
    sync: SyncStatus = SyncStatus.UNKNOWN
    """Whether the value there equals the item that it was compared with."""
    remarks: Sequence[str] = ()
    """Findings for ``drift``: ``shadowed by URI``, ``not sensitive``."""


SHADOWS_UNREAD = "whether an environment shadows it cannot be read"
"""The remark where the credential may not read what could shadow the name in some runs."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The result of writing one item and reading it back."""

    name: str
    observed: Observed
    writes: int
    """The number of writing requests, retries included, that reached the service or may have."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a push will cost in requests and time."""

    reads: int
    writes: int
    create: Sequence[str]
    update: Sequence[str]


@dataclass(frozen=True, slots=True)
class CopySearch:
    """Where else the names were found, and which places the credential could not read."""

    found: Sequence[str]
    unread: Sequence[str] = ()
    """The places that could not be read, each with the HTTP status that it answered."""
    also: Mapping[str, str] = field(default_factory=dict)
    """The other address of a place that was found, where it has two: a project's id and its name."""


@dataclass(frozen=True, slots=True, order=True)
class HeldValue:
    """A copy of one of our values at a place, under whatever name."""

    secret: str
    """The name of our secret."""
    name: str
    """The name of the copy."""
    uri: str


@dataclass(frozen=True, slots=True)
class ValueSearch:
    """Where values were found, and what could not be compared."""

    found: Sequence[HeldValue] = ()
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A workflow run created before a push that has not ended: it may still use the old value."""

    place: str
    """The destination whose old value it holds."""
    id: int
    workflow: str
    status: str
    """The service's word: ``queued``, ``waiting``, ``pending``, ``requested`` or ``in_progress``."""
    created_at: datetime
    url: str


class RunQueue(ABC):
    """Runs of a CI service that may have read secrets before a push."""

    @abstractmethod
    def waiting(self, since: datetime) -> Sequence[QueuedRun]:
        """The runs created before ``since`` (the time of the push) that have not ended, oldest first."""


class Destination(ABC):
    """One place that holds copies of secrets. Every method may raise ``ServiceError`` or one of its subclasses."""

    address: Address
    """The address, without a rename."""
    service: str
    """The name of the service; destinations of one service share its rate limits."""
    runtime: bool
    """Whether a running app reads its secrets here, so that the new value has to be proven by events."""
    needs_deployment: bool
    """Whether a new value takes effect only with a new deployment."""
    holds_companions: bool
    """Whether a plain ``<NAME>_VERSION`` can be stored next to a secret."""
    by_hand: bool = False
    """Whether a person writes here and confirms it, since no program can."""

    @property
    def uri(self) -> str:
        """The address as text."""
        return self.address.uri

    def also_called(self) -> Sequence[Address]:
        """All addresses of this place, asked of the service: a project may have an id and a name."""
        return ()

    def reach(self) -> Iterator[Remark]:
        """Problems that a push would meet here, found by reading: whether the place exists and its secrets can be
        listed."""
        self.observe([])
        yield Remark(Standing.OK, "is there")

    @abstractmethod
    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        """The cost of :meth:`push`, found by reading. Raises ``NotOurs`` for what must not be written."""

    @abstractmethod
    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        """Write every item, secrets before their companions, and read back what the service shows.

        Writing the same item twice is harmless. Raises ``NotOurs`` before anything is written, and ``Failed`` where
        reading back shows that a write did not take effect.
        """

    def written(self) -> Mapping[str, int]:
        """The number of writing requests of the last :meth:`push` that reached the service or may have, by name at the
        destination.

        Known even where the push raised an error; empty where an adapter does not count.
        """
        return {}

    @abstractmethod
    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        """The current state of the items' names, compared with the items' values where the service shows enough."""

    def shown(self, names: Sequence[str]) -> Mapping[str, Secret]:  # noqa: ARG002 - for places that show values
        """The values that the service returns for these names; hidden values are left out."""
        return {}

    @abstractmethod
    def copies(self, names: Sequence[str]) -> Sequence[str]:
        """The URIs of other places in the same account that hold one of the names."""

    def holding(self, values: Mapping[str, Secret]) -> ValueSearch:
        """Where in the same account ``values`` (by secret name) stand, under any name, our own included. Values and
        digests are compared in memory."""
        del values
        return ValueSearch((), (f"{self.address.base.partition(':')[0]}, which shows neither values nor digests",))

    def search(self, names: Sequence[str]) -> CopySearch:
        """:meth:`copies`, together with the places that could not be read."""
        return CopySearch(self.copies(names))
