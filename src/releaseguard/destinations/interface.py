"""The vocabulary of the destinations room: addresses, what is pushed, what is seen there."""

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
    """Writing would split, overwrite or retarget something that another program or person owns."""


class ItemKind(StrEnum):
    SECRET = "secret"  # noqa: S105 - a kind, not a password
    COMPANION = "companion"
    """The plain ``<NAME>_VERSION`` beside a secret, which lets the app say which version it used."""


@dataclass(frozen=True, slots=True)
class Item:
    """One name and value to be written at a destination. ``name`` is the name there, renames applied."""

    name: str
    value: Secret
    kind: ItemKind
    version: int
    note: str = ""
    """For humans at the destination where there is room (a comment)."""


class SyncStatus(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """The destination does not say (some never give a value back): only ``changed_at`` tells."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a destination shows of one name, without the value. ``marker`` changes whenever the value is written."""

    name: str
    present: bool
    changed_at: datetime | None = None
    marker: str | None = None
    sync: SyncStatus = SyncStatus.UNKNOWN
    """Whether the value there equals the item it was compared with."""
    remarks: Sequence[str] = ()
    """Findings of ``drift``: ``shadowed by URI``, ``not sensitive``."""


SHADOWS_UNREAD = "whether an environment shadows it cannot be read"
"""The remark of a destination whose credential may not see what could hide the name from some runs."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """One item written and read back."""

    name: str
    observed: Observed
    writes: int
    """How many writing requests reached the service for it, or may have: repeats included."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What pushing will cost, said beforehand."""

    reads: int
    writes: int
    create: Sequence[str]
    update: Sequence[str]


@dataclass(frozen=True, slots=True)
class CopySearch:
    """Where else the names were found, and which places the credential could not look into."""

    found: Sequence[str]
    unread: Sequence[str] = ()
    """Each with the status it answered: a copy there would not have been seen."""
    also: Mapping[str, str] = field(default_factory=dict)
    """The other spelling of a place that was found, where it has two: a project's id and name."""


@dataclass(frozen=True, slots=True, order=True)
class HeldValue:
    """A value of one of our secrets at a place, under whatever name."""

    secret: str
    """Ours."""
    name: str
    """What it is called there."""
    uri: str


@dataclass(frozen=True, slots=True)
class ValueSearch:
    """Where values were found, and what could not be compared."""

    found: Sequence[HeldValue] = ()
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A workflow run that was created before a push and has not ended: it may still use the old value."""

    place: str
    """The destination whose old value it holds."""
    id: int
    workflow: str
    status: str
    """The service's word: ``queued``, ``waiting``, ``pending``, ``requested``, ``in_progress``."""
    created_at: datetime
    url: str


class RunQueue(ABC):
    """The runs of a CI service that read secrets before a push."""

    @abstractmethod
    def waiting(self, since: datetime) -> Sequence[QueuedRun]:
        """Runs created before ``since`` (the push) that have not ended, oldest first."""


class Destination(ABC):
    """One place that holds copies of secrets. Every method may raise ``ServiceError`` or one of its kinds."""

    address: Address
    """Where it is, without a rename."""
    service: str
    """By name: destinations of one service share its limits."""
    runtime: bool
    """Whether a running app reads its secrets from here, so that events must prove the new value."""
    needs_deployment: bool
    """Whether a new value is seen only by a new deployment or at once."""
    holds_companions: bool
    """Whether there is room for a plain ``<NAME>_VERSION`` (not every store has it)."""
    by_hand: bool = False
    """Whether a person writes there and confirms it: no program can."""

    @property
    def uri(self) -> str:
        """The address as text."""
        return self.address.uri

    def also_called(self) -> Sequence[Address]:
        """Every way to spell this place, asked of its service: a project may have an id and a name."""
        return ()

    def reach(self) -> Iterator[Remark]:
        """What a push needs here, as far as reading tells: that the place exists and its secrets can be listed."""
        self.observe([])
        yield Remark(Standing.OK, "is there")

    @abstractmethod
    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        """What :meth:`push` would do, by reading only. Raises ``NotOurs`` for what it must not touch."""

    @abstractmethod
    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:
        """Write every item, the secrets before their companions, and read back what can be read back.

        Writing the same item twice is harmless. Raises ``NotOurs`` before anything is written, and ``Failed``
        where the read-back shows that the write did not take effect.
        """

    def written(self) -> Mapping[str, int]:
        """By name there: how many writing requests of the last :meth:`push` reached the service, or may have.

        Known also where the push raised. Empty where the adapter does not count.
        """
        return {}

    @abstractmethod
    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        """What is there now under the items' names, compared with their values where that can be seen."""

    def shown(self, names: Sequence[str]) -> Mapping[str, Secret]:  # noqa: ARG002 - for places that show values
        """The values that the place gives back under these names; without those that it hides."""
        return {}

    @abstractmethod
    def copies(self, names: Sequence[str]) -> Sequence[str]:
        """URIs of places in the same account, outside this destination, that hold one of the names."""

    def holding(self, values: Mapping[str, Secret]) -> ValueSearch:
        """Where in the same account one of ``values`` (by secret) stands, under whatever name, our own names included;
        compared in memory, by value or digest."""
        del values
        return ValueSearch((), (f"{self.address.base.partition(':')[0]}, which shows neither values nor digests",))

    def search(self, names: Sequence[str]) -> CopySearch:
        """:meth:`copies`, together with the places that could not be looked into."""
        return CopySearch(self.copies(names))
