"""Secrets and personal data do not leave the process, and nothing else is lost with them."""

from __future__ import annotations

import json
import math
import random
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard_events.plain import CUT, MAX_NODES, UNREADABLE, plain, plain_text
from releaseguard_events.scrub.scrubber import MAX_TEXT, Scrubber, kind_of_key, kinds_by_key, kinds_in, secrets_of
from tests.support.extent import examples

SCRUBBER = Scrubber(["known-value-12345"])

MASKED = [
    ("mail to ada@example.com now", "mail to [email] now"),
    ("ada.lovelace+tag@sub.example.co.uk", "[email]"),
    ("çiğdem@örnek.com.tr", "[email]"),
    ("to=ada%40example.com", "to=[email]"),
    ("TR33 0006 1005 1978 6457 8413 26 refused", "[iban] refused"),
    ("tr330006100519786457841326", "[iban]"),
    ("DE89370400440532013000", "[iban]"),
    ("card 4111 1111 1111 1111 12/29", "card [card] 12/29"),
    ("3 cards: 5555555555554444", "3 cards: [card]"),
    ("378282246310005", "[card]"),
    ("9792-0303-9444-0796", "[card]"),
    ("+90 532 123 45 67", "[phone]"),
    ("0532.123.45.67", "[phone]"),
    ("0 532 123 45 67", "[phone]"),
    ("call 0532 123 45 67!", "call [phone]!"),
    ("5321234567", "[phone]"),
    ("905321234567", "[phone]"),
    ("+1 (212) 555-0123", "[phone]"),
    ("212-555-0123", "[phone]"),
    ("kimlik 10000000146", "kimlik [identity]"),
    ("Authorization: Bearer abc.def-123", "Authorization: Bearer [secret]"),
    ("Basic YWxhZGRpbjpvcGVuc2VzYW1l", "Basic [secret]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[secret]"),
    ("postgresql://app:hunter2@db/x", "postgresql://[secret]@db/x"),
    ("password=hunter2&x=1", "password=[secret]&x=1"),
    ('{"api_key": "abc"}', '{"api_key": "[secret]"}'),
    ("SG." + "a" * 22 + "." + "b" * 43, "[secret]"),
    ("sk-" + "proj-" + "a1" * 20, "[secret]"),
    ("AC" + "0a" * 16, "[secret]"),
    ("SK" + "0a" * 16, "[secret]"),
    ("pk." + "eyJ1IjoiYSJ9" * 3 + "." + "a" * 22, "pk.[secret]"),
    ("pk." + "a" * 60, "[secret]"),
    ("ghp_" + "a1" * 18, "[secret]"),
    ("AKIA" + "A1" * 8, "[secret]"),
    ("ExponentPushToken[abcdefghij]", "[secret]"),
    ("-----BEGIN " + "PRIVATE KEY-----\nabc\n-----END " + "PRIVATE KEY-----", "[secret]"),
    # digits of other scripts, and the encoding of addresses
    ("kart ４１１１ １１１１ １１１１ １１１１ reddedildi", "kart [card] reddedildi"),
    ("SMS to +٩٠٥٣٢١٢٣٤٥٦٧ rejected", "SMS to [phone] rejected"),
    ("0532\u00a0123\u00a045\u00a067 arandı", "[phone] arandı"),
    ("053\u200b2123\u200b4567", "[phone]"),
    ("?phone=%2B905321234567&x=1", "?phone=[phone]&x=1"),
    ("?q=%2B90%20532%20123%2045%2067&x=1", "?q=[phone]&x=1"),
    ("ada%2Btag%40example.com", "[email]"),
    # numbers as people group them
    ("card 4111.1111.1111.1111 declined", "card [card] declined"),
    ("TR33-0006-1005-1978-6457-8413-26", "[iban]"),
    ("T.C. 100 000 001 46", "T.C. [identity]"),
    ("tc kimlik 100-000-00146 hatalı", "tc kimlik [identity] hatalı"),
    ("0212 555 12 34", "[phone]"),
    ("0-224-555-12-34", "[phone]"),
    ("(0312) 555 12 34", "([phone]"),
    ("0.532.123.45.67", "[phone]"),
    ("02165551234", "[phone]"),
    ("+44 20 7946 0958", "[phone]"),
    ("pasaport no: U12345678 geçersiz", "pasaport no: [identity] geçersiz"),
    ("plaka: 34 ABC 123", "plaka: [identity]"),
    ("client 85.105.12.34 blocked", "client [ip] blocked"),
    ("from 2a02:e0:1234:5678::1 denied", "from [ip] denied"),
    ("X-Forwarded-For: 88.230.1.2, 10.0.0.1", "X-Forwarded-For: [ip], 10.0.0.1"),
    ("near 41.00823,28.97841 none", "near [location] none"),
    ("?lat=41.00823&lng=28.97841&r=5", "?lat=[location]&lng=[location]&r=5"),
    # one-time codes, where a sentence says so
    ("Your verification code is 482913.", "Your verification code is [secret]."),
    ("482913 is your Shop verification code", "[secret] is your Shop verification code"),
    ("Doğrulama kodunuz: 482913", "Doğrulama kodunuz: [secret]"),
    ("Tek kullanımlık şifreniz 4829, 3 dakika geçerlidir", "Tek kullanımlık şifreniz [secret], 3 dakika geçerlidir"),
    ("sent 'Your login code: 482-913'", "sent 'Your login code: [secret]'"),
    # names and values
    ("cargoSecretString=abc123def mode=live", "cargoSecretString=[secret] mode=live"),
    ("<password>Kz9*wLp3.t</password>", "<password>[secret]</password>"),
    ('config api_token "b1d340c6-b756-43cb"', 'config api_token "[secret]"'),
    ("deploy --token abcDEF123456 --prod", "deploy --token [secret] --prod"),
    ("curl -u user:passw0rd https://x", "curl -u user:[secret] https://x"),
    ("password is hunter2", "password is [secret]"),
    ("PGPASSWORD=s3cr3t psql", "PGPASSWORD=[secret] psql"),
    ("Server=db;User Id=sa;Password=Str0ng,Pass!;", "Server=db;User Id=sa;Password=[secret];"),
    ("https://u:p@ss@host/x", "https://[secret]@host/x"),
    ("https://h/x?key=0a1b2c3d4e5f&v=2", "https://h/x?key=[secret]&v=2"),
    ("Cookie: sid=abc; theme=dark", "Cookie: [secret]"),
    ("authorization: IYZWSv2 0a1b2c3d4e5f==", "authorization: IYZWSv2 [secret]"),
    ('Authorization: Digest username="u", response="0a1b"', "Authorization: Digest [secret]"),
    ("Sayın Ayşe Yılmaz, merhaba", "Sayın [person], merhaba"),
    ("Dear Mr. John Smith, hi", "Dear Mr. [person], hi"),
    ("doğum tarihi: 12.03.1990", "doğum tarihi: [person]"),
    ('{"customerName": "x y", "n": 1}', '{"customerName": "[person]", "n": 1}'),
    # more services
    ("ya29." + "a0AfH6SMBx-12345", "[secret]"),
    ("GOCSPX-" + "abcdEFGH1234", "[secret]"),
    ("phs_" + "a1" * 15, "[secret]"),
    ("AIza" + "Sy" + "a1" * 15, "[secret]"),
    ("glpat-" + "a1" * 10, "[secret]"),
    ("npm_" + "a1" * 18, "[secret]"),
    ("re_" + "a1b2c3d4_" + "a1" * 10, "[secret]"),
    ("123456789:AA" + "a1" * 16 + "x", "[secret]"),
    ("https://api.telegram.org/bot" + "123456789:AA" + "a1" * 16 + "/x", "https://api.telegram.org/[secret]/x"),
    ("https://hooks.slack.com/services/" + "T000/B000/abc123", "https://hooks.slack.com/services/[secret]"),
    ("a" * 10 + ":APA91b" + "a1" * 40, "[secret]"),
    ("it was known-value-12345.", "it was [secret]."),
]

