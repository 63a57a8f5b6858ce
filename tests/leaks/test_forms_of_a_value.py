"""However a managed value is encoded, escaped, wrapped or packed, it is found; and what is not it, is not."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import random
import string
import zipfile
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.leaks.finding import ValueFinder
from releaseguard.leaks.interface import Needle
from releaseguard.secret import Secret

VALUE = "SG.aB3dE-fGhIjK_lMnOpQ7s.rStUvWxYz0123456789gfedcbaONMLKJIH_-qrs42"
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 4
    + "-----END PRIVATE KEY-----\n"
)


def finder() -> ValueFinder:
    """Anew for each test: a secret that lives on is masked in whatever a later test prints."""
    return ValueFinder([Needle("KEY", 2, Secret(VALUE)), Needle("PEM", 1, Secret(PEM))])


def forms(content: bytes | str) -> list[tuple[str, str]]:
    content = content.encode() if isinstance(content, str) else content
    return sorted({(one.needle.name, one.form) for one in finder().found(content)[0]})


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(
    ("content", "form"),
    [
        pytest.param(f"KEY={VALUE}", "plain", id="an .env file"),
        pytest.param(f"KEY={VALUE}".encode("utf-16"), "plain", id="PowerShell's >"),
        pytest.param(f"KEY={VALUE}".encode("utf-16-be"), "plain", id="UTF-16 without its mark"),
        pytest.param("Basic " + b64(f"apikey:{VALUE}"), "base64", id="a Basic header"),
        pytest.param(b64(f"x{VALUE}."), "base64", id="base64, one byte in"),
        pytest.param(b64(f"xy{VALUE}."), "base64", id="base64, two bytes in"),
        pytest.param(base64.urlsafe_b64encode(f"?>{VALUE}".encode()), "base64", id="base64url"),
        pytest.param(base64.encodebytes(f"A=b\nKEY={VALUE}\n".encode()), "base64", id="base64 in lines of 76"),
        pytest.param(b64(b64(VALUE)), "base64", id="base64 of base64"),
        pytest.param(b64(f"$k='{VALUE}'".encode("utf-16-le")), "base64", id="PowerShell's -EncodedCommand"),
        pytest.param(VALUE.encode().hex(), "hex", id="hex"),
        pytest.param(VALUE.encode().hex().upper(), "hex", id="HEX"),
        pytest.param(quote(VALUE, safe="").replace("-", "%2D").replace("_", "%5f"), "escaped", id="every sign percent"),
        pytest.param(VALUE.replace("-", "\\u002d").replace(".", "\\x2e"), "escaped", id="escapes of a language"),
        pytest.param(VALUE.replace("-", "&#45;"), "escaped", id="HTML"),
        pytest.param(f'"{VALUE[:20]}" +\n    "{VALUE[20:]}"', "escaped", id="two literals"),
        pytest.param(gzip.compress(f"KEY={VALUE}".encode()), "plain", id="gzip"),
        pytest.param(gzip.compress(b"first") + gzip.compress(VALUE.encode()), "plain", id="gzip of two members"),
        pytest.param(bz2.compress(VALUE.encode()), "plain", id="bzip2"),
        pytest.param(lzma.compress(VALUE.encode()), "plain", id="xz"),
    ],
)
def test_a_key_is_found_as_it_is_written(content, form):
    assert forms(content) == [("KEY", form)]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        pytest.param(PEM, "plain", id="as it is"),
        pytest.param(PEM.replace("\n", "\r\n"), "escaped", id="line ends of Windows"),
        pytest.param(PEM.replace("\n", "\n    "), "escaped", id="indented in YAML"),
        pytest.param(PEM.replace("\n", " "), "escaped", id="on one line"),
        pytest.param(json.dumps({"key": PEM}), "json", id="JSON"),
        pytest.param(json.dumps({"account": json.dumps({"key": PEM})}), "escaped", id="JSON within JSON"),
        pytest.param(b64(PEM), "base64", id="base64"),
    ],
)
def test_a_key_of_many_lines_is_found_however_its_lines_end(content, form):
    assert forms(content) == [("PEM", form)]


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_an_archive_in_an_archive_is_opened_and_the_place_in_it_is_told():
    content = zipped({"a.txt": b"", "base.apk": zipped({"assets/.env": f"\nKEY={VALUE}".encode()})})
    [found] = finder().found(content)[0]
    assert (found.inside, found.line) == ("!base.apk!assets/.env", 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(zipped({"a": b"abc" * 99})[:60], "is a broken archive", id="cut off"),
        pytest.param(gzip.compress(b"abc" * 99)[:20] + b"\xff" * 20, "could not be unpacked", id="broken stream"),
        pytest.param(
            zipped({"a": b"abc"}).replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
            "is encrypted",
            id="with a password",
        ),
    ],
)
def test_an_archive_that_cannot_be_opened_is_told_and_nothing_breaks(content, reason):
    found, closed = finder().found(content)
    assert (list(found), [one.reason for one in closed]) == ([], [reason])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(VALUE[:40] + "X" + VALUE[41:], id="one character differs"),
        pytest.param(VALUE[:40], id="its first half"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nanother\n-----END PRIVATE KEY-----", id="another key's frame"),
        pytest.param(b64(VALUE[:30]), id="base64 of a half"),
        pytest.param("", id="an empty file"),
        pytest.param(b"\x00" * 999, id="zeros"),
    ],
)
def test_what_only_looks_like_it_is_no_finding(content):
    assert forms(content) == []


def test_words_that_a_value_is_made_of_are_no_finding():
    finder = ValueFinder([Needle("NAME", 1, Secret("marketplace-production-eu"))])
    assert finder.found(b"the marketplace in production, in eu")[0] == []
    assert [one.form for one in finder.found(b"x=marketplace-production-eu")[0]] == ["plain"]


@given(st.text(string.printable, min_size=8, max_size=80), st.integers(0, 2), st.binary(max_size=9))
def test_any_value_is_found_plain_in_json_in_an_address_in_base64_and_in_hex(value, before, after):
    finder = ValueFinder([Needle("ANY", 1, Secret(value))])
    raw = value.encode()
    assert finder.found(raw)[0]
    assert finder.found(b"{'a': " + json.dumps(value).encode() + b"}")[0]
    assert finder.found(b"?a=" + quote(value, safe="").encode())[0]
    assert finder.found(base64.b64encode(bytes(before) + raw + after))[0]
    assert finder.found(raw.hex().encode())[0]


def test_random_keys_do_not_find_each_other():
    rng = random.Random(7)
    keys = ["".join(rng.choices(string.ascii_letters + string.digits + "-_.", k=40)) for _ in range(60)]
    finder = ValueFinder([Needle(f"K{at}", 1, Secret(key)) for at, key in enumerate(keys)])
    for at, key in enumerate(keys):
        for content in (key, b64(key), quote(key), json.dumps(json.dumps(key))):
            assert {one.needle.name for one in finder.found(content.encode())[0]} == {f"K{at}"}
