"""One-time codes: digits that a sentence calls a code for signing in or confirming."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from releaseguard_events.scrub.rules import Pattern

CONTEXT: Final = (
    "otp", "one-time", "one time", "verif", "confirm", "2fa", "mfa", "two-factor", "login code", "log in", "sign in",
    "security code", "passcode", "access code", "your code", "code is", "sms code", "authentication code", "auth code",
    "doğrula", "dogrula", "onay kod", "onay ş", "kodunuz", "şifreniz", "sifreniz", "giriş kod", "giris kod",
    "güvenlik kod", "guvenlik kod", "tek kullan", "sms kod", "aktivasyon kod", "pin", "kodu ile", "activation code",
)  # fmt: skip
_CODE: Final = r"(?P<x>(?:[A-Z]-)?+(?:\d{4,8}+|\d{3}[ -]\d{3}))(?![\w%]|[.,:/-]\d)"
_UNIT: Final = (
    r"(?!\s{0,2}+(?>seconds?|secs?|s|ms|minutes?|mins?|min|hours?|days?|times|tries|attempts?|of|saniye|sn|dakika|dk|"
    r"saat|gün|kez|deneme|karakter|characters?|char|digits?|haneli|hane|TL|TRY|USD|EUR|bytes?)\b)"
)
"""What makes digits a quantity: ``3600 seconds``."""
_OTP_AFTER: Final = Pattern(
    "secret",
    r"(?i)(?<!\w)(?P<label>(?>otp|pin|passcode|(?:[\w-]{1,20}+[ ])?+(?:code|kodunuz|kodumuz|kodu|kod|şifreniz|"
    r"sifreniz|şifre|sifre|password|parolanız|parola)))\b(?>[^\w\n.!?]|\.(?!\s)|(?<=\s)(?>is|was|for|your|in|as|of|to|the|"
    rf"login|icin|için|olarak|number|no|using|with)\b){{1,24}}+(?<![\d.,/]){_CODE}{_UNIT}",
)
_OTP_BEFORE: Final = Pattern(
    "secret",
    rf"(?i)(?<![\w.,:/#-])(?<!code )(?<!kodu )(?<!kod ){_CODE}{_UNIT}[\"']?+\s{{0,2}}+"
    r"(?:(?>is|as|-|:)\s(?>your|the|a|my)\s(?:[^\W\d]{1,20}+\s){0,3}?(?>one[- ]time|otp|verification|login|security|"
    r"confirmation|access|passcode|pin|sign[- ]?in|authentication|code)|(?:[^\W\d]{1,20}+\s{1,2}+)?"
    r"(?>doğrulama|dogrulama|onay|giriş|giris|güvenlik|guvenlik|tek kullanımlık|aktivasyon)\s(?:kod|şifre))",
)
_OTP_USE: Final = Pattern(
    "secret",
    rf"(?i)\b(?>use|enter|type|giriniz|girin|kullanın)\s{{1,2}}+{_CODE}{_UNIT}",
)
_OTHER_CODES: Final = re.compile(
    r"(?i)\b(?:error|status|response|hata|http|exit|country|ülke|ulke|posta|postal|zip|area|alan|il|order|sipariş|siparis|"
    r"promo|kampanya|coupon|kupon|discount|indirim|ürün|urun|product|return|reason|sonuç|sonuc|işlem|islem|currency|"
    r"language|source|bar|qr|plaka|banka|bank|branch|şube|sube|vergi|iade|takip|tracking|referral|referans|result|sms"
    r"(?= code=))[ ]$"
)


def one_time_codes(text: str) -> Iterator[tuple[int, int, str]]:
    """Digits that a sentence calls a code for signing in or confirming."""
    lowered = text.lower()
    if not any(word in lowered for word in CONTEXT):
        return
    pattern = _OTP_AFTER.compiled()
    for match in pattern.finditer(text):
        label = match["label"].rpartition(" ")[0]
        if not (label and _OTHER_CODES.search(f"{label} ")):
            yield *match.span("x"), "secret"
    yield from _OTP_BEFORE(text)
    yield from _OTP_USE(text)