KEPT = [
    "rls_denied",
    "timeout",
    "401",
    "invalid_token",
    "2026-11-24T10:15:00.000000Z",
    "0192d3a4-1111-7012-8123-412345678901",
    "12345678-1234-1234-1234-123456789012",
    "9f2c1e7a5b3d4c6e8f0a1b2c3d4e5f6071829304",
    # ids of random bytes in which a bank account's or a telephone's form comes up by chance
    "ee08eccf6e9a302537732246deb638248983b15f",
    "0034785664796b0610d81cbb7ae12bf863bb4d0d",
    "dpl_ae93613c19e54f7658f64886",
    "dpl_DE83542b38ba8585992bcfa7",
    "1764000000000",
    "20261124101512",
    "order 4111111111111112",
    "basic membership",
    "10.0.12.3",
    "v1.2.3",
    "0.5321234567",
    "sendgrid@production",
    "dpl_8x7y6z5w4v3u2t1s",
    "AB12 3456 7890 1234 5678",
    # what is said about secrets
    "invalid token: expired",
    "token: malformed",
    "password must be at least 8 characters",
    "şifre: zorunlu alan, telefon: geçersiz biçim",
    "Password: required",
    "Authorization header missing",
    'WWW-Authenticate: Bearer realm="x", error="invalid_token"',
    "bearer token missing",
    "basic authentication failed",
    "SENDGRID_API_KEY is not set",
    "apiKey: process.env.SENDGRID_API_KEY",
    "api_key=${API_KEY}",
    "password=********",
    "Unexpected token: '<'",
    "unexpected token } in JSON at position 145",
    "token_type=bearer max_tokens=4096",
    'INSERT INTO users ("encrypted_password", "confirmation_token")',
    # codes that are none
    "hata kodu: 550217 (onay)",
    "error code 4012 during verification",
    "verification code expired after 3600 seconds",
    "posta kodu 34394",
    "OTP length must be 6",
    # programs' addresses, identifiers, numbers
    "image@2x.png",
    "git@github.com:acme/app.git",
    "ssh://git@gitlab.com/acme/app.git",
    "react@18.2.0 and @scope/pkg",
    "Chrome/120.0.0.0 Safari/537.36",
    "listening on 0.0.0.0:8080, [::1]:9464, 192.168.1.20:5432",
    "std::abc::def12",
    "01JDSR0A1B2C3D4E5F6G7H8J9K",
    "traceparent: 00-0a1b2c3d4e5f60718293a4b5c6d7e8f9-00f067aa0ba902b7-01",
    "order #5321234567",
    "sipariş no: 5321234567",
    "1,250,000.00 TRY, 12.345,67 TL",
    "loss 0.123456, acc 0.987654",
    "2026-11-28 10:15:00,123",
    "Dear customer, hi",
    "Sayın müşterimiz, merhaba",
    "address already in use :::3000",
    "last4 4242, bin 552879",
    "[cut]",
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_is_masked(text: str, masked: str) -> None:
    assert SCRUBBER.text(text) == masked


@pytest.mark.parametrize("text", KEPT)
def test_is_kept(text: str) -> None:
    assert SCRUBBER.text(text) == text


@pytest.mark.parametrize(("text", "_masked"), MASKED[:-1])
def test_what_is_masked_is_found_before_and_not_after(text: str, _masked: str) -> None:
    assert kinds_in({"note": [text]})
    assert not kinds_in(SCRUBBER.json({"note": [text]}))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("password", "secret"),
        ("newPassword", "secret"),
        ("SENDGRID_API_KEY", "secret"),
        ("access_token", "secret"),
        ("clientSecret", "secret"),
        ("merchant_salt", "secret"),
        ("şifre", "secret"),
        ("Authorization", "secret"),
        ("otp", "secret"),
        ("secret_version", None),
        ("SENDGRID_API_KEY_VERSION", None),
        ("secret_name", None),
        ("token_type", None),
        ("prompt_tokens", None),
        ("idempotency_key", None),
        ("primary_key", None),
        ("to_email", "email"),
        ("userEmail", "email"),
        ("phone_number", "phone"),
        ("msisdn", "phone"),
        ("iban", "iban"),
        ("client_ip", "ip"),
        ("first_name", "person"),
        ("email_template", None),
        ("phone_count", None),
        ("deployment_id", None),
        ("shipping", None),
        ("", None),
        ("customerName", "person"),
        ("isim", "person"),
        ("müşteriAdı", "person"),
        ("soyad", "person"),
        ("adres", "person"),
        ("shippingAddress", "person"),
        ("addressLine2", "person"),
        ("dogum_tarihi", "person"),
        ("doğumTarihi", "person"),
        ("mothersMaidenName", "person"),
        ("lat", "location"),
        ("lng", "location"),
        ("tc", "identity"),
        ("tcKimlikNo", "identity"),
        ("pasaport_no", "identity"),
        ("licensePlate", "identity"),
        ("telefonNo", "phone"),
        ("kart_no", "card"),
        ("cardUserKey", "secret"),
        ("verification_code", "secret"),
        ("onay_kodu", "secret"),
        ("card_pin", "secret"),
        ("PGPASSWORD", "secret"),
        ("set-cookie", "secret"),
        ("pin_code", None),
        ("map_pin", None),
        ("pinColor", None),
        ("is_mobile", None),
        ("password_reset", None),
        ("token_expired", None),
        ("passwordRequired", None),
        ("status_code", None),
        ("cache_key", None),
        ("keyboard", None),
        ("author", None),
        ("bypass", None),
        ("passenger_count", None),
        ("secretary", None),
        ("tokenizationId", None),
        ("template_name", None),
        ("hostname", None),
        ("device_name", None),
        ("contract_address", None),
        ("nickname_policy", None),
    ],
)
def test_what_a_key_gives_away(key: str, kind: str | None) -> None:
    assert kind_of_key(key) == kind


