"""Replaces a vault that cannot be reached: holds the values of one rotation in memory until they can be stored
there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releaseguard.errors import NotFound
from releaseguard.secret import Secret
from releaseguard.vault.interface import AccessRecord, SecretVersion, Vault

NOT_YET = 0
"""The version number of a value that no vault holds yet."""


@dataclass
class VaultLater(Vault):
    """Knows the values of one rotation as versions without a number. The vault behind it is asked for earlier versions
    only."""

    behind: Vault
    identity: str
    """The ``secret_id`` of the versions."""
    kept: dict[str, Secret] = field(default_factory=dict)
    asks: bool = False
    """Whether earlier versions are read from the vault behind it."""

    def __post_init__(self) -> None:
        self.environment, self.label = self.behind.environment, self.behind.label

    def read(self, name: str, version: int | None = None) -> SecretVersion:
        if not version and name in self.kept:
            return SecretVersion(name, NOT_YET, self.kept[name], self.identity)
        if version and self.asks:
            return self.behind.read(name, version)
        raise NotFound(f"the value of {name} is in no vault yet", where=self.label)

    def write(self, name: str, value: Secret) -> SecretVersion:
        self.kept[name] = value
        return self.read(name)

    def trigger_rotation(self, name: str) -> SecretVersion:
        raise NotFound(f"no rotation of the vault's can be had for {name} while it is away", where=self.label)

    def names(self) -> Sequence[str]:
        return sorted(self.kept)

    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:  # noqa: ARG002 - it is away
        return None


def later(behind: Vault, identity: str, values: Mapping[str, Secret]) -> VaultLater:
    """A vault for the time in which ``values`` cannot be stored in ``behind``."""
    return VaultLater(behind, identity, dict(values))
