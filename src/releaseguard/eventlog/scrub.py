"""Keeps secrets and personal data out of events: both are masked, by name and by look.

The app's thread only copies what it is given (``plain.py``); :class:`Scrubber` then masks by the names of keys and
by the look of texts, in the background. What is masked says what it was (``[email]``), so that a report can count
it. Scrubbing twice changes nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from releaseguard.eventlog.plain import CUT, Json

MAX_TEXT: Final = 2_000
"""Characters of one text in an event."""


# --- what a text gives away -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind of thing to mask. ``proves`` is asked where the look alone is no proof (check digits)."""

    kind: str
    pattern: re.Pattern[str]
    proves: Callable[[str], bool] | None = None
    keep: str = ""
    """What of the match stays, as a replacement template."""

    def apply(self, text: str) -> str:
        return self.pattern.sub(self._mask, text)

    def _mask(self, match: re.Match[str]) -> str:
        if self.proves is not None and not self.proves(match[0]):
            return match[0]
        return match.expand(self.keep) + f"[{self.kind}]"


_DIGITS: Final = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,}(?!\w)")
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7]|35)\d{14}|9792\d{12}|3[47]\d{13}|3[0689]\d{12}"
    r"|(?:5[06-9]|6\d)\d{14,17}"
)
"""Ranges and lengths of the card schemes: the number of an order or a time must not be taken for a card's."""


def _mask_cards(text: str) -> str:
    return _DIGITS.sub(lambda match: _mask_card_in(match[0]), text)


def _mask_card_in(run: str) -> str:
    """``run``, digits in groups, with the first card that begins with a group masked, and all after it."""
    places = [place for place, character in enumerate(run) if character.isdigit()]
    ends = {place for place in places if not run[place + 1 : place + 2].isdigit()}
    for first, start in enumerate(places):
        if start and run[start - 1].isdigit():
            continue
        for last in places[first + 12 : first + 19]:
            if last in ends and _is_card(re.sub(r"\D", "", run[start : last + 1])):
                return f"{run[:start]}[card]{_mask_card_in(run[last + 1 :])}"
    return run


def _is_card(digits: str) -> bool:
    """A scheme's range and Luhn's check digit (ISO/IEC 7812-1, annex B)."""
    if not _ISSUERS.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


_IBAN_LENGTHS: Final = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 "
        "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
        "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 "
        "SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
}
"""Lengths of the IBAN registry (SWIFT): without them one random text in five would look like an IBAN."""

_IBAN_START: Final = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})\d{2}(?=[ -]?[A-Za-z0-9])")


def _mask_ibans(text: str) -> str:
    for match in reversed(list(_IBAN_START.finditer(text))):
        end = _iban_end(text, match.start(), _IBAN_LENGTHS.get(match[1].upper(), 0))
        if end:
            text = f"{text[: match.start()]}[iban]{text[end:]}"
    return text


def _iban_end(text: str, start: int, length: int) -> int:
    """Where the IBAN of ``length`` characters that begins at ``start`` ends; 0 where none does."""
    found: list[str] = []
    for place in range(start, min(len(text), start + length * 2)):
        if text[place].isascii() and text[place].isalnum():
            found.append(text[place].upper())
        elif text[place] not in " -":
            break
        if len(found) == length:
            return place + 1 if _is_iban("".join(found)) else 0
    return 0


def _is_iban(compact: str) -> bool:
    """The check of ISO 13616: rearranged and read as a number, modulo 97 it is 1."""
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _is_turkish_identity(text: str) -> bool:
    """The two check digits of a T.C. kimlik numarası."""
    digits = [int(digit) for digit in text]
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


_NAMES_IN_TEXT = (
    r"pass(?:word|wd|phrase|code)?|parola|[sş]ifre|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|"
    r"merchant[_-]?(?:key|salt)|auth[_-]?key|otp|cvv|cvc|signature"
)

