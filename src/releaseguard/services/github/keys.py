"""What values are sealed with before they are sent to GitHub."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from releaseguard.errors import ServiceError
from releaseguard.http import ServiceClient, member
from releaseguard.secret import Secret


def sealed(public_key: str, value: Secret) -> str:
    """``value`` encrypted for ``public_key`` (base64) with a libsodium sealed box, in base64. Raises ``ServiceError``.

    https://docs.github.com/en/rest/guides/encrypting-secrets-for-the-rest-api
    """
    from nacl.encoding import Base64Encoder
    from nacl.exceptions import CryptoError
    from nacl.public import PublicKey, SealedBox

    try:
        box = SealedBox(PublicKey(public_key.encode(), Base64Encoder))
    except (CryptoError, ValueError, TypeError):
        raise ServiceError(
            "the public key that GitHub gave is not a key",
            next_step="Check that [github] url is the address of GitHub's API.",
        ) from None
    return bytes(box.encrypt(as_bytes(value), Base64Encoder)).decode()


def as_bytes(value: Secret) -> bytes:
    """The bytes of ``value`` that are encrypted."""
    return value.reveal().encode(errors="surrogatepass")  # an encoding error would carry the value


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The key of one store, and what GitHub calls it."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class Box:
    """A value sealed with a place's key, which nobody but GitHub opens."""

    key: PublicKey
    sealed: str

    @classmethod
    def of(cls, value: Secret, key: PublicKey) -> Box:
        return cls(key, sealed(key.key, value))


class PublicKeys:
    """The places' public keys, each fetched once. Shared by all destinations of a run and by their threads."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._keys: dict[str, PublicKey] = {}

    def has(self, secrets_path: str) -> bool:
        """Whether the key of the store at ``secrets_path`` has been fetched."""
        return secrets_path in self._keys

    def of(self, secrets_path: str, *, instead_of: PublicKey | None = None) -> PublicKey:
        """The key of the store at ``secrets_path``; a new one where GitHub no longer takes ``instead_of``.

        Raises ``NotFound`` where there is no such store.
        """
        with self._lock:
            mine = self._locks.setdefault(secrets_path, threading.Lock())
        with mine:
            if self._keys.get(secrets_path) in {None, instead_of}:
                reply = self._client.request("GET", f"{secrets_path}/public-key")
                found = reply.json()
                identity, key = member(found, "key_id", reply.where), member(found, "key", reply.where)
                self._keys[secrets_path] = PublicKey(str(identity), str(key))
            return self._keys[secrets_path]


class Boxes:
    """What is sealed for the store at ``secrets_path``: a value once, however often it is asked for in a row."""

    def __init__(self, keys: PublicKeys, secrets_path: str) -> None:
        self._keys = keys
        self._path = secrets_path
        self._last: dict[str, tuple[Secret, Box]] = {}

    def of(self, name: str, value: Secret) -> Box:
        """``value`` sealed with the store's key as it is known now. Raises as :meth:`PublicKeys.of`."""
        key = self._keys.of(self._path)
        before, box = self._last.get(name, (None, None))
        if before is None or box is None or box.key != key or not before.same_as(value):
            box = Box.of(value, key)
            self._last[name] = value, box
        return box
