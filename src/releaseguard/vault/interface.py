"""What a vault is: the interface, the values that cross it, and its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.errors import Undecided
from releaseguard.secret import Secret


class ApprovalPending(Undecided):
    """The vault kept the write as a proposal that a person has to approve there first."""

    proposed: str | None = None
    """The fingerprint of the proposed value; ``None`` where its value must not be fingerprinted."""


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of one secret. Versions restart at 1 where a deleted secret is created again; ``secret_id`` differs
    then."""

    name: str
    version: int
    value: Secret
    secret_id: str
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One entry of the vault's audit log about one secret."""

    at: datetime
    actor: str
    action: str
    secret_name: str


@dataclass(frozen=True, slots=True, order=True)
class HeldInVault:
    """A second copy of one of our values in the vault."""

    secret: str
    """The name of our secret."""
    name: str
    """The name of the copy."""
    place: str
    """The environment and path of the copy."""
    follows: bool = False
    """Whether the copy is a reference or an import, which takes the new value by itself."""

    def __str__(self) -> str:
        return f"{self.name} in {self.place}" if self.name not in ("", self.secret) else self.place


@dataclass(frozen=True, slots=True)
class VaultSearch:
    """Where else our values stand in the vault, and where nobody was allowed to look."""

    found: Sequence[HeldInVault] = ()
    unread: Sequence[str] = ()


class Vault(ABC):
    """Reads secrets and stores new versions. Every method may raise ``ServiceError`` or one of its subclasses."""

    environment: str
    """The name of the environment in the vault."""
    label: str
    """Host, project, environment and path, for messages; no credential."""

    @abstractmethod
    def read(self, name: str, version: int | None = None) -> SecretVersion:
        """The newest version, or exactly ``version``.

        Raises ``NotFound`` where the secret or that version does not exist. Servers of 2024 ignore the requested
        version and answer with the newest one; that is ``NotFound`` too.
        """

    @abstractmethod
    def write(self, name: str, value: Secret) -> SecretVersion:
        """Store ``value`` as a new version, creating the secret where it does not exist, and return the version.

        Raises ``ApprovalPending`` where a protection policy turned the write into a proposal.
        """

    @abstractmethod
    def trigger_rotation(self, name: str) -> SecretVersion:
        """Let the vault rotate ``name`` with a rotation configured there, and return the new version.

        Raises ``NotFound`` where no rotation in the vault covers ``name``.
        """

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The names of all secrets in the configured environment and its folders, sorted."""

    def place_of(self, name: str) -> str:
        """Where the secret ``name`` is read, for messages, in the form of :attr:`label`."""
        del name
        return self.label

    def elsewhere(self, values: Mapping[str, Secret]) -> VaultSearch:
        """Other copies of ``values`` (by secret name) in the vault, under whatever name. Values are compared in
        memory."""
        del values
        return VaultSearch((), (f"{self.label}: whatever else it holds",))

    @abstractmethod
    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        """Who has read or changed ``name`` since then; ``None`` where the vault's plan includes no audit log."""
