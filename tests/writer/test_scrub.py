"""Secrets and personal data do not leave the process, and nothing else is lost with them."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.plain import CUT, MAX_NODES, UNREADABLE, plain, plain_text
from releaseguard.eventlog.scrub import MAX_TEXT, Scrubber, kind_of_key, kinds_in, secrets_of

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


def test_flags_about_secrets_and_people_stay() -> None:
    assert SCRUBBER.json({"has_token": True, "email": False}) == {"has_token": True, "email": False}


def test_keys_and_numbers_are_searched_too() -> None:
    assert SCRUBBER.json({"ada@example.com": 4111111111111111, "n": 905321234567.0}) == {
        "[email]": "[card]",
        "n": "[phone]",
    }


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


# --- Any object becomes plain JSON


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


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_scrubbing_twice_changes_nothing_more(value: Any) -> None:
    once = SCRUBBER.json(plain(value))
    assert SCRUBBER.json(once) == once
    json.dumps(once, allow_nan=False).encode()


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.characters(exclude_categories=("L", "N", "Cs")), max_size=30),
    st.sampled_from(MASKED),
    st.text(alphabet=st.characters(exclude_categories=("L", "N", "Cs"), exclude_characters="[._%+-/@:\0"), max_size=30),
)
def test_surroundings_hide_nothing(before: str, example: tuple[str, str], after: str) -> None:
    secret, masked = example
    kept = SCRUBBER.text(f"{before} {secret} {after}")
    assert not [piece for piece in secret.split() if len(piece) > 3 and piece not in masked and piece in kept]
