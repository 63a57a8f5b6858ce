"""What a text gives away by its look: a table of rules, each asked only where one of its hints is there.

A rule tells what it found in places of the folded text (``folded.py``). Patterns never go back over what they have
taken (possessive and bounded repetitions), so that the work grows with the text and no faster.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from releaseguard_events.scrub.folded import BLANK
from releaseguard_events.scrub.keys import NAME_LIKE, kind_of_key, looks_like_a_name, names_a_secret, words
from releaseguard_events.scrub.numbers import Span, cards, ibans, is_place, is_public_ip, is_turkish_identity

Finder = Callable[[str], Iterable[tuple[int, int, str]]]
"""Places of a folded text that are to be masked, and as what."""

KINDS: Final = ("secret", "email", "iban", "card", "identity", "phone", "person", "location", "ip")
MARK: Final = re.compile(rf"\[({'|'.join(KINDS)})\]")


@dataclass(frozen=True, slots=True)
class TextRule:
    """One way to look at a text. ``hints``: without one of these in the text, in lower case, it finds nothing."""

    hints: Sequence[str]
    find: Finder


class Table:
    """Rules in the order in which they are asked."""

    def __init__(self, *rules: TextRule) -> None:
        self._rules = rules
        self._hints = [(hint, number) for number, rule in enumerate(rules) for hint in rule.hints]

    def worth_asking(self, lowered: str) -> Sequence[TextRule]:
        """The rules of which a hint is in the text: a look at each hint costs far less than a rule."""
        return [self._rules[number] for number in sorted({n for hint, n in self._hints if hint in lowered})]

    def __iter__(self) -> Iterator[TextRule]:
        return iter(self._rules)


@dataclass(slots=True)
class _Pattern:
    """A kind and what it looks like; the group ``x``, where there is one, is what is masked. Compiled when first
    asked."""

    kind: str
    source: str
    proves: Callable[[str], bool] | None = None
    """Asked where the look alone is no proof."""
    _compiled: re.Pattern[str] | None = field(default=None, init=False)

    def compiled(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.source)
        return self._compiled

    def __call__(self, text: str) -> Iterator[tuple[int, int, str]]:
        pattern = self.compiled()
        group = "x" if "x" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            if self.proves is None or self.proves(match[group]):
                yield *match.span(group), self.kind


# --- Keys of services, by their documented forms ------------------------------------------------------------------

_SERVICES: Final = (
    ("sg.", r"SG\.[A-Za-z0-9_-]{16,80}+(?:\.[A-Za-z0-9_-]{16,80}+)?"),  # SendGrid
    ("sk-", r"sk-(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,300}+"),  # OpenAI, Anthropic
    ("_live_ _test_", r"(?:[sprk]{2}|rk)_(?:live|test)_[A-Za-z0-9]{10,250}+"),  # Stripe
    ("ac sk", r"(?:AC|SK)[0-9a-f]{32}(?![0-9a-f])"),  # Twilio
    ("pk. sk. tk.", r"(?:pk|sk|tk)\.[A-Za-z0-9_-]{20,300}+(?:\.[A-Za-z0-9_-]{10,100}+)?"),  # Mapbox
    ("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{20,255}+"),
    ("github_pat_", r"github_pat_[A-Za-z0-9_]{20,255}+"),
    ("glpat- gldt- glrt- glptt-", r"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_-]{16,100}+"),  # GitLab
    ("akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),  # AWS
    ("aiza", r"AIza[A-Za-z0-9_-]{30,45}+"),  # Google: keys, tokens, client secrets, refresh tokens
    ("ya29.", r"ya29\.[A-Za-z0-9_.-]{10,2000}+"),
    ("gocspx-", r"GOCSPX-[A-Za-z0-9_-]{10,60}+"),
    ("1//0", r"1//0[A-Za-z0-9_-]{20,200}+"),
    ("xox", r"xox[abeoprs](?:\.xox[abeoprs])?-[A-Za-z0-9-]{10,250}+"),  # Slack
    ("xapp-", r"xapp-[A-Za-z0-9-]{10,250}+"),
    ("sb_secret_ sb_publishable_", r"sb_(?:secret|publishable)_[A-Za-z0-9_-]{10,200}+"),  # Supabase
    ("sbp_", r"sbp_[A-Za-z0-9_]{20,100}+"),
    ("phc_ phx_ phs_", r"ph[cxs]_[A-Za-z0-9]{20,100}+"),  # PostHog
    ("sntrys_ sntryu_", r"sntry[su]_[A-Za-z0-9_=+/-]{20,400}+"),  # Sentry
    ("whsec_", r"whsec_[A-Za-z0-9+/=_-]{10,100}+"),  # Stripe, Svix
    ("vca_ vcp_ vck_ vci_ vcr_", r"vc[apkir]_[A-Za-z0-9]{20,100}+"),  # Vercel
    ("st.", r"st\.[A-Za-z0-9]{8,64}+\.[A-Za-z0-9.]{16,200}+"),  # Infisical
    ("pushtoken[", r"Expo(?:nent)?PushToken\[[^\]\s]{6,100}+\]"),
    (":apa91b", r"[A-Za-z0-9_-]{6,60}+:APA91b[A-Za-z0-9_-]{60,300}+"),  # Firebase: devices and old server keys
    ("npm_", r"npm_[A-Za-z0-9]{30,60}+"),
    ("pypi-", r"pypi-[A-Za-z0-9_-]{40,300}+"),
    ("re_", r"re_(?=[A-Za-z0-9_]{0,12}\d)[A-Za-z0-9]{6,12}+_[A-Za-z0-9]{16,40}+"),  # Resend
    ("key-", r"key-[0-9a-f]{32}(?![0-9a-f])"),  # Mailgun
    ("-us", r"[0-9a-f]{32}-us\d{1,2}+"),  # Mailchimp
    ("xkeysib- xsmtpsib-", r"x(?:key|smtp)sib-[A-Za-z0-9-]{20,150}+"),  # Brevo
    ("hf_", r"hf_[A-Za-z0-9]{30,60}+"),  # Hugging Face
    ("gsk_", r"gsk_[A-Za-z0-9]{30,80}+"),  # Groq
    ("r8_", r"r8_[A-Za-z0-9]{30,60}+"),  # Replicate
    ("xai- pplx-", r"(?:xai|pplx)-[A-Za-z0-9]{30,120}+"),
    ("dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{40,80}+"),  # DigitalOcean
    ("shpat_ shpss_ shpca_ shppa_", r"shp(?:at|ss|ca|pa)_[A-Fa-f0-9]{20,64}+"),  # Shopify
    ("sq0", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,60}+"),  # Square
    ("lin_api_", r"lin_api_[A-Za-z0-9]{30,60}+"),  # Linear
    ("ntn_ secret_", r"(?:ntn|secret)_(?=[A-Za-z]{0,20}\d)[A-Za-z0-9]{30,60}+"),  # Notion
    ("figd_", r"figd_[A-Za-z0-9_-]{20,80}+"),
    ("nfp_", r"nfp_[A-Za-z0-9]{30,60}+"),  # Netlify
    ("dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}+\.)?[A-Za-z0-9]{30,60}+"),  # Doppler
    ("pscale_", r"pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{30,70}+"),  # PlanetScale
    ("glc_ glsa_", r"gl(?:c|sa)_[A-Za-z0-9_+/=-]{30,200}+"),  # Grafana
    ("nrak-", r"NRAK-[A-Z0-9]{20,40}+"),  # New Relic
    ("pmak-", r"PMAK-[0-9a-f]{20,30}+-[0-9a-f]{30,40}+"),  # Postman
    ("atatt3", r"ATATT3[A-Za-z0-9_=-]{50,250}+"),  # Atlassian
    ("dapi", r"dapi[0-9a-f]{32}(?![0-9a-f])"),  # Databricks
    ("hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_-]{20,150}+"),  # Vault
    ("rnd_ hrku-", r"(?:rnd_|HRKU-)[A-Za-z0-9_-]{20,70}+"),  # Render, Heroku
    ("aa", r"(?:bot)?+\d{8,10}+:AA[A-Za-z0-9_-]{30,40}+"),  # Telegram
    ("eaa", r"EAA[A-Za-z0-9]{60,300}+"),  # Meta
)


# --- Secrets by what stands around them ---------------------------------------------------------------------------

_STATUS: Final = words(
    "required missing invalid expired incorrect wrong malformed mismatch undefined null none nil true false yes no "
    "empty unknown unset hidden redacted masked filtered optional denied revoked rejected disabled enabled failed ok "
    "error not must is was should cannot can too may has have been be will changed updated reset set sent string "
    "number boolean zorunlu gecersiz geçersiz hatali hatalı yanlis yanlış eksik gerekli bos boş dogru doğru degisti "
    "değişti var yok başarısız basarisiz süresi suresi uyuşmuyor blank absent present provided issued unauthorized "
    "forbidden"
)
"""What a message says about a password or token, and no password."""
_HARD: Final = ("pass", "parola", "sifre", "şifre", "pwd")
_PLACEHOLDER: Final = re.compile(
    r"\$\{\w{1,60}+\}?|\$[A-Z][A-Z0-9_]{1,60}+|<[\w -]{1,60}+>?|\{\{?[\w .]{1,60}+\}{1,2}|%[sd]|%\(\w{1,30}+\)s|\$\d"
    r"|process\.env[\w.]{0,60}+|os\.environ\S{0,60}+|[x*•.…_-]{3,300}+|[A-Z][A-Z0-9]{0,30}+(?:_[A-Z0-9]{1,30}+){1,8}+"
    r"|\[\w{1,20}+\]"
)


def is_status(value: str) -> bool:
    """Whether ``value`` is a word about a secret (``missing``, ``geçersiz``)."""
    return value.lower().rstrip(".,;:!?)") in _STATUS


def _is_said(value: str) -> bool:
    return is_status(value) or _PLACEHOLDER.fullmatch(value) is not None


def _is_random(value: str) -> bool:
    """Whether ``value`` looks made and not written: digits, signs, or longer than words are."""
    return any(not character.isalpha() for character in value.strip(".,;:!?")) or len(value) >= 20


def _is_bearer(value: str) -> bool:
    return not _is_said(value) and (len(value) >= 20 or any(character.isdigit() for character in value))


def _is_basic(value: str) -> bool:
    """RFC 7617: the Base64 of ``user:password``."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return False


