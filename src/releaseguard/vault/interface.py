"""The vocabulary of the vault room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.errors import Undecided
from releaseguard.secret import Secret


class ApprovalPending(Undecided):
    """The vault took the write as a proposal: a person has to approve it there first."""

    proposed: str | None = None
    """The fingerprint of the value that waits, where it may have one."""


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of one secret. ``secret_id`` tells a re-created namesake, whose versions restart at 1, apart."""

    name: str
    version: int
    value: Secret
    secret_id: str
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One line of the vault's audit log about one secret."""

    at: datetime
    actor: str
    action: str
    secret_name: str


@dataclass(frozen=True, slots=True, order=True)
class HeldInVault:
    """A value of one of our secrets that stands in the vault a second time."""

    secret: str
    """Ours."""
    name: str
    """What it is called there."""
    place: str
    """Where: environment and path."""
    follows: bool = False
    """Whether it is a reference or an import: it has the new value as soon as ours has."""

    def __str__(self) -> str:
        return f"{self.name} in {self.place}" if self.name not in ("", self.secret) else self.place


@dataclass(frozen=True, slots=True)
class VaultSearch:
    """Where else the values stand, and where nobody could look."""

    found: Sequence[HeldInVault] = ()
    unread: Sequence[str] = ()


class Vault(ABC):
    """Reads and stages secret versions. Every method may raise ``ServiceError`` or one of its kinds."""

    environment: str
    """The environment there, in its own word."""
    label: str
    """Where it is, for messages: host, project, environment and path, no credential."""

    @abstractmethod
    def read(self, name: str, version: int | None = None) -> SecretVersion:
        """The newest version, or exactly ``version``.

        Raises ``NotFound`` where the secret or that version does not exist; an answer that holds another
        version than the one asked for (servers of 2024 ignore the parameter) is ``NotFound`` too.
        """

    @abstractmethod
    def write(self, name: str, value: Secret) -> SecretVersion:
        """Store ``value`` as a new version (creating the secret where it is absent) and return it.

        Raises ``ApprovalPending`` where a protection policy turned the write into a proposal.
        """

    @abstractmethod
    def trigger_rotation(self, name: str) -> SecretVersion:
        """Have the vault rotate ``name`` by its own rotation, and return the version that appeared.

        Raises ``NotFound`` where no rotation of the vault's covers ``name``.
        """

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The names of all secrets in the configured environment and its folders, sorted."""

    def place_of(self, name: str) -> str:
        """Where the secret is read, for messages, as :attr:`label` says it of the vault."""
        del name
        return self.label

    def elsewhere(self, values: Mapping[str, Secret]) -> VaultSearch:
        """Where else in the vault one of ``values`` (by secret) stands, under whatever name; compared in memory."""
        del values
        return VaultSearch((), (f"{self.label}: whatever else it holds",))

    @abstractmethod
    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        """Who read or changed ``name`` since then; ``None`` where the plan has no audit log."""
