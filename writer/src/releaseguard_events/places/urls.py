"""Splits addresses as people write them, without raising and without repeating what they hide. Pure.

``urllib.parse.urlsplit`` raises for a ``[`` or a compatibility character in a password, and quotes it in the message.
Here an address always has parts; unreadable ones are empty, and :attr:`Parts.is_plain` is ``False`` where two readers
could disagree.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_SERVER: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>[0-9]{0,5}))?")
_END: Final = re.compile(r"[/?#]")


class Parts(NamedTuple):
    """The parts of an address as written; nothing is decoded except the letter case of the scheme."""

    scheme: str
    has_credentials: bool
    user: str
    password: str
    server: str
    """Host and port, or several of them separated by commas, as in a database's address."""
    host: str
    """In lower case, without brackets; empty where ``server`` is not a single host."""
    port: int | None
    path: str
    query: str
    is_plain: bool
    """Whether every reader finds the same parts: the only ``@`` is one that ends a password."""


def split(address: str) -> Parts:
    """The parts of any text; a text without ``://`` has at most a scheme, and a path."""
    scheme, found, rest = address.strip().partition("://")
    if not found or not _SCHEME.fullmatch(scheme):
        return _without_server(address.strip())
    end = _END.search(rest)
    authority = rest[: end.start()] if end else rest
    tail = rest[len(authority) :]
    path, query = _path_and_query(tail)
    credentials, at, server = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    named = _SERVER.fullmatch(server)
    return Parts(
        scheme=scheme.lower(),
        has_credentials=bool(at),
        user=user,
        password=password,
        server=server,
        host=named["host"].strip("[]").lower() if named else "",
        port=int(named["port"]) if named and named["port"] else None,
        path=path,
        query=query,
        is_plain="@" not in credentials + tail,
    )


def scheme_of(address: str) -> str:
    """The scheme, in lower case; empty where there is none."""
    return split(address).scheme


def hidden_in(address: str) -> str:
    """The part with user and password, in the longest reading: everything before the last ``@``."""
    rest = address.strip().partition("://")[2]
    return rest.rpartition("@")[0]


def _without_server(text: str) -> Parts:
    scheme, found, rest = text.partition(":")
    named = found and _SCHEME.fullmatch(scheme)
    path, query = _path_and_query(rest if named else text)
    return Parts(scheme.lower() if named else "", False, "", "", "", "", None, path, query, is_plain=True)


def _path_and_query(text: str) -> tuple[str, str]:
    path, _, query = text.partition("#")[0].partition("?")
    return path, query
