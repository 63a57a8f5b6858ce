"""Signatures on our own rows: HMAC-SHA256 (https://www.rfc-editor.org/rfc/rfc2104) over a row's canonical JSON (RFC
8785). Pure, except for the key.

They cover every column that a writer decides on, so not ``recorded_at``, which the store sets. Numbers are compared as
in JSON, so ``1.0`` and ``1`` are equal, and whole numbers that no double holds are rounded as every reader of JSON
rounds them. What a ``jsonb`` column returns then still has the signature that was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct

from releaseguard.errors import UsageError
from releaseguard.eventlog.signing.canonical import SAFE_INTEGER, canonical, covered
from releaseguard.model import Event
from releaseguard.secret import Secret
from releaseguard_events.stores.storable import storable

VARIABLE = "RELEASEGUARD_SIGNING_KEY"
FORMER = "RELEASEGUARD_SIGNING_KEY_OLD"
"""The variable of former keys, separated by commas: their signatures are believed, and nothing is signed with them."""
SHORTEST = 16
"""The fewest characters of a key; a shorter one can be found by trying."""
KEY_BYTES = 32
"""Bytes of entropy: HMAC-SHA256 is as strong as its key up to the length of its digest (RFC 2104, section 3). A key
that cannot hold as many is accepted, and ``doctor`` remarks on it."""
FEWEST_CHARACTERS = 10
"""The fewest different characters. A random key of 32 bytes has fewer once in more than 10**9 keys, even in
hexadecimal."""
MAKE_ONE = "Make one: openssl rand -base64 32"

_DOMAIN = b"releaseguard: a row of its own, version 1\n"
_KEY_DOMAIN = b"releaseguard: the name of a signing key\n"
_SIGNATURE = re.compile(r"hmac-sha256:(?P<key>[0-9a-f]{16}):(?P<mac>[0-9a-f]{64})")


class Key(Struct, frozen=True):
    """One signing key; ``id`` names it in signatures and reveals nothing about it."""

    secret: Secret
    id: str

    @classmethod
    def of(cls, secret: Secret) -> Key:
        return cls(secret, _mac(secret, _KEY_DOMAIN)[:16])

    @property
    def weakness(self) -> str | None:
        """Why the key is easier to find than a random one, in words; ``None`` for a good key."""
        return weakness(self.secret.reveal())

    def signature(self, event: Event) -> str:
        """The signature of the row as a store keeps it. Raises ``ValueError`` for what has no canonical form."""
        mac = _mac(self.secret, b"".join([_DOMAIN, self.id.encode(), b"\n", _message(event)]))
        return f"hmac-sha256:{self.id}:{mac}"


class Keyring(Struct, frozen=True):
    """The key that signs, first, and all keys whose signatures are believed."""

    keys: Sequence[Key]

    @property
    def current(self) -> Key:
        return self.keys[0]

    def signed(self, event: Event) -> Event:
        """The row with its signature, as a store keeps it."""
        event = storable(event)
        return replace(event, detail={**event.detail, "signature": self.current.signature(event)})

    def has_signed(self, event: Event) -> bool:
        """Whether the row's signature is from one of these keys; compared in constant time."""
        given, named = event.detail.get("signature"), key_named_by(event)
        key = next((key for key in self.keys if key.id == named), None)
        if key is None or not isinstance(given, str):
            return False
        import hmac

        try:
            return hmac.compare_digest(key.signature(event).encode(), given.encode())
        except ValueError:
            return False


def key_named_by(event: Event) -> str | None:
    """The id of the key with which a row claims to be signed; ``None`` for a row that does not look signed."""
    given = event.detail.get("signature")
    match = _SIGNATURE.fullmatch(given) if isinstance(given, str) else None
    return match["key"] if match else None


def keyring_in(environ: Mapping[str, str]) -> Keyring | None:
    """The keys in the environment; ``None`` without a current one.

    Raises ``UsageError`` for a key of fewer than :data:`SHORTEST` characters, and for former keys without a current
    one.
    """
    current, former = environ.get(VARIABLE), [one.strip() for one in environ.get(FORMER, "").split(",")]
    if not current:
        if any(former):
            raise UsageError(f"{FORMER} is set and {VARIABLE} is not", where=FORMER, next_step=f"Set {VARIABLE} too.")
        return None
    named = [(VARIABLE, current), *((FORMER, one) for one in former if one)]
    return Keyring([Key.of(_checked(variable, text)) for variable, text in named])


def _checked(variable: str, text: str) -> Secret:
    text = text.strip()
    if len(text) < SHORTEST:
        what = f"{variable} has {len(text)} characters, and a key of less than {SHORTEST} can be found by trying"
        raise UsageError(what, where=variable, next_step=MAKE_ONE)
    return Secret(text)


def weakness(key: str) -> str | None:
    """Why a key is easier to find than a random one of :data:`KEY_BYTES`, in words; ``None`` for a good key."""
    key = key.strip()
    held = entropy_bytes(key)
    if held < KEY_BYTES:
        return f"it can hold {held:.0f} bytes of entropy, where {KEY_BYTES} are as strong as the signature"
    return "it repeats a few characters" if len(set(key)) < FEWEST_CHARACTERS else None


def entropy_bytes(text: str) -> float:
    """The most entropy that a text of this length and alphabet can have, in bytes."""
    if re.fullmatch(r"[0-9a-fA-F]*", text):
        return len(text) / 2
    if re.fullmatch(r"[A-Za-z0-9+/_-]*={0,2}", text):
        return len(text.rstrip("=")) * 6 // 8
    return len(text.encode())


def _mac(secret: Secret, message: bytes) -> str:
    import hashlib
    import hmac

    return hmac.new(secret.reveal().encode(), message, hashlib.sha256).hexdigest()


def _message(event: Event) -> bytes:
    columns = covered(event, without=("signature",))
    try:
        return canonical(columns)
    except ValueError:
        return canonical(_rounded(columns))


def _rounded(value: Any) -> Any:
    """The value with whole numbers beyond the exact range as the double that they are read as."""
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return _as_double(value)
    return value


def _as_double(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError("a number beyond every double") from None
