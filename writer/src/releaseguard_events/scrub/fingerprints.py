"""What tells one value of a secret from every other without giving it away: a keyed hash, cut to 40 bits. Pure.

Forty bits tell the values that a project ever has apart, and leave so many others possible that nobody learns one from
it, as long as it cannot be guessed: of what can be, there is no fingerprint.
"""

from __future__ import annotations

import base64
from typing import Final

PREFIX: Final = "fp:"
"""What tells a fingerprint from a version's label."""
BYTES: Final = 5
SHORTEST: Final = 16
"""Characters: a shorter value may be guessed."""
LOW_IN_ENTROPY: Final = frozenset({"PAYTR_MERCHANT_ID"})
"""Secrets of which too few values are possible, by name; ``entropy = "low"`` on their cards."""
SALT_VARIABLE: Final = "RELEASEGUARD_SALT"
USUAL_SALT: Final = "project"
"""Of a project that gives itself no name."""


def fingerprint_of(value: str, salt: str) -> str | None:
    """HMAC-SHA-256 of ``value`` under ``salt``, the first 40 bits in lower-case base32; ``None``: it may be guessed.

    Base32, since a run of ten digits would be taken for a telephone number on its way into the log.
    """
    if len(value) < SHORTEST or len({*value}) < SHORTEST // 2:
        return None
    import hashlib
    import hmac

    keyed = hmac.digest(salt.encode(), value.encode(errors="surrogatepass"), hashlib.sha256)
    return PREFIX + base64.b32encode(keyed[:BYTES]).decode().lower()


def may_have_one(name: str) -> bool:
    """Whether the secret of that name may be fingerprinted at all."""
    return name not in LOW_IN_ENTROPY