def test_values_under_telling_keys_are_masked_whole() -> None:
    assert SCRUBBER.json({"password": {"old": 1, "new": ["x"]}, "pin": 1234, "email": "x", "otp": None}) == {
        "password": "[secret]",
        "pin": "[secret]",
        "email": "[email]",
        "otp": None,
    }


def test_versions_of_secrets_stay_whoever_they_belong_to() -> None:
    detail = {"secret_version": {"SENDGRID_API_KEY": 7}, "secret_versions": [{"TWILIO_AUTH_TOKEN": "v3"}]}
    assert SCRUBBER.json(plain(detail)) == detail


@pytest.mark.parametrize(
    ("detail", "scrubbed"),
    [
        ({"customer": {"name": "ada"}}, {"customer": {"name": "[person]"}}),
        ({"buyers": [{"surname": "x"}]}, {"buyers": [{"surname": "[person]"}]}),
        ({"card": {"number": "5528"}}, {"card": {"number": "[card]"}}),
        ({"payload": {"name": "Ayşe Yılmaz"}}, {"payload": {"name": "[person]"}}),
        ({"name": "Selin"}, {"name": "[person]"}),
        ({"location": {"coordinates": [32.8, 39.9]}}, {"location": {"coordinates": "[location]"}}),
    ],
)
def test_a_key_is_read_together_with_the_one_above(detail: Any, scrubbed: Any) -> None:
    assert SCRUBBER.json(detail) == scrubbed