_KEY_SHAPES = "|".join(
    (
        r"SG\.[A-Za-z0-9_-]{16,80}(?:\.[A-Za-z0-9_-]{16,80})?",  # SendGrid
        r"sk-[A-Za-z0-9_-]{16,200}",  # OpenAI
        r"[sprk]{2}_(?:live|test)_[A-Za-z0-9]{10,200}",
        r"(?:AC|SK)[0-9a-f]{32}",  # Twilio
        r"(?:pk|sk|tk)\.[A-Za-z0-9_-]{20,300}(?:\.[A-Za-z0-9_-]{10,100})?",  # Mapbox
        r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}",
        r"(?:AKIA|ASIA)[A-Z0-9]{16}",
        r"AIza[A-Za-z0-9_-]{35}",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,200}",
        r"sb_(?:secret|publishable)_[A-Za-z0-9_-]{10,200}|sbp_[A-Za-z0-9]{20,100}",
        r"ph[cx]_[A-Za-z0-9]{20,100}",  # PostHog
        r"sntry[su]_[A-Za-z0-9_=+/-]{20,300}",  # Sentry
        r"whsec_[A-Za-z0-9+/=]{10,100}|vc[apk]_[A-Za-z0-9]{20,100}|st\.[A-Za-z0-9]{8,64}\.[A-Za-z0-9.]{16,200}",
        r"Expo(?:nent)?PushToken\[[^\]\s]{6,100}\]",
    )
)

_UUID: Final = re.compile(r"(?i)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")

_SHAPES: Final = (
    _Rule(
        "secret",
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,3900}?(?:-----END [A-Z ]{0,30}-----|\Z)", re.DOTALL),
    ),
    _Rule("secret", re.compile(r"eyJ[A-Za-z0-9_-]{6,2000}\.[A-Za-z0-9_-]{2,2000}(?:\.[A-Za-z0-9_-]{0,1000})?")),
    _Rule("secret", re.compile(rf"(?<![A-Za-z0-9])(?:{_KEY_SHAPES})")),
    _Rule("secret", re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{6,2000}"), keep=r"\1"),
    _Rule("secret", re.compile(r"(?i)\b(basic\s+)[A-Za-z0-9+/]{16,500}={0,2}"), keep=r"\1"),
    _Rule("secret", re.compile(r"(://)[^\s/@]{1,300}(?=@)"), keep=r"\1"),
    _Rule(
        "secret",
        re.compile(rf"(?i)((?:{_NAMES_IN_TEXT})[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?)(?!\[)[^\s\"'&,;}}\])]{{1,300}}"),
        keep=r"\1",
    ),
    _Rule(
        "email", re.compile(r"[^\s@<>\"'(),:;=\[\]{}|/?&%]{1,64}(?:@|%40)(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}")
    ),
)
_NUMBERS: Final = (
    _Rule("identity", re.compile(r"(?<![\w.+-])[1-9]\d{10}(?![\w-])"), _is_turkish_identity),
    _Rule("phone", re.compile(r"(?<![\w+])(?:\+|00(?=[1-9]))(?:[ ().-]{0,2}\d){8,15}(?!\d)")),
    _Rule("phone", re.compile(r"(?<![\w.+-])(?:90[ -]?|0[ -]?)?\(?5\d{2}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}(?![\w-])")),
    _Rule("phone", re.compile(r"(?<![\w.+-])(?:90|0)?5\d{2}\.\d{3}\.\d{2}\.\d{2}(?![\w.-])")),
    _Rule("phone", re.compile(r"(?<![\w.+-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])")),
)

_NO_IDENTIFIER: Final = re.compile(r"[\s()]|^(?:tel:)?\+|^05\d{9}$")
"""Blanks, brackets, a number that begins as a telephone's does: no release or id looks like that."""

# --- what a key's name gives away -----------------------------------------------------------------------------


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zşçğıöü]+|\d+")
_SECRET_WORDS: Final = _set_of(
    "password passwd passphrase passcode parola sifre şifre pwd secret token apikey authorization credential "
    "credentials cookie jwt otp cvv cvc pin salt bearer dsn"
)
_KEYS_OF: Final = _set_of("api access private auth merchant signing service encryption role anon secret")
_HARMLESS_ENDINGS: Final = _set_of(
    "version versions name names count type status age length expires expiry expired present used valid limit"
)
_PERSONAL: Final = (
    (_set_of("email mail eposta"), "email"),
    (_set_of("phone telephone msisdn gsm mobile telefon"), "phone"),
    (_set_of("iban"), "iban"),
    (_set_of("pan cardnumber"), "card"),
    (_set_of("tckn tcno kimlik ssn"), "identity"),
    (_set_of("firstname lastname fullname surname soyad birthdate birthday dob"), "person"),
    (_set_of("ip ipaddress"), "ip"),
)
_PERSONAL_PAIRS: Final = {
    ("e", "mail"): "email",
    ("email", "address"): "email",
    ("mail", "address"): "email",
    ("phone", "number"): "phone",
    ("mobile", "number"): "phone",
    ("card", "number"): "card",
    ("national", "id"): "identity",
    ("first", "name"): "person",
    ("last", "name"): "person",
    ("full", "name"): "person",
    ("birth", "date"): "person",
    ("street", "address"): "person",
    ("ip", "address"): "ip",
}


