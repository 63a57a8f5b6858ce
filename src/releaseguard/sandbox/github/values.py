"""What GitHub's stand-in holds: places with keys of their own, repositories, Apps."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from releaseguard.harmless import Json


class SecretStore(StrEnum):
    """Which of GitHub's stores a secret is in."""

    REPOSITORY = "repository"
    ENVIRONMENT = "environment"
    ORGANIZATION = "organization"
    DEPENDABOT = "dependabot"
    DEPENDABOT_ORGANIZATION = "dependabot organization"


PlaceKey = tuple[SecretStore, str, str]
"""Store, ``owner/repo`` or organisation (lower case), and environment or nothing."""


@dataclass(slots=True)
class GitHubSecret:
    value: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    visibility: str | None = None
    selected: tuple[int, ...] = ()


@dataclass(slots=True)
class GitHubVariable:
    value: str
    created_at: datetime
    updated_at: datetime


class GitHubPlace:
    """One store of secrets and variables with its key pair."""

    def __init__(self) -> None:
        from nacl.public import PrivateKey

        self.key = PrivateKey.generate()
        self.key_id = str(secrets.randbelow(10**18))
        self.secrets: dict[str, GitHubSecret] = {}
        self.variables: dict[str, GitHubVariable] = {}

    def rotate_key(self) -> None:
        """From now on only boxes sealed with a new key are opened."""
        from nacl.public import PrivateKey

        self.key = PrivateKey.generate()
        self.key_id = str(secrets.randbelow(10**18))

    def public_key(self) -> dict[str, str]:
        return {"key_id": self.key_id, "key": base64.b64encode(bytes(self.key.public_key)).decode()}

    def open(self, sealed: str) -> str:
        """What the box holds. Raises ``ValueError`` where it cannot be opened with this place's key."""
        from nacl.exceptions import CryptoError
        from nacl.public import SealedBox

        try:
            return SealedBox(self.key).decrypt(base64.b64decode(sealed, validate=True)).decode()
        except (CryptoError, binascii.Error, UnicodeDecodeError):
            raise ValueError("not a box sealed with this key") from None


@dataclass(slots=True)
class GitHubRepository:
    id: int
    full_name: str
    private: bool = True
    archived: bool = False
    environments: dict[str, int] = field(default_factory=dict)
    runs: list[dict[str, Json]] = field(default_factory=list)
    workflows: dict[str, int] = field(default_factory=dict)
    """Name -> id."""
    alerts: list[dict[str, Json]] = field(default_factory=list)
    dispatches: list[dict[str, Json]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """Those of ``.github/workflows`` on the default branch, by name."""
    statuses: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    """By deployment."""
    pulls: dict[str, list[int]] = field(default_factory=dict)
    """Commit -> numbers of pull requests."""
    comments: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    """By the number of the pull request."""


class GitHubAppKey:
    """A GitHub App: its number and the private key that signs for it."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.app_id = str(secrets.randbelow(10**6))
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def pem(self) -> str:
        """For ``RELEASEGUARD_GITHUB_APP_PRIVATE_KEY``."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    def signed(self, token: str | None) -> bool:
        """Whether the token is one that this App signed, and still good."""
        import jwt

        try:
            claims = jwt.decode(token or "", self._key.public_key(), algorithms=["RS256"])
        except jwt.PyJWTError:
            return False
        return str(claims.get("iss")) == self.app_id
