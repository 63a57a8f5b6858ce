"""What a key's name reveals about its value, from tables of English and Turkish words. Whole words count, not letters.

A key is read as words without accents (``müşteriAdı`` is *musteri adi*), together with the key above it (``{"customer":
{"name": ...}}`` is *customer name*). Its ending decides.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_LONGEST: Final = 200
"""The most characters of a key that are read."""

_PLAIN: Final = str.maketrans("çğıİöşüÇĞÖŞÜ", "cgiIosuCGOSU", "\u0307")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


def words(text: str) -> frozenset[str]:
    """A table of words, from a text."""
    return frozenset(text.split())


def _phrases(kind: str, phrases: str) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): kind for phrase in phrases.split(",") if phrase.split()}


_SECRET_WORDS: Final = words(
    "password passwd passphrase passcode parola sifre sifresi pwd secret token apikey authorization credential "
    "credentials cookie jwt otp totp cvv cvc cvv2 cvc2 dsn"
)
_RUN_TOGETHER: Final = (
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "secretkey",
    "privatekey",
    "accesskey",
    "authkey",
)
"""Secret words at the end of longer ones, where nobody separated them: ``PGPASSWORD``, ``clientsecret``."""
"""Wherever they stand in a key, unless it ends in a word that only speaks about them."""

_ABOUT: Final = words(
    "version versions name names count counts type types status state age length len size limit expires expiry "
    "expired expiration ttl present used valid invalid required missing reset rotated changed updated created issued "
    "verified confirmed enabled disabled id ids file path policy format color colour strength hint attempts tries "
    "provider source template scope scopes usage uses at on error errors reason code codes field fields rule rules "
    "page url index"
)
"""Words for something *about* a secret, whose value stays (``token_type``, ``secret_version``, ``password_reset``)."""

_FLAGS: Final = words("is has can should needs requires no use uses allow allows")
"""Beginnings of a key that asks a question; the answer is nobody's."""

_KEY_OF: Final = words(
    "api access private auth merchant signing service encryption role anon secret user master shared webhook server "
    "account storage hmac session client subscription publishable ssh admin deploy"
)
_CODE_OF: Final = words(
    "verification verify confirmation confirm otp auth authorization security sms login activation mfa 2fa factor "
    "reset onay dogrulama guvenlik giris aktivasyon sifre pairing backup recovery invite"
)
_PIN_OF: Final = words(
    "card user sms login wallet atm security access account otp verification new old current confirm kart sim"
)
_ENDINGS: Final = (
    ("key", _KEY_OF),
    ("code", _CODE_OF),
    ("codes", _CODE_OF),
    ("kod", _CODE_OF),
    ("kodu", _CODE_OF),
    ("pin", _PIN_OF),
)
"""Whether a key, code or PIN is secret depends on its purpose: ``cache_key``, ``status_code`` and ``map_pin`` are
not."""

