"""Where else in a project the same values stand: other names, folders and environments, references and imports.

Facts of the protocol: the list of secrets (v3 and v4) takes ``recursive``, shows each secret's ``secretPath``, gives
references resolved or as they were written, and names under ``imports`` what the folder takes in from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.errors import AccessDenied, NotFound, ServiceError
from releaseguard.secret import Secret
from releaseguard.services.infisical.answers import ProjectFound, SecretFound, SecretsListed
from releaseguard.vault.interface import HeldInVault, VaultSearch

USUAL = ("dev", "staging", "prod")
"""The environments of a new project: looked into where the project does not list its own."""
REFERENCE = "${"


@dataclass(frozen=True, slots=True)
class InfisicalCopies:
    """What holds one of ``values`` (by secret) beside ``environment`` and ``path`` themselves."""

    project: str
    environment: str
    path: str
    values: Mapping[str, Secret]
    get: Callable[[str], ProjectFound]
    """Reads a path of the API."""
    listed: Callable[..., SecretsListed]
    """The list of one environment's secrets, in all its folders."""

    def search(self) -> VaultSearch:
        """Looks into every environment that can be listed."""
        found: list[HeldInVault] = []
        environments, unread = self._environments()
        for environment in environments:
            try:
                found += self._in(environment)
            except (AccessDenied, NotFound) as error:
                unread.append(f"environment {environment} ({error.status})")
        return VaultSearch(sorted(found), unread)

    def _environments(self) -> tuple[Sequence[str], list[str]]:
        for kind in ("workspace", "projects"):
            try:
                document = self.get(f"/api/v1/{kind}/{self.project}")
            except ServiceError:
                continue
            about = document.get("workspace") or document.get("project") or document
            slugs = [str(one["slug"]) for one in about.get("environments") or () if one.get("slug")]
            if slugs:
                return list(dict.fromkeys([self.environment, *slugs])), []
        usual = list(dict.fromkeys([self.environment, *USUAL]))
        return usual, [f"environments other than {', '.join(usual)} (the project does not list them)"]

    def _in(self, environment: str) -> Iterator[HeldInVault]:
        listed = self.listed(environment, expand=True)
        held = [
            (name, one)
            for one in listed.get("secrets") or ()
            for name, value in self.values.items()
            if not self._is_itself(environment, name, one) and Secret(str(one.get("secretValue") or "")).holds(value)
        ]
        written = self._as_written(environment) if held else {}
        for name, one in held:
            key = (str(one.get("secretPath") or "/"), str(one.get("secretKey")))
            follows = REFERENCE in written.get(key, "")
            yield HeldInVault(name, key[1], _place(environment, key[0]), follows)
        yield from self._imported(environment, listed)

    def _as_written(self, environment: str) -> Mapping[tuple[str, str], str]:
        """By folder and name: the values with their references in them."""
        listed = self.listed(environment, expand=False)
        return {
            (str(one.get("secretPath") or "/"), str(one.get("secretKey"))): str(one.get("secretValue") or "")
            for one in listed.get("secrets") or ()
        }

    def _imported(self, environment: str, listed: SecretsListed) -> Iterator[HeldInVault]:
        for one in listed.get("imports") or ():
            names = {str(secret.get("secretKey")) for secret in one.get("secrets") or ()}
            here = (one.get("environment"), one.get("secretPath") or "/") == (self.environment, self.path)
            for name in sorted(self.values.keys() & names) if here else ():
                yield HeldInVault(name, name, f"an import in environment {environment}", follows=True)

    def _is_itself(self, environment: str, name: str, one: SecretFound) -> bool:
        where = (environment, str(one.get("secretPath") or "/"), str(one.get("secretKey")))
        return where == (self.environment, self.path, name)


def _place(environment: str, path: str) -> str:
    return f"environment {environment}, path {path}"