_AUTHORITY: Final = (
    r"://(?!git@)(?P<x>[^\s/@:\"'<>]{0,200}+:(?!\d{1,5}[/?#])[^\s@\"'<>]{1,300}+(?:@[^\s@/\"'<>]{1,100}+(?=@))?"
    r"|[^\s/@\"'<>]{1,300}+)@"
)
_URL_KEYS: Final = (
    r"[?&;](?>apikey|api[_-]key|access[_-]token|id[_-]token|code[_-]verifier|x-amz-signature|x-amz-credential|"
    r"x-amz-security-token|x-goog-signature|signature|sig|key|token|auth|hash|secret|password|pwd|pass|ticket|jwt|session|sid)="
    r"(?P<x>[^\s\"'&#<>]{1,2000}+)"
)


def _is_parameter(value: str) -> bool:
    return not _is_said(value) and (_is_random(value) or len(value) >= 8)


# --- Names and values in a text -------------------------------------------------------------------------------------

_PAIR: Final = re.compile(
    r"(?<!\w)(?P<name>(?:[^\W\d]\w{0,30}+[ ](?=[^\W\d])){0,2}+[^\W\d][\w.-]{0,60}+)(?:\\?[\"'\]]){0,3}+"
    r"(?:[ \t]{0,3}+(?:=>|:=|={1,2}|:|%3[Dd])[ \t]{0,3}+|(?P<close>>)|[ ]{1,2}+(?=[\"']))"
)
_OPTION: Final = re.compile(r"(?<![\w-])--?(?P<name>[a-z][\w-]{1,40}+)[ =](?=[^\s-])")
_VALUE: Final = re.compile(
    r"(?P<quote>\\?[\"'`])(?P<inner>(?:(?!(?P=quote))[^\n]){1,2000}+)"
    r"|(?P<bare>(?:[^\s\"'<>&,;)\]}]|[,;)\]}](?![\s\"'<>,;)\]}]|$|[\w.-]{1,30}+=)|&(?![\w.\[\]-]{1,40}+(?:[=&\s]|$)))"
    r"{1,300}+)"
)
_NAMED: Final = re.compile(
    r"[^\W\d_a-zçğışöü][\w.'’-]{0,40}+(?:[ ](?:[^\W\d_a-zçğışöü][\w.'’/:-]{0,40}+|\d{1,5}[\w/]{0,5}+)){0,9}+"
)


