"""One host has one spelling, whatever it is dressed as."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from releaseguard_events.places.hosts import (
    canonical,
    canonical_or_none,
    covers,
    in_one_spelling,
    is_loopback,
    place_of,
    shown_host,
)

SPELLINGS = {
    "api.sendgrid.com": "api.sendgrid.com",
    "API.SendGrid.COM": "api.sendgrid.com",
    "api.sendgrid.com.": "api.sendgrid.com",
    "api%2esendgrid%2Ecom": "api.sendgrid.com",
    "%2561pi.sendgrid.com": "api.sendgrid.com",
    "api\u3002sendgrid\uff0ecom": "api.sendgrid.com",
    "\uff41pi.sendgrid.com": "api.sendgrid.com",
    "api.\u017fendgrid.com": "api.sendgrid.com",
    "api.send\u00adgrid.com": "api.sendgrid.com",
    "api.send\u200bgrid.com": "api.sendgrid.com",
    "api.\u24e2endgrid.com": "api.sendgrid.com",
    "api.xn--sendgrid-.com": "api.sendgrid.com",
    "API.XN--SENDGRID-.COM": "api.sendgrid.com",
    "b\u00fccher.example": "xn--bcher-kva.example",
    "XN--BCHER-KVA.example": "xn--bcher-kva.example",
    "127.0.0.1": "127.0.0.1",
    "127.1": "127.0.0.1",
    "2130706433": "127.0.0.1",
    "0x7f000001": "127.0.0.1",
    "0x7F.1": "127.0.0.1",
    "0177.0.0.01": "127.0.0.1",
    "127.0.0.1.": "127.0.0.1",
    "\u2460\u2461\u2466.0.0.1": "127.0.0.1",
    "[::1]": "::1",
    "::1": "::1",
    "0:0:0:0:0:0:0:1": "::1",
    "[::ffff:127.0.0.1]": "127.0.0.1",
    "::ffff:7f00:1": "127.0.0.1",
    "FE80::1%eth0": "fe80::1",
    "localhost": "localhost",
}


@pytest.mark.parametrize(("spelling", "host"), SPELLINGS.items())
def test_a_spelling_is_undone(spelling: str, host: str) -> None:
    assert canonical(spelling) == host


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a..b", "api.sendgrid.com..", ".com", "-a.com", "a-.com", "a b.com", "a/b", "a\\b", "a@b", "a?b",
        "a#b", "a:b", "[::1", "::1]", "[127.0.0.1]", "1.2.3.4.5", "256.1.1.1", "1.2.3.99999", "08.1", "4294967296",
        "a.1", "a.0x1f", "x" * 64 + ".com", ".".join(["abc"] * 70), "a\x00b", "a\nb", "%25252525252541.com",
        "\u2100.com", "xn--\u00fc.com", "fe80::g",
    ],
)  # fmt: skip
def test_what_is_no_host_is_none(text: str) -> None:
    assert canonical_or_none(text) is None


names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?(\.[a-z][a-z0-9]{0,8}){1,3}", fullmatch=True)


@st.composite
def disguised(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and the same name as some resolver or library would still understand it."""
    name = draw(names)
    dress = st.sampled_from(
        [
            str,
            str.upper,
            lambda c: f"%{ord(c):02x}",
            lambda c: f"%25{ord(c):02X}",
            lambda c: "\u3002" if c == "." else c,
            lambda c: chr(ord(c) + 0xFEE0),
            lambda c: c if c == "." else f"{c}\u00ad",
        ]
    )
    return name, "".join(draw(dress)(character) for character in name) + draw(st.sampled_from(["", "."]))


@given(disguised())
def test_a_disguise_never_changes_the_host(pair: tuple[str, str]) -> None:
    name, spelling = pair
    assume(not any(label.startswith("xn--") for label in name.split(".")))
    assert canonical(spelling) == name


@given(st.text(max_size=40) | names | st.from_regex(r"[0-9a-fx.]{1,20}", fullmatch=True))
def test_the_one_spelling_is_final(text: str) -> None:
    host = canonical_or_none(text)
    if host is not None:
        assert canonical(host) == host
        assert host.isascii()
        assert host == host.lower()


@given(
    st.from_regex(r"(0x[0-9a-f]{1,8}|0[0-7]{1,11}|[0-9]{1,10})(\.(0x[0-9a-f]{1,4}|[0-9]{1,5})){0,3}", fullmatch=True)
)
def test_an_ipv4_address_is_read_as_the_c_library_reads_it(text: str) -> None:
    try:
        expected = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        expected = None
    assert canonical_or_none(text) == expected


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_is_itself_or_the_ipv4_address_in_it(address: ipaddress.IPv6Address) -> None:
    expected = str(address.ipv4_mapped or address)
    assert canonical(address.exploded.upper()) == canonical(f"[{address}]") == expected


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("HTTPS://API.GitHub.com.:8443/V1?x=Y#z", "https://api.github.com:8443/V1?x=Y#z"),
        ("http://0177.0.0.1/a", "http://127.0.0.1/a"),
        ("http://[::FFFF:127.0.0.1]:80", "http://127.0.0.1:80"),
        ("http://[0:0::1]:80", "http://[::1]:80"),
        ("https://ghe.example/https://GHE.example", "https://ghe.example/https://GHE.example"),
    ],
)
def test_an_address_in_one_spelling_keeps_all_but_its_host(url: str, plain: str) -> None:
    assert in_one_spelling(url) == plain
    assert in_one_spelling(plain) == plain


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://api.github.com", "api.github.com", 443),
        ("HTTPS://API.github.com:8443/v1?x=y#z", "api.github.com", 8443),
        ("http://[::1]:80/", "::1", 80),
        ("http://127.0.0.1", "127.0.0.1", 80),
        ("https://api.github.com:/", "api.github.com", 443),
    ],
)
def test_where_an_address_leads(url: str, host: str, port: int) -> None:
    place = place_of(url)
    assert (place.host, place.port) == (host, port)


@pytest.mark.parametrize(
    "url",
    [
        "", "api.github.com", "//api.github.com", "ftp://a.com", "file:///etc/passwd", "https://", "https:///x",
        "https://u@a.com", "https://u:p@a.com", "https://a.com\\@b.com", "https://a.com\\.b.com", "https:\\\\a.com",
        "https://a.com\t.b.com", "https://a.com\n", " https://a.com", "https://a.com:x", "https://a.com:99999",
        "https://a.com:80:90", "https://[::1]b.com", "https://[::1", "https://a b.com", "https:a.com", "javascript:1",
        "https://a:b/c@d.com", "https://a.com?x=@y",
    ],
)  # fmt: skip
def test_an_address_that_could_be_read_in_two_ways_is_not_read(url: str) -> None:
    with pytest.raises(ValueError):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pa55word@api.x.com/y", "api.x.com"),
        ("https://api.x.com:8080/y", "api.x.com"),
        ("https://a.com\\@b.com/", "b.com"),
        ("", "(no host)"),
        ("https://a\x1b[31m.com", "a[31m.com"),
        ("https://user:pa55/word@api.x.com/y", "(no host)"),
    ],
)
def test_a_message_shows_the_host_and_never_a_password(url: str, shown: str) -> None:
    assert shown_host(url) == shown


def test_a_pattern_covers_itself_and_what_is_below_it() -> None:
    assert covers("sendgrid.com", "sendgrid.com")
    assert covers("sendgrid.com", "api.eu.sendgrid.com")
    assert not covers("sendgrid.com", "notsendgrid.com")
    assert not covers("api.sendgrid.com", "sendgrid.com")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("a.com", False),
    ],
)
def test_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here
