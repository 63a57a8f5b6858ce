"""Whether a value is a secret, or only mentions one."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from releaseguard_events.scrub.keys import words

_STATUS: Final = words(
    "required missing invalid expired incorrect wrong malformed mismatch undefined null none nil true false yes no "
    "empty unknown unset hidden redacted masked filtered optional denied revoked rejected disabled enabled failed ok "
    "error not must is was should cannot can too may has have been be will changed updated reset set sent string "
    "number boolean zorunlu gecersiz geçersiz hatali hatalı yanlis yanlış eksik gerekli bos boş dogru doğru degisti "
    "değişti var yok başarısız basarisiz süresi suresi uyuşmuyor blank absent present provided issued unauthorized "
    "forbidden"
)
"""Words that a message says about a password or token, and that are no password."""
HARD: Final = ("pass", "parola", "sifre", "şifre", "pwd")
_PLACEHOLDER: Final = re.compile(
    r"\$\{\w{1,60}+\}?|\$[A-Z][A-Z0-9_]{1,60}+|<[\w -]{1,60}+>?|\{\{?[\w .]{1,60}+\}{1,2}|%[sd]|%\(\w{1,30}+\)s|\$\d"
    r"|process\.env[\w.]{0,60}+|os\.environ\S{0,60}+|[x*•.…_-]{3,300}+|[A-Z][A-Z0-9]{0,30}+(?:_[A-Z0-9]{1,30}+){1,8}+"
    r"|\[\w{1,20}+\]"
)


def is_status(value: str) -> bool:
    """Whether ``value`` is a word about a secret (``missing``, ``geçersiz``)."""
    return value.lower().rstrip(".,;:!?)") in _STATUS


def is_said(value: str) -> bool:
    return is_status(value) or _PLACEHOLDER.fullmatch(value) is not None


def is_random(value: str) -> bool:
    """Whether ``value`` looks generated rather than written: digits, signs, or longer than words are."""
    return any(not character.isalpha() for character in value.strip(".,;:!?")) or len(value) >= 20


def is_bearer(value: str) -> bool:
    return not is_said(value) and (len(value) >= 20 or any(character.isdigit() for character in value))


def is_basic(value: str) -> bool:
    """Whether it is the Base64 of ``user:password`` (https://www.rfc-editor.org/rfc/rfc7617)."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return False


def is_parameter(value: str) -> bool:
    return not is_said(value) and (is_random(value) or len(value) >= 8)
