"""The key-value store of OpenBao, version 2, by its HTTP API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from releaseguard.destinations.sending import moment_of
from releaseguard.errors import NotFound
from releaseguard.http import ServiceClient, member, quoted
from releaseguard.secret import Secret
from releaseguard.vault.interface import AccessRecord, SecretVersion, Vault


class OpenBaoVault(Vault):
    """The secrets below one mount, each under the key ``value``."""

    def __init__(self, client: ServiceClient, mount: str) -> None:
        self.environment = mount
        self.label = f"{client.host}, mount {mount}"
        self._client = client
        self._mount = f"/v1/{quoted(mount)}"

    def read(self, name: str, version: int | None = None) -> SecretVersion:
        params = {"version": version} if version is not None else None
        found = self._client.request("GET", f"{self._mount}/data/{quoted(name)}", params=params).json()
        data, about = member(found["data"], "data"), member(found["data"], "metadata")
        if version is not None and about["version"] != version:
            raise NotFound(f"{name} has no version {version}", where=self.label)
        return self._version(name, Secret(str(data["value"])), about)

    def write(self, name: str, value: Secret) -> SecretVersion:
        path = f"{self._mount}/data/{quoted(name)}"
        made = self._client.request("POST", path, json={"data": {"value": value}}).json()
        return self._version(name, value, made["data"])

    def trigger_rotation(self, name: str) -> SecretVersion:
        raise NotFound(f"nothing here rotates {name} by itself", where=self.label)

    def names(self) -> Sequence[str]:
        listed = self._client.request("GET", f"{self._mount}/metadata", params={"list": "true"}).json()
        return sorted(map(str, listed["data"]["keys"]))

    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        return None

    def _version(self, name: str, value: Secret, about: Mapping[str, Any]) -> SecretVersion:
        """A namesake that is made anew is told apart by when its first version was made."""
        first = self._client.request("GET", f"{self._mount}/metadata/{quoted(name)}").json()["data"]
        at = moment_of(about.get("created_time"))
        return SecretVersion(name, int(about["version"]), value, str(first["created_time"]), at)
