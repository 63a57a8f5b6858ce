"""Identifies a value of a secret without revealing it, by a keyed hash cut to 40 bits. Pure.

Forty bits distinguish all values that a project ever has, and leave so many other values possible that nobody learns
one from them, as long as the value cannot be guessed. Values that could be guessed have no fingerprint.
"""

from __future__ import annotations

import base64
from typing import Final

PREFIX: Final = "fp:"
"""Distinguishes a fingerprint from a version's label."""
BYTES: Final = 5
SHORTEST: Final = 16
"""The fewest characters of a value; a shorter one may be guessed."""
LOW_IN_ENTROPY: Final = frozenset({"PAYTR_MERCHANT_ID"})
"""The names of secrets with too few possible values (``entropy = "low"`` on their cards)."""
SALT_VARIABLE: Final = "RELEASEGUARD_SALT"
USUAL_SALT: Final = "project"
"""The salt of a project without a name."""


def fingerprint_of(value: str, salt: str) -> str | None:
    """HMAC-SHA-256 of ``value`` under ``salt``, the first 40 bits in lower-case base32; ``None`` where the value may be
    guessed.

    It is base32 because a run of ten digits would be masked as a telephone number on its way into the log.
    """
    if len(value) < SHORTEST or len({*value}) < SHORTEST // 2:
        return None
    import hashlib
    import hmac

    keyed = hmac.digest(salt.encode(), value.encode(errors="surrogatepass"), hashlib.sha256)
    return PREFIX + base64.b32encode(keyed[:BYTES]).decode().lower()


def may_have_one(name: str) -> bool:
    """Whether the secret with that name may have a fingerprint."""
    return name not in LOW_IN_ENTROPY