def kind_of_key(key: str) -> str | None:
    """What the value under ``key`` is by its name (``secret``, ``email`` ...), or ``None``.

    ``secret_version`` and its like speak about a secret and hold none.
    """
    words = [word.lower() for word in _WORDS.findall(key[:200])]
    if not words:
        return None
    pair = (words[-2], words[-1]) if len(words) > 1 else ("", words[-1])
    if pair in _PERSONAL_PAIRS:
        return _PERSONAL_PAIRS[pair]
    if words[-1] in _HARMLESS_ENDINGS:
        return None
    if _SECRET_WORDS & set(words) or (words[-1] == "key" and _KEYS_OF & set(words)):
        return "secret"
    return next((kind for names, kind in _PERSONAL if words[-1] in names), None)


def _speaks_about(key: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(key[:200])]
    return bool(words) and words[-1] in _HARMLESS_ENDINGS


# --- the scrubber ---------------------------------------------------------------------------------------------


class Scrubber:
    """Masks secrets and personal data. ``known`` are texts that are secret whatever they look like."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        forms = {form for value in known for form in (value, quote(value, safe=""))}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """``text`` with everything masked, at most :data:`MAX_TEXT` characters."""
        text = self._shapes(text)
        parts = _UUID.split(text)
        # The digits of a UUID are nobody's telephone: only what lies between UUIDs is searched for numbers.
        parts[::2] = [_mask_numbers(part) for part in parts[::2]]
        return _shortened("".join(parts))

    def identifier(self, text: str) -> str:
        """``text`` with what no identifier is masked. Releases and ids are often digits: bare ones stay."""
        text = self._shapes(text)
        if _NO_IDENTIFIER.search(text):
            return self.text(text)
        return _shortened(_mask_ibans(text))

    def json(self, value: Json, *, by_name: bool = True) -> Json:
        """``value`` with every text and key masked; ``by_name``: also what its key's name gives away."""
        if isinstance(value, dict):
            return {self.text(key): self._member(key, item, by_name) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item, by_name=by_name) for item in value]
        if isinstance(value, str):
            return self.text(value)
        return self._number(value)

    def _member(self, key: str, value: Json, by_name: bool) -> Json:
        kind = kind_of_key(key) if by_name else None
        if kind is None or value is None or isinstance(value, bool):
            return self.json(value, by_name=by_name and not _speaks_about(key))
        return f"[{kind}]"

    def _number(self, value: bool | float | None) -> Json:
        if value is None or isinstance(value, bool) or abs(value) < 10**9 or value != int(value):
            return value
        text = str(int(value))
        masked = self.text(text)
        return value if masked == text else masked

    def _shapes(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("[secret]", text)
        for rule in _SHAPES:
            text = rule.apply(text)
        return text


def _mask_numbers(text: str) -> str:
    if not any(character.isdigit() for character in text):
        return text
    text = _mask_cards(_mask_ibans(text))
    for rule in _NUMBERS:
        text = rule.apply(text)
    return text


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT)] + CUT


def secrets_of(environment: Mapping[str, str]) -> Sequence[str]:
    """The values of a process's environment that are secret by their variable's name, long enough to be sure."""
    return [value for name, value in environment.items() if kind_of_key(name) == "secret" and _is_distinct(value)]


def _is_distinct(value: str) -> bool:
    return len(value) >= 20 or (len(value) >= 10 and any(character.isdigit() for character in value))


_FINDER: Final = Scrubber()
_MARK: Final = re.compile(r"\[(secret|email|iban|card|identity|phone|person|ip)\]")


def kinds_in(value: Json) -> frozenset[str]:
    """Which kinds of secret or personal data ``value`` still holds: empty for everything that was scrubbed."""
    return frozenset(_kinds(value, _FINDER.json(value)))


def _kinds(before: Json, after: Json) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and len(before) == len(after):
        for (old_key, old), (new_key, new) in zip(before.items(), after.items(), strict=True):
            yield from _kinds(old_key, new_key)
            yield from _kinds(old, new)
    elif isinstance(before, list) and isinstance(after, list):
        for old, new in zip(before, after, strict=True):
            yield from _kinds(old, new)
    else:
        yield from _MARK.findall(str(after))