_SUFFIXES: Final[dict[tuple[str, ...], str]] = (
    _phrases(
        "secret",
        "bearer, salt, signature, sig, cookies, set cookie, merchant key, connection string, backup codes, "
        "recovery codes",
    )
    | _phrases("email", "email, emails, mail, eposta, e mail, e posta, email address, mail address, eposta adresi")
    | _phrases("email", "e posta adresi, mail adresi")
    | _phrases("phone", "phone, phones, telephone, msisdn, gsm, mobile, telefon, telefonu, tel, fax, whatsapp, cep")
    | _phrases("phone", "phone number, mobile number, telephone number, phone no, mobile no, gsm no, gsm number")
    | _phrases("phone", "telefon no, telefon numarasi, cep no, tel no, cep telefonu")
    | _phrases("iban", "iban, iban no, iban number")
    | _phrases("card", "pan, cardnumber, card number, card no, kart no, kart numarasi, credit card, kredi karti")
    | _phrases("identity", "tckn, tcno, kimlik, ssn, tc no, tc kimlik, kimlik no, kimlik numarasi, national id")
    | _phrases(
        "identity", "tc kimlik no, tckimlik, tckimlikno, identity number, identity no, citizen id, personal code"
    )
    | _phrases("identity", "passport, passport no, passport number, pasaport, pasaport no, pasaport numarasi, vkn")
    | _phrases("identity", "vergi no, vergi numarasi, tax number, tax no, tax id, social security number")
    | _phrases(
        "identity", "plate, plate number, plate no, plaka, plaka no, license plate, licence plate, ehliyet, ehliyet no"
    )
    | _phrases("identity", "driver license, driver licence, drivers license, driving license, driving licence")
    | _phrases("identity", "license number, licence number, license no, licence no, doc number, document number")
    | _phrases("identity", "belge no, seri no, national id number, national number, identification number")
    | _phrases(
        "person", "firstname, lastname, fullname, surname, soyad, soyadi, soyisim, isim, ismi, adsoyad, ad soyad"
    )
    | _phrases("person", "adi soyadi, ad soyadi, ad ve soyad, isim soyisim, username, user name, kart sahibi")
    | _phrases("person", "first name, last name, full name, given name, family name, middle name, maiden name")
    | _phrases("person", "birthdate, birthday, dob, birth date, date of birth, birth place, place of birth, birth day")
    | _phrases("person", "dogumtarihi, dogum tarihi, dogum yeri, dogum gunu, dogum yili, birth year, year of birth")
    | _phrases("person", "address, adres, adresi, street, sokak, mahalle, address line, street address, street name")
    | _phrases("person", "acik adres, ev adresi, house number, house no")
    | _phrases("location", "lat, lng, lon, latitude, longitude, latlng, latlon, lnglat, lonlat, coordinates, coords")
    | _phrases(
        "location", "coordinate, coord, enlem, boylam, geopoint, koordinat, koordinatlar, konum, lat lng, lat lon"
    )
    | _phrases("ip", "ip, ipaddress, ip address, ip adresi, remote addr, forwarded for, real ip, ipv4, ipv6")
)
"""Endings of a key; the longest match counts."""

NAME_LIKE: Final = "name?"
"""The kind of a key whose value belongs to a person only if it looks like a name: ``name``, ``customer``."""

_SINGLE: Final = {
    "pin": "secret",
    "tc": "identity",
    "licence": "identity",
    "license": "identity",
    "ad": NAME_LIKE,
    "adiniz": NAME_LIKE,
}
"""Words that count only alone: ``license_type`` and ``ad_unit`` mean something else."""

PEOPLE: Final = words(
    "customer user member recipient receiver contact holder cardholder owner buyer seller patient student employee "
    "guest passenger person payer payee beneficiary subscriber author traveler traveller "
    "musteri alici satici gonderen kullanici uye yetkili kisi hasta ogrenci sahibi anne baba surucu yolcu musterinin"
)
"""Those who have a name. ``adresi``, ``adi`` and ``name`` belong to people only after one of these."""

_THINGS: Final = words(
    "mac contract wallet bind server listen network base web url host smtp memory return service bucket queue lookup "
    "validation broker cluster node pod gateway endpoint callback token"
)
"""Things whose *address* is nobody's home."""

_WRAPPERS: Final = words(
    "payload data body detail details result response request params args context meta metadata extra fields form "
    "input record row values attributes properties object item new old before after query headers config options 0 1 2"
)
"""Keys that say nothing about their content."""

_MAYBE_NAMES: Final = words("display account client billing shipping profile nick legal sender driver tenant screen")


def words_of(key: str) -> tuple[str, ...]:
    """The words of ``key``, in lower case and without Turkish accents."""
    return tuple(word.lower() for word in _WORDS.findall(key[:_LONGEST].translate(_PLAIN)))


@lru_cache(maxsize=2048)
def kind_of_key(key: str, parent: str = "") -> str | None:
    """The kind of the value under ``key`` by its name (``secret``, ``email`` ...), :data:`NAME_LIKE`, or ``None``.

    ``parent`` is the key of the object that contains ``key``. ``secret_version`` and similar keys are about a secret
    and contain none.
    """
    own = words_of(key)
    while len(own) > 1 and own[-1].isdigit():
        own = own[:-1]
    if not own:
        return None
    above = tuple(word for word in words_of(parent)[-2:] if word not in _WRAPPERS)
    return _secret_by(own) or _personal_by(own, above)


