"""What a text reveals by its form: a table of rules, each applied only where one of its hints occurs.

A rule reports places of the folded text (``folded.py``). Patterns never backtrack (possessive and bounded repetitions),
so the work grows only linearly with the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from releaseguard_events.scrub.codes import CONTEXT, one_time_codes
from releaseguard_events.scrub.folded import BLANK
from releaseguard_events.scrub.keys import words
from releaseguard_events.scrub.numbers import Span, cards, ibans, is_place, is_public_ip, is_turkish_identity
from releaseguard_events.scrub.pairs import options, pairs
from releaseguard_events.scrub.rules import Finder, Pattern, Table, TextRule
from releaseguard_events.scrub.services import SERVICES
from releaseguard_events.scrub.values import is_basic, is_bearer, is_parameter, is_said

_AUTHORITY: Final = (
    r"://(?!git@)(?P<x>[^\s/@:\"'<>]{0,200}+:(?!\d{1,5}[/?#])[^\s@\"'<>]{1,300}+(?:@[^\s@/\"'<>]{1,100}+(?=@))?"
    r"|[^\s/@\"'<>]{1,300}+)@"
)
_URL_KEYS: Final = (
    r"[?&;](?>apikey|api[_-]key|access[_-]token|id[_-]token|code[_-]verifier|x-amz-signature|x-amz-credential|"
    r"x-amz-security-token|x-goog-signature|signature|sig|key|token|auth|hash|secret|password|pwd|pass|ticket|jwt|session|sid)="
    r"(?P<x>[^\s\"'&#<>]{1,2000}+)"
)


_FILES: Final = words("png jpg jpeg gif svg webp avif ico css js mjs ts tsx jsx json map html htm md py mp4 pdf")


def _is_mail(text: str) -> bool:
    """Whether it is a mail address, and neither a repository's nor a picture for high-density screens
    (``image@2x.png``)."""
    local, _, domain = text.rpartition("@")
    return local != "git" and domain.rpartition(".")[2].lower() not in _FILES


_MAIL: Final = Pattern(
    "email",
    r"(?<!essage-ID: <)(?<!essage-Id: <)(?<!essage-id: <)[^\s@<>\"'(),:;=\[\]{}|/?&%\\]{1,64}+"
    r"@(?:[^\W_][\w-]{0,62}+\.){1,8}(?:xn--[a-z0-9-]{2,40}+|[^\W\d_]{2,24}+)",
    _is_mail,
)

_GAP: Final = rf"[ .{BLANK}/-]"
_ORDERS: Final = re.compile(
    r"(?i)(?>order|sipariş|siparis|invoice|fatura|reference|referans|ref|takip|tracking|ticket|talep|transaction|txn|işlem|"
    r"islem|batch|job|build|request|payment|ödeme|odeme|sorgu|barkod|barcode|sku|rows|offset|bytes|seq|pid|epoch|account|"
    r"oid|jobid|uid|id)[ #:=_-]{0,3}+(?>number|numarası|numarasi|num|no|nr|id)?+[.: #=]{0,3}+$"
)


def _phones(source: str) -> Finder:
    """Numbers without a country code; a number right after a word for an order is none."""
    pattern = Pattern("phone", source)

    def find(text: str) -> Iterator[tuple[int, int, str]]:
        for start, end, kind in pattern(text):
            if not (text[start:end].isdigit() and _ORDERS.search(text, max(start - 30, 0), start)):
                yield start, end, kind

    return find


def _as(kind: str, find: Callable[[str], Iterable[Span]]) -> Finder:
    return lambda text: ((start, end, kind) for start, end in find(text))


_EVERY: Final = ("",)
_TITLES: Final = ("sayın", "sayin", "dear", "mr", "ms")
_NO_PERSON: Final = words(
    "customer sir madam user team all valued müşterimiz müşteri musterimiz musteri üyemiz yetkili kullanıcı "
    "misafirimiz partner seller buyer member colleague friend hiring support sirs ziyaretçi abonemiz satıcı alıcı iş"
)

SECRETS: Final = Table(
    TextRule(
        ["-----begin"],
        Pattern(
            "secret",
            r"-----BEGIN (?:(?!PRIVATE)[A-Z0-9]{1,12}+ ){0,3}+PRIVATE KEY(?: BLOCK)?+-----"
            r"(?:[^-]|-(?!----END )){0,3990}+"
            r"(?:-----END [A-Z0-9 ]{0,40}+-----)?+",
        ),
    ),
    TextRule(
        ["eyj"],
        Pattern("secret", r"eyJ[A-Za-z0-9_-]{6,2000}+\.[A-Za-z0-9_-]{2,2000}+(?:\.[A-Za-z0-9_-]{0,1000}+)?"),
    ),
    TextRule(
        ["cookie"],
        Pattern(
            "secret",
            r"(?i)(?<!\w)(?:set-)?+cookie2?+[\"']?+\s{0,3}+[:=]\s{0,3}+[\"']?+(?P<x>[^\s=;,\"']{1,200}+=[^\n\"']{1,3000}+)",
        ),
    ),
    TextRule(
        ["authorization"],
        Pattern(
            "secret",
            r"(?i)(?<!\w)(?:proxy-|x-)?+authorization[\"']?+\s{0,3}+[:=]\s{0,3}+[\"']?+(?:[a-z0-9-]{2,20}+(?:\s{1,2}+|=))?"
            r"(?P<x>(?<=digest )[^\n]{6,3000}+|(?<=sha256 )[^\n]{6,3000}+|[^\s\"']{6,3000}+)",
            is_bearer,
        ),
    ),
    *(TextRule(hints.split(), Pattern("secret", rf"(?<![A-Za-z0-9]){form}")) for hints, form in SERVICES),
    TextRule(
        ["hooks.slack.com/", "discord", "webhook.office.com/", "/webhook/"],
        Pattern(
            "secret",
            r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/"
            r"webhookb2/)(?P<x>[\w@/.-]{10,300}+)",
        ),
    ),
    TextRule(
        ["bearer"],
        Pattern("secret", r"(?i)\bbearer[ :=]\s{0,3}[\"']?(?P<x>[A-Za-z0-9._~+/-]{6,2000}+={0,2}+)(?!=)", is_bearer),
    ),
    TextRule(["basic"], Pattern("secret", r"(?i)\bbasic\s{1,3}(?P<x>[A-Za-z0-9+/_-]{8,500}+={0,2}+)", is_basic)),
    TextRule(["://"], Pattern("secret", _AUTHORITY)),
    TextRule(["?", "&"], Pattern("secret", rf"(?i){_URL_KEYS}", is_parameter)),
    TextRule(["code="], Pattern("secret", r"[?&]code=(?=[^&\s]{0,60}\d)(?P<x>[\w%./~-]{16,500}+)")),
    TextRule(["--"], options),
    TextRule(
        ["-u ", "--user "],
        Pattern("secret", r"(?<!\S)(?:-u|--user)[ =][\"']?[^\s:\"']{1,100}+:(?P<x>[^\s\"']{1,200}+)"),
    ),
    TextRule(
        ["token", "key", "secret", "password", "parola", "şifre", "pwd"],
        Pattern(
            "secret",
            r"(?i)\b(?>token|secret|key|password|parola|şifre|pwd)[ ](?P<x>(?=[\w.~+/=-]{0,40}\d)"
            r"(?=[\w.~+/=-]{0,40}[A-Za-z])[\w.~+/=-]{20,2000}+)(?![\w:])",
            lambda value: not is_said(value) and value.count("-") < 3 and value.count("/") < 3,
        ),
    ),
    TextRule(
        [" is ", " was "],
        Pattern(
            "secret",
            r"(?i)\b(?:password|passphrase|parola|şifre|secret|api[ _-]?key|pin)[ ](?:is|was)[: ]{1,2}[\"']?"
            r"(?P<x>[^\s\"']{4,200}+)",
            lambda value: any(map(str.isdigit, value)) and not is_said(value),
        ),
    ),
    TextRule(["=", ":", ">", '"', "'"], pairs),
    TextRule(["@"], _MAIL),
    TextRule(
        _TITLES,
        Pattern(
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
        Pattern(
            "identity",
            rf"(?<![\w.+-])[1-9]\d{{2}}(?:[ {BLANK}-]?\d){{8}}+(?![\w-]|\.\d)",
            is_turkish_identity,
        ),
    ),
    TextRule(
        ["passport", "pasaport", "plate", "plaka", "licen", "ehliyet"],
        Pattern(
            "identity",
            r"(?i)\b(?>passport|pasaport|plaka|licen[cs]e plate|number plate|driving licen[cs]e|driver'?s licen[cs]e|"
            r"ehliyet)(?:[ ]?(?>number|numarası|numarasi|num|no|nr|#))?+[.:]?+[ ]{0,2}+[:=#]?+[ ]{0,2}+"
            r"(?P<x>(?=[A-Z]{0,3}[ ]?\d)[A-Z0-9]{1,12}+(?:[ ](?=[A-Z]{0,3}[ ]?\d)[A-Z0-9]{1,8}+){0,2}+)(?!\w)",
            lambda value: len(value) >= 5 and any(character.isdigit() for character in value),
        ),
    ),
    TextRule(["plaka"], Pattern("identity", r"(?<!\w)(?P<x>[0-8]\d[ ]?[A-Z]{1,3}[ ]?\d{2,5})(?=[ ]plaka)")),
    TextRule(CONTEXT, one_time_codes),
    TextRule(
        ["+", "00"], Pattern("phone", rf"(?<![\w+])(?:\+|00(?=[1-9]))(?:[ ().{BLANK}-]{{0,2}}+\d){{8,15}}+(?!\d)")
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
        Pattern(
            "phone",
            rf"(?<![\w.+-])(?:1[ .{BLANK}-])?(?:\(\d{{3}}\)[ {BLANK}]?|\d{{3}}[ .{BLANK}-])\d{{3}}"
            rf"[ .{BLANK}-]\d{{4}}(?![\w-])",
        ),
    ),
    TextRule(
        ["point"],
        Pattern("location", r"(?i)\bpoint ?z?\(\s?(?P<x>-?\d{1,3}\.\d{2,17}+\s-?\d{1,3}\.\d{2,17}+)"),
    ),
    TextRule(
        ["."],
        Pattern(
            "location",
            rf"(?<![\w.+-])-?\d{{1,3}}\.\d{{4,17}}+°?[ ]?[NS]?[ ]?[,;/][ {BLANK}]?"
            r"-?\d{1,3}\.\d{4,17}+(?![\w-]|\.\d)",
            is_place,
        ),
    ),
    TextRule(
        ["."],
        Pattern(
            "ip",
            r"(?<![\w.-])(?<![A-Za-z]/)(?<!version )(?<!sürüm )(?<!v )"
            r"(?P<x>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w-]|\.\d)",
            is_public_ip,
        ),
    ),
    TextRule(
        [":"],
        Pattern(
            "ip",
            r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{6,39}+(?![\w:])",
            lambda text: any(character.isdigit() for character in text) and is_public_ip(text),
        ),
    ),
)
"""Applied only outside UUIDs, whose digits are nobody's telephone number."""
