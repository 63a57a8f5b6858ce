"""Addresses, whatever is written into them."""

from __future__ import annotations

import ast
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import releaseguard
from releaseguard_events.places.urls import hidden_in, scheme_of, split

odd = st.text(alphabet="[]%#?@/: \\\u2100\u00e9\uff1aab1\x00\udcff", max_size=12)


@given(st.text() | odd)
@example("postgresql://u:p[w@h/db")
@example("https://u:\u2100@h")
@example("http://h:99999999999999999999/")
def test_any_text_has_parts(text: str) -> None:
    parts = split(text)
    assert parts.scheme == scheme_of(text)
    assert parts.port is None or parts.port >= 0


@given(password=odd)
def test_a_password_is_in_no_part_that_is_shown(password: str) -> None:
    """Where it is not known for a password, the address is not plain, and nothing of it is shown."""
    secret = f"hunter{password}hunter"
    parts = split(f"postgresql://user:{secret}@db.example.com:6432/log")
    assert not parts.is_plain or (parts.password == secret and parts.server == "db.example.com:6432")
    assert secret in hidden_in(f"postgresql://user:{secret}@db.example.com:6432/log")


@given(
    user=st.text(min_size=1),
    password=st.text(),
    path=st.text(),
    query=st.text(),
    port=st.none() | st.integers(1, 65535),
)
def test_what_is_percent_encoded_is_read_as_everybody_reads_it(
    user: str, password: str, path: str, query: str, port: int | None
) -> None:
    safe = [quote(text.encode("utf-8", "replace"), safe="") for text in (user, password, path, query)]
    at = f"db.example.com{'' if port is None else f':{port}'}"
    address = f"postgresql://{safe[0]}:{safe[1]}@{at}/{safe[2]}?q={safe[3]}"
    parts, theirs = split(address), urlsplit(address)
    assert (parts.scheme, parts.user, parts.password, parts.host, parts.port, parts.path, parts.query) == (
        theirs.scheme, theirs.username, theirs.password, theirs.hostname, theirs.port, theirs.path, theirs.query,
    )  # fmt: skip
    assert parts.is_plain


@pytest.mark.parametrize(
    ("address", "scheme"),
    [("sqlite:///a[1]#?.db", "sqlite"), ("HTTPS://h", "https"), ("", ""), ("a/b", ""), ("://", ""), ("1:2", "")],
)
def test_schemes(address: str, scheme: str) -> None:
    assert scheme_of(address) == scheme


def test_addresses_are_read_in_one_place() -> None:
    """``urlsplit`` raises, and quotes. What a server was asked for is not an address."""
    root = Path(releaseguard.__file__).parent
    using = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and any(name.name in ("urlsplit", "urlparse") for name in node.names)
    }
    assert using <= {"sandbox/serving/server.py", "cli/shared/live_page.py"}