def _secret_by(own: tuple[str, ...]) -> str | None:
    last, before = own[-1], set(own[:-1])
    if any(last == ending and owners & before for ending, owners in _ENDINGS):
        return "secret"
    if last in _ABOUT or (before and own[0] in _FLAGS):
        return None
    if _SECRET_WORDS & set(own) or last.endswith(_RUN_TOGETHER):
        return "secret"
    return (
        "secret" if "secret" in (_SUFFIXES.get(own[-2:]), _SUFFIXES.get(own[-1:]), _SINGLE.get(" ".join(own))) else None
    )


def names_a_secret(phrase: str) -> bool:
    """Whether words of a sentence *end* in the name of a secret: ``api key`` does, ``token for user`` does not."""
    last = words_of(phrase)[-1:]
    return any(last == (ending,) for ending, _ in _ENDINGS) or (bool(last) and _secret_by(last) is not None)


def _personal_by(own: tuple[str, ...], above: tuple[str, ...]) -> str | None:
    if own[0] in _FLAGS and len(own) > 1:
        return None
    if own[-1] in ("name", "adi", "names"):
        return _name_by(own, above)
    if len(own) == 1 and own[0] in _SINGLE:
        return _SINGLE[own[0]]
    both = above + own
    kind = next((_SUFFIXES[both[-size:]] for size in (4, 3, 2, 1) if both[-size:] in _SUFFIXES), None)
    if kind == "person" and own[-1] in ("address", "adresi") and _THINGS & set(both):
        return None
    return NAME_LIKE if kind is None and own[-1] in PEOPLE else kind


def _name_by(own: tuple[str, ...], above: tuple[str, ...]) -> str | None:
    """Whose name it is. The key above counts where the key itself says only *name*."""
    before = own[:-1] or above
    if own[-2:] in _SUFFIXES:
        return _SUFFIXES[own[-2:]]
    if before and before[-1] in PEOPLE:
        return "person"
    if not before or before[-1] in _MAYBE_NAMES:
        return NAME_LIKE
    return None


def is_message_id(key: str) -> bool:
    """Whether ``key`` is that of a mail's own identifier."""
    return words_of(key)[-2:] in (("message", "id"), ("msg", "id")) or key.lower() == "messageid"


_NUMBERED: Final = words(
    "id ids oid uuid guid sid no ref reference number num code barcode sku epoch timestamp ts time at referans "
    "takip kodu offset bytes rows total amount tutar size seq sequence hash sha commit build trace span"
)


@lru_cache(maxsize=2048)
def is_identifier(key: str) -> bool:
    """Whether ``key`` names its value an id or number of something; then digits are no telephone number."""
    return bool(_NUMBERED.intersection(words_of(key)[-1:]))


@lru_cache(maxsize=2048)
def speaks_about(key: str) -> bool:
    """Whether ``key`` only says something about what its members are named after; they are then no secrets either."""
    return bool(_ABOUT_MEMBERS.intersection(words_of(key)[-1:]))


_ABOUT_MEMBERS: Final = words("version versions name names count counts present status")


_WORD_OF_A_NAME: Final = re.compile(r"[^\W\d_a-z][^\W\d_]*[.'’-]?(?:[^\W\d_]+)?")
_NO_NAME: Final = re.compile(r"(?:Error|Exception|Warning|Failure|Request|Response|Handler|Service)$")


def looks_like_a_name(text: str) -> bool:
    """Whether the text has one to five words that each begin with a capital, as people's names do and identifiers do
    not."""
    each = text.split()
    if not 1 <= len(each) <= 5 or not all(map(_WORD_OF_A_NAME.fullmatch, each)):
        return False
    if len(each) == 1:
        return text[1:].islower() and not _NO_NAME.search(text)
    return not any(map(_NO_NAME.search, each))
