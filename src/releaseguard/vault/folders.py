"""A vault whose secrets stand in several folders: some names in a folder of their own, all others in the default
folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from releaseguard.secret import Secret
from releaseguard.vault.interface import AccessRecord, SecretVersion, Vault, VaultSearch


class VaultOfFolders(Vault):
    """Reads each name of ``own`` in its own folder and nowhere else, and every other name in the folder ``usual``."""

    def __init__(self, usual: Vault, own: Mapping[str, Vault]) -> None:
        self._usual, self._own = usual, own
        self.environment = usual.environment
        self.label = "; ".join(dict.fromkeys([usual.label, *(vault.label for vault in own.values())]))

    def read(self, name: str, version: int | None = None) -> SecretVersion:
        return self._of(name).read(name, version)

    def write(self, name: str, value: Secret) -> SecretVersion:
        return self._of(name).write(name, value)

    def trigger_rotation(self, name: str) -> SecretVersion:
        return self._of(name).trigger_rotation(name)

    def names(self) -> Sequence[str]:
        """All names, each taken from the folder in which it is read; a namesake in another folder is not listed."""
        return sorted({name for vault in self._folders() for name in vault.names() if self._of(name) is vault})

    def place_of(self, name: str) -> str:
        return self._of(name).place_of(name)

    def elsewhere(self, values: Mapping[str, Secret]) -> VaultSearch:
        """The findings of every folder about the secrets that it holds."""
        searches = [vault.elsewhere(mine) for vault, mine in self._divided(values)]
        found = sorted({held for search in searches for held in search.found})
        return VaultSearch(found, _each_once(place for search in searches for place in search.unread))

    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        return self._of(name).accesses(name, since)

    def _of(self, name: str) -> Vault:
        return self._own.get(name, self._usual)

    def _folders(self) -> Sequence[Vault]:
        return list({id(vault): vault for vault in (self._usual, *self._own.values())}.values())

    def _divided(self, values: Mapping[str, Secret]) -> Sequence[tuple[Vault, Mapping[str, Secret]]]:
        mine = [
            (vault, {name: value for name, value in values.items() if self._of(name) is vault})
            for vault in self._folders()
        ]
        return [(vault, held) for vault, held in mine if held]


def _each_once(texts: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(texts))