@pytest.mark.parametrize(
    "detail",
    [
        {"error": {"name": "TypeError"}},
        {"plan": {"name": "Premium Plan"}},
        {"name": "sendgrid-email"},
        {"name": "SENDGRID_API_KEY"},
        {"name": "production"},
        {"passwordRequired": "no", "token_expired": "yes"},
        {"errors": {"password": "required", "email": "invalid"}},
        {"phone": "unreachable", "location": "Istanbul"},
        {"order_no": "5321234567", "conversationId": "5890040000000017", "id": 150428427078524},
        {"message_id": "<20261128.abc123@mail.example.com>"},
        {"pin_code": "35410", "map_pin": "x"},
    ],
)
def test_what_only_resembles_a_secret_or_a_person_stays(detail: Any) -> None:
    assert SCRUBBER.json(detail) == detail


def test_flags_about_secrets_and_people_stay() -> None:
    assert SCRUBBER.json({"has_token": True, "email": False}) == {"has_token": True, "email": False}


def test_keys_and_numbers_are_searched_too() -> None:
    assert SCRUBBER.json({"ada@example.com": 4111111111111111, "n": 905321234567.0}) == {
        "[email]": "[card]",
        "n": "[phone]",
    }


def test_an_id_of_random_bytes_is_nobodys_data_under_any_key() -> None:
    dice = random.Random(1)
    for _ in range(4000):
        deployment, commit = f"dpl_{dice.randbytes(12).hex()}", dice.randbytes(20).hex()
        detail = {"deployment_id": deployment, "release": commit, "says": f"deployed {commit}"}
        assert kinds_by_key(detail) == {}, detail


def test_releases_and_ids_of_digits_stay_as_identifiers() -> None:
    for release in ("5321234567", "4111111111111111", "10000000146"):
        assert SCRUBBER.identifier(release) == release
    assert SCRUBBER.identifier("ada@example.com") == "[email]"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+905321234567", "[phone]"),
        ("tel:+905321234567", "tel:[phone]"),
        ("05321234567", "[phone]"),
        ("0532 123 45 67", "[phone]"),
        ("(415) 555-2671", "[phone]"),
        ("4111 1111 1111 1111", "[card]"),
        ("TR330006100519786457841326", "[iban]"),
        ("0532.123.45.67", "0532.123.45.67"),
        ("1.4.2+20261124101500", "1.4.2+20261124101500"),
    ],
)
def test_what_no_release_or_id_looks_like_is_masked_there_too(text: str, masked: str) -> None:
    assert SCRUBBER.identifier(text) == masked