def _pairs(text: str) -> Iterator[tuple[int, int, str]]:
    """Values whose name, before ``=`` or ``:``, tells what they are."""
    for match in _PAIR.finditer(text):
        if match["close"] and text[match.start() - 1 : match.start()] != "<":
            continue
        kind = kind_of_key(match["name"])
        if kind is not None and (kind != "secret" or " " not in match["name"] or names_a_secret(match["name"])):
            yield from _value_of(text, match, kind)


def _options(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _OPTION.finditer(text):
        if kind_of_key(match["name"]) == "secret":
            yield from _value_of(text, match, "secret")


_LONGEST_STATUS: Final = 3
"""Digits of a status: ``SENDGRID_API_KEY: 404 Not Found``."""
_GROUPS: Final = re.compile(rf"(?:[ {BLANK}](?:\(?\d[\d().-]{{0,12}}+|[A-Z]{{1,3}}(?=[ ]?\d))){{0,6}}+")


def _value_of(text: str, pair: re.Match[str], kind: str) -> Iterator[tuple[int, int, str]]:
    value = _VALUE.match(text, pair.end())
    if value is None:
        return
    bare = value["bare"] is not None
    if bare and pair["name"].lower().endswith("authorization"):
        return  # a scheme stands before what is secret, and a rule of its own knows that
    said, (start, end) = value[0] if bare else value["inner"], value.span("bare" if bare else "inner")
    stops = text[pair.end("name") : pair.end()]
    prose = bare and ":" in stops and stops[-1].isspace()
    if kind == "secret":
        surely = prose is False and stops.strip(" \t\"'\\]") != ""
        if _is_secret_value(pair["name"], said, text[end : end + 2], surely=surely):
            yield start, end, kind
    elif kind in ("person", NAME_LIKE):
        yield from _person(text, start, end, kind, prose=prose)
    elif kind != "email" and any(character.isdigit() for character in said):  # mail is recognised wherever it stands
        groups = _GROUPS.match(text, end) if bare else None
        yield start, groups.end() if groups else end, kind


def _is_secret_value(name: str, value: str, after: str, *, surely: bool) -> bool:
    """``surely``: a name and a value, and not a sentence about the name."""
    if _is_said(value) or not any(map(str.isalnum, value)):
        return False
    if surely or _is_random(value):
        return surely or not (value.isdigit() and len(value) <= _LONGEST_STATUS)
    hard = any(word in name.lower() for word in _HARD)
    return hard and not (after[:1] == " " and after[1:].isalpha())


def _person(text: str, start: int, end: int, kind: str, *, prose: bool) -> Iterator[tuple[int, int, str]]:
    if prose:
        named = _NAMED.match(text, start)
        end = named.end() if named is not None else end
        if named is None and not text[start].isdigit():
            return
    said = text[start:end]
    if not _is_said(said) and (kind == "person" or looks_like_a_name(said)):
        yield start, end, "person"


# --- One-time codes -----------------------------------------------------------------------------------------------

_OTP_CONTEXT: Final = (
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
"""What would make a number of something of it: ``3600 seconds``."""
_OTP_AFTER: Final = _Pattern(
    "secret",
    r"(?i)(?<!\w)(?P<label>(?>otp|pin|passcode|(?:[\w-]{1,20}+[ ])?+(?:code|kodunuz|kodumuz|kodu|kod|şifreniz|"
    r"sifreniz|şifre|sifre|password|parolanız|parola)))\b(?>[^\w\n.!?]|\.(?!\s)|(?<=\s)(?>is|was|for|your|in|as|of|to|the|"
    rf"login|icin|için|olarak|number|no|using|with)\b){{1,24}}+(?<![\d.,/]){_CODE}{_UNIT}",
)
_OTP_BEFORE: Final = _Pattern(
    "secret",
    rf"(?i)(?<![\w.,:/#-])(?<!code )(?<!kodu )(?<!kod ){_CODE}{_UNIT}[\"']?+\s{{0,2}}+"
    r"(?:(?>is|as|-|:)\s(?>your|the|a|my)\s(?:[^\W\d]{1,20}+\s){0,3}?(?>one[- ]time|otp|verification|login|security|"
    r"confirmation|access|passcode|pin|sign[- ]?in|authentication|code)|(?:[^\W\d]{1,20}+\s{1,2}+)?"
    r"(?>doğrulama|dogrulama|onay|giriş|giris|güvenlik|guvenlik|tek kullanımlık|aktivasyon)\s(?:kod|şifre))",
)
_OTP_USE: Final = _Pattern(
    "secret",
    rf"(?i)\b(?>use|enter|type|giriniz|girin|kullanın)\s{{1,2}}+{_CODE}{_UNIT}",
)
_OTHER_CODES: Final = re.compile(
    r"(?i)\b(?:error|status|response|hata|http|exit|country|ülke|ulke|posta|postal|zip|area|alan|il|order|sipariş|siparis|"
    r"promo|kampanya|coupon|kupon|discount|indirim|ürün|urun|product|return|reason|sonuç|sonuc|işlem|islem|currency|"
    r"language|source|bar|qr|plaka|banka|bank|branch|şube|sube|vergi|iade|takip|tracking|referral|referans|result|sms"
    r"(?= code=))[ ]$"
)


def _one_time_codes(text: str) -> Iterator[tuple[int, int, str]]:
    """Digits that a sentence calls a code to sign in or confirm with."""
    lowered = text.lower()
    if not any(word in lowered for word in _OTP_CONTEXT):
        return
    pattern = _OTP_AFTER.compiled()
    for match in pattern.finditer(text):
        label = match["label"].rpartition(" ")[0]
        if not (label and _OTHER_CODES.search(f"{label} ")):
            yield *match.span("x"), "secret"
    yield from _OTP_BEFORE(text)
    yield from _OTP_USE(text)


# --- Mail ---------------------------------------------------------------------------------------------------------

_FILES: Final = words("png jpg jpeg gif svg webp avif ico css js mjs ts tsx jsx json map html htm md py mp4 pdf")


def _is_mail(text: str) -> bool:
    """Not the address of a repository, and not a picture for denser screens (``image@2x.png``)."""
    local, _, domain = text.rpartition("@")
    return local != "git" and domain.rpartition(".")[2].lower() not in _FILES


_MAIL: Final = _Pattern(
    "email",
    r"(?<!essage-ID: <)(?<!essage-Id: <)(?<!essage-id: <)[^\s@<>\"'(),:;=\[\]{}|/?&%\\]{1,64}+"
    r"@(?:[^\W_][\w-]{0,62}+\.){1,8}(?:xn--[a-z0-9-]{2,40}+|[^\W\d_]{2,24}+)",
    _is_mail,
)

# --- Telephones ---------------------------------------------------------------------------------------------------

_GAP: Final = rf"[ .{BLANK}/-]"
_ORDERS: Final = re.compile(
    r"(?i)(?>order|sipariş|siparis|invoice|fatura|reference|referans|ref|takip|tracking|ticket|talep|transaction|txn|işlem|"
    r"islem|batch|job|build|request|payment|ödeme|odeme|sorgu|barkod|barcode|sku|rows|offset|bytes|seq|pid|epoch|account|"
    r"oid|jobid|uid|id)[ #:=_-]{0,3}+(?>number|numarası|numarasi|num|no|nr|id)?+[.: #=]{0,3}+$"
)


def _phones(source: str) -> Finder:
    """Numbers without a country code: what stands right behind the word for an order is none."""
    pattern = _Pattern("phone", source)

    def find(text: str) -> Iterator[tuple[int, int, str]]:
        for start, end, kind in pattern(text):
            if not (text[start:end].isdigit() and _ORDERS.search(text, max(start - 30, 0), start)):
                yield start, end, kind

    return find


def _as(kind: str, find: Callable[[str], Iterable[Span]]) -> Finder:
    return lambda text: ((start, end, kind) for start, end in find(text))


# --- The table ----------------------------------------------------------------------------------------------------

_EVERY: Final = ("",)
_TITLES: Final = ("sayın", "sayin", "dear", "mr", "ms")
_NO_PERSON: Final = words(
    "customer sir madam user team all valued müşterimiz müşteri musterimiz musteri üyemiz yetkili kullanıcı "
    "misafirimiz partner seller buyer member colleague friend hiring support sirs ziyaretçi abonemiz satıcı alıcı iş"
)

SECRETS: Final = Table(
    TextRule(
        ["-----begin"],
        _Pattern(
            "secret",
            r"-----BEGIN (?:(?!PRIVATE)[A-Z0-9]{1,12}+ ){0,3}+PRIVATE KEY(?: BLOCK)?+-----"
            r"(?:[^-]|-(?!----END )){0,3990}+"
            r"(?:-----END [A-Z0-9 ]{0,40}+-----)?+",
        ),
    ),
    TextRule(
        ["eyj"],
        _Pattern("secret", r"eyJ[A-Za-z0-9_-]{6,2000}+\.[A-Za-z0-9_-]{2,2000}+(?:\.[A-Za-z0-9_-]{0,1000}+)?"),
    ),
    TextRule(
        ["cookie"],
        _Pattern(
            "secret",
            r"(?i)(?<!\w)(?:set-)?+cookie2?+[\"']?+\s{0,3}+[:=]\s{0,3}+[\"']?+(?P<x>[^\s=;,\"']{1,200}+=[^\n\"']{1,3000}+)",
        ),
    ),
    TextRule(
        ["authorization"],
        _Pattern(
            "secret",
            r"(?i)(?<!\w)(?:proxy-|x-)?+authorization[\"']?+\s{0,3}+[:=]\s{0,3}+[\"']?+(?:[a-z0-9-]{2,20}+(?:\s{1,2}+|=))?"
            r"(?P<x>(?<=digest )[^\n]{6,3000}+|(?<=sha256 )[^\n]{6,3000}+|[^\s\"']{6,3000}+)",
            _is_bearer,
        ),
    ),
    *(TextRule(hints.split(), _Pattern("secret", rf"(?<![A-Za-z0-9]){form}")) for hints, form in _SERVICES),
    TextRule(
        ["hooks.slack.com/", "discord", "webhook.office.com/", "/webhook/"],
        _Pattern(
            "secret",
            r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/"
            r"webhookb2/)(?P<x>[\w@/.-]{10,300}+)",
        ),
    ),
    TextRule(
        ["bearer"],
        _Pattern("secret", r"(?i)\bbearer[ :=]\s{0,3}[\"']?(?P<x>[A-Za-z0-9._~+/-]{6,2000}+={0,2}+)(?!=)", _is_bearer),
    ),
    TextRule(["basic"], _Pattern("secret", r"(?i)\bbasic\s{1,3}(?P<x>[A-Za-z0-9+/_-]{8,500}+={0,2}+)", _is_basic)),
    TextRule(["://"], _Pattern("secret", _AUTHORITY)),
    TextRule(["?", "&"], _Pattern("secret", rf"(?i){_URL_KEYS}", _is_parameter)),
    TextRule(["code="], _Pattern("secret", r"[?&]code=(?=[^&\s]{0,60}\d)(?P<x>[\w%./~-]{16,500}+)")),
    TextRule(["--"], _options),
    TextRule(
        ["-u ", "--user "],
        _Pattern("secret", r"(?<!\S)(?:-u|--user)[ =][\"']?[^\s:\"']{1,100}+:(?P<x>[^\s\"']{1,200}+)"),
    ),
    TextRule(
        ["token", "key", "secret", "password", "parola", "şifre", "pwd"],
        _Pattern(
            "secret",
            r"(?i)\b(?>token|secret|key|password|parola|şifre|pwd)[ ](?P<x>(?=[\w.~+/=-]{0,40}\d)"
            r"(?=[\w.~+/=-]{0,40}[A-Za-z])[\w.~+/=-]{20,2000}+)(?![\w:])",
            lambda value: not _is_said(value) and value.count("-") < 3 and value.count("/") < 3,
        ),
    ),
    TextRule(
        [" is ", " was "],
        _Pattern(
            "secret",
            r"(?i)\b(?:password|passphrase|parola|şifre|secret|api[ _-]?key|pin)[ ](?:is|was)[: ]{1,2}[\"']?"
            r"(?P<x>[^\s\"']{4,200}+)",
            lambda value: any(map(str.isdigit, value)) and not _is_said(value),
        ),
    ),
    TextRule(["=", ":", ">", '"', "'"], _pairs),
    TextRule(["@"], _MAIL),
    TextRule(
        _TITLES,
        _Pattern(
            "person",
            r"(?<!\w)(?:[Ss]ay[ıi]n|SAYIN|[Dd]ear|M(?:r|rs|s))\.?[ ](?:M(?:r|rs|s)\.?[ ])?+"
            r"(?P<x>[^\W\d_a-zçğışöü](?:[\w'’-]|\.(?=\w)){0,40}+(?:[ ][^\W\d_a-zçğışöü][\w'’-]{0,40}+){0,3}+)",
            lambda name: name.split()[0].lower() not in _NO_PERSON and name.split()[-1].lower() not in _NO_PERSON,
        ),
    ),
)

NUMBERS: Final = Table(
    TextRule(_EVERY, _as("iban", ibans)),
    TextRule(_EVERY, _as("card", cards)),
    TextRule(
        _EVERY,
        _Pattern(
            "identity",
            rf"(?<![\w.+-])[1-9]\d{{2}}(?:[ {BLANK}-]?\d){{8}}+(?![\w-]|\.\d)",
            is_turkish_identity,
        ),
    ),
    TextRule(
        ["passport", "pasaport", "plate", "plaka", "licen", "ehliyet"],
        _Pattern(
            "identity",
            r"(?i)\b(?>passport|pasaport|plaka|licen[cs]e plate|number plate|driving licen[cs]e|driver'?s licen[cs]e|"
            r"ehliyet)(?:[ ]?(?>number|numarası|numarasi|num|no|nr|#))?+[.:]?+[ ]{0,2}+[:=#]?+[ ]{0,2}+"
            r"(?P<x>(?=[A-Z]{0,3}[ ]?\d)[A-Z0-9]{1,12}+(?:[ ](?=[A-Z]{0,3}[ ]?\d)[A-Z0-9]{1,8}+){0,2}+)(?!\w)",
            lambda value: len(value) >= 5 and any(character.isdigit() for character in value),
        ),
    ),
    TextRule(["plaka"], _Pattern("identity", r"(?<!\w)(?P<x>[0-8]\d[ ]?[A-Z]{1,3}[ ]?\d{2,5})(?=[ ]plaka)")),
    TextRule(_OTP_CONTEXT, _one_time_codes),
    TextRule(
        ["+", "00"], _Pattern("phone", rf"(?<![\w+])(?:\+|00(?=[1-9]))(?:[ ().{BLANK}-]{{0,2}}+\d){{8,15}}+(?!\d)")
    ),
    TextRule(
        ["5"],
        _phones(
            rf"(?<![\w.+-])(?:90[ {BLANK}-]?|0[ {BLANK}-]?)?\(?5\d{{2}}\)?[ {BLANK}-]?\d{{3}}"
            rf"[ {BLANK}-]?\d{{2}}[ {BLANK}-]?\d{{2}}"
            r"(?![\w-]|\.\d)"
        ),
    ),
    TextRule(["5"], _phones(r"(?<![\w.+-])(?:(?:90|0)\.?)?5\d{2}\.\d{3}\.\d{2}\.\d{2}(?![\w.-])")),
    TextRule(
        ["0"],
        _phones(
            rf"(?<![\w.+-])(?:90|0)[ {BLANK}/-]?\(?[2348]\d{{2}}\)?{_GAP}?\d{{3}}{_GAP}?\d{{2}}{_GAP}?\d{{2}}"
            r"(?![\w-]|\.\d)"
        ),
    ),
    TextRule(["("], _phones(rf"(?<![\w.+-])\([2348]\d{{2}}\){_GAP}?\d{{3}}{_GAP}?\d{{2}}{_GAP}?\d{{2}}(?![\w-])")),
    TextRule(
        [" ", ".", "-", BLANK, ")"],
        _Pattern(
            "phone",
            rf"(?<![\w.+-])(?:1[ .{BLANK}-])?(?:\(\d{{3}}\)[ {BLANK}]?|\d{{3}}[ .{BLANK}-])\d{{3}}"
            rf"[ .{BLANK}-]\d{{4}}(?![\w-])",
        ),
    ),
    TextRule(
        ["point"],
        _Pattern("location", r"(?i)\bpoint ?z?\(\s?(?P<x>-?\d{1,3}\.\d{2,17}+\s-?\d{1,3}\.\d{2,17}+)"),
    ),
    TextRule(
        ["."],
        _Pattern(
            "location",
            rf"(?<![\w.+-])-?\d{{1,3}}\.\d{{4,17}}+°?[ ]?[NS]?[ ]?[,;/][ {BLANK}]?"
            r"-?\d{1,3}\.\d{4,17}+(?![\w-]|\.\d)",
            is_place,
        ),
    ),
    TextRule(
        ["."],
        _Pattern(
            "ip",
            r"(?<![\w.-])(?<![A-Za-z]/)(?<!version )(?<!sürüm )(?<!v )"
            r"(?P<x>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w-]|\.\d)",
            is_public_ip,
        ),
    ),
    TextRule(
        [":"],
        _Pattern(
            "ip",
            r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{6,39}+(?![\w:])",
            lambda text: any(character.isdigit() for character in text) and is_public_ip(text),
        ),
    ),
)
"""Asked outside of UUIDs only: their digits are nobody's telephone."""