def test_the_environments_secrets_are_known_whatever_they_look_like() -> None:
    environ = {
        "PAYTR_MERCHANT_KEY": "Zx9Yw8Vu7Ts6",
        "SENDGRID_API_KEY_VERSION": "1234567890",
        "APP_SECRET": "development",
        "PATH": "/usr/bin:/bin:/usr/local/bin",
    }
    assert secrets_of(environ) == ["Zx9Yw8Vu7Ts6"]
    assert Scrubber(secrets_of(environ)).text("sent Zx9Yw8Vu7Ts6") == "sent [secret]"


def test_a_known_secret_is_found_in_its_form_for_addresses() -> None:
    assert "a%2Fb" not in Scrubber(["a/b+c=1234567"]).text("?k=a%2Fb%2Bc%3D1234567")


def test_a_detail_says_under_which_key_it_holds_what() -> None:
    detail = {"a": "ada@example.com", "b": ["ok"], "phone": "05321234567", "c": {"d": "token=abc123"}}
    assert kinds_by_key(detail) == {"a": "email", "phone": "phone", "c": "secret"}


@pytest.mark.parametrize("text", ["word " * 500, "word " * 5_000, "to [email] and [phone] " + "word " * 500])
def test_what_our_own_cut_changes_is_no_personal_data(text: str) -> None:
    assert kinds_by_key({"message": text}) == {}
    assert kinds_by_key({"message": "ada@example.com " + text}) == {"message": "email"}


def test_a_value_that_repeats_a_mark_is_still_found() -> None:
    assert kinds_by_key({"message": "[email] is ada@example.com"}) == {"message": "email"}


class _Colour(IntEnum):
    RED = 3


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    def __bool__(self) -> bool:
        raise RuntimeError("neither true nor false")


class _HostileDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items for you")


class _HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError

    def replace(self, *_: Any, **__: Any) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (_Colour.RED, 3),
        (Decimal("1.5"), "1.5"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (b"abc", "[3 bytes]"),
        ((1, 2), [1, 2]),
        (2**70, str(2**70)),
        pytest.param(10**6000, f"[integer of {(10**6000).bit_length()} bits]", id="huge"),
        (_Hostile(), UNREADABLE),
        (_HostileDict(a=1), UNREADABLE),
        (_HostileText("abc"), "abc"),
        ("a\0b\ud800", "ab?"),
        ({1: {None: "x"}}, {"1": {"None": "x"}}),
    ],
)
def test_becomes_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_a_value_that_contains_itself_is_cut() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    assert CUT in json.dumps(plain(loop))


def test_size_is_bounded_in_breadth_depth_and_text() -> None:
    wide = plain({"list": list(range(100_000)), "text": ["x" * 100_000] * 50})
    assert len(json.dumps(SCRUBBER.json(wide))) < 8 * MAX_NODES + 9 * MAX_TEXT


def test_a_secret_at_the_cut_is_cut_with_its_surroundings() -> None:
    text = "x " * 1990 + "SG." + "a" * 22 + "." + "b" * 43
    assert "aaaa" not in SCRUBBER.text(plain_text(text))


def test_a_cut_text_says_so() -> None:
    assert SCRUBBER.text(plain_text("x" * 10_000)).endswith(CUT)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.from_regex(r"[\d +()@.-]{5,40}"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=20,
)


pieces = st.lists(
    st.sampled_from([example for pair in MASKED for example in pair] + KEPT)
    | st.sampled_from(
        ["token", "password", "=", ": ", " ", '"', "'", "&", "%20", "[secret]", "[", "]", "@", "+", "code is"]
    )
    | st.text(max_size=6),
    max_size=8,
)


@settings(max_examples=examples(300))
@given(pieces.map("".join))
def test_scrubbing_a_text_twice_changes_nothing_more(text: str) -> None:
    once = SCRUBBER.text(plain_text(text))
    assert SCRUBBER.text(once) == once


@settings(max_examples=examples(300))
@given(json_values)
def test_scrubbing_twice_changes_nothing_more(value: Any) -> None:
    once = SCRUBBER.json(plain(value))
    assert SCRUBBER.json(once) == once
    json.dumps(once, allow_nan=False).encode()


@settings(max_examples=examples(300))
@given(
    st.text(alphabet=st.characters(exclude_categories=("L", "N", "Cs")), max_size=30),
    st.sampled_from(MASKED),
    st.text(alphabet=st.characters(exclude_categories=("L", "N", "Cs"), exclude_characters="[._%+-/@:\0"), max_size=30),
)
def test_surroundings_hide_nothing(before: str, example: tuple[str, str], after: str) -> None:
    secret, masked = example
    kept = SCRUBBER.text(f"{before} {secret} {after}")
    assert not [piece for piece in secret.split() if len(piece) > 3 and piece not in masked and piece in kept]
