"""One spelling for every host, and a reading of addresses on which all libraries agree. Pure."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import unquote

from releaseguard_events.places.urls import split

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
HIGHEST_PORT: Final = 65535

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(:[0-9]*)?")
_AMBIGUOUS: Final = re.compile(r"[\\\s\x00-\x1f\x7f]")


class Place(NamedTuple):
    """Where an address leads: scheme, canonical host, port."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def canonical(host: str) -> str:
    """``host`` in its canonical spelling: a lower-case ASCII name without a final dot, or an address in short form.

    Undoes what resolvers and libraries undo (letter case, dots and letters of other scripts, percent-encoding, decimal,
    octal and hexadecimal IPv4, IPv4 inside IPv6). Raises ``ValueError`` for text that is no host.
    """
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1])
    if ":" in host:
        return _ipv6(host)
    name = _ascii(_decoded(host)).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # no top-level domain is a number, so every resolver reads an address
        return _ipv4(labels)
    labels = [_without_needless_punycode(label) for label in labels]
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    return ".".join(labels)


def canonical_or_none(host: str) -> str | None:
    """:func:`canonical`, or ``None`` for text that is no host."""
    try:
        return canonical(host)
    except ValueError:
        return None


def is_address(host: str) -> bool:
    """Whether a canonical host is an IP address rather than a name."""
    return ":" in host or bool(_NUMBER.fullmatch(host.rpartition(".")[2]))


def is_loopback(host: str) -> bool:
    """Whether a canonical host is this machine."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def place_of(url: str) -> Place:
    """Where ``url`` leads. Raises ``ValueError`` for anything on which two libraries could disagree: backslashes,
    blanks, control characters, a user name, a port that is no number, a scheme other than http(s)."""
    if _AMBIGUOUS.search(url):
        raise ValueError("it holds a backslash, a blank or a control character")
    parts = split(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("it begins with neither https:// nor http://")
    if parts.has_credentials or not parts.is_plain:
        raise ValueError("it holds a user name or password, or an @ that may end one")
    named = _AUTHORITY.fullmatch(parts.server)
    if named is None or (parts.port or 0) > HIGHEST_PORT:
        raise ValueError("host and port cannot be told apart")
    host = canonical(named["host"])
    return Place(parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme])


def in_one_spelling(url: str) -> str:
    """``url`` with its host spelled as by :func:`canonical`, so that a library reads what was checked.

    Some libraries refuse an octal number, and some look up a name that ends in a dot. Raises ``ValueError`` like
    :func:`place_of`.
    """
    host, named = place_of(url).host, _AUTHORITY.fullmatch(split(url).server)
    port = named[2] or "" if named else ""
    scheme, _, rest = url.strip().partition("://")
    server = f"[{host}]" if ":" in host else host
    return f"{scheme.lower()}://{server}{port}{rest[len(split(url).server) :]}"


def shown_host(url: str) -> str:
    """The host of an address that cannot be read safely, for a message; never a user name or password."""
    rest = url.partition("://")[2] or url.lstrip("/\\")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    host = re.split(r"[@\\]", authority)[-1].strip()
    named = _AUTHORITY.fullmatch(host)
    host = named["host"] if named else host
    if "@" in rest[len(authority) :]:
        host = ""  # it may be a piece of a password that a slash or a question mark ended early
    return "".join(c for c in host if c.isprintable())[:100] or "(no host)"


def covers(pattern: str, host: str) -> bool:
    """Whether a card's host pattern (canonical) covers a canonical host: itself and every host below it."""
    return host == pattern or host.endswith(f".{pattern}")


def _decoded(host: str) -> str:
    for _ in range(5):
        decoded = unquote(host)
        if decoded == host:
            return host
        host = decoded
    raise ValueError("percent-encoded too often")


def _ascii(host: str) -> str:
    """The host in ASCII, converted as by Python's own look-up (IDNA 2003: compatibility forms, letter case, invisible
    characters)."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("not a host name") from None


def _without_needless_punycode(label: str) -> str:
    """``xn--sendgrid-`` has no foreign letter at all: it is ``sendgrid`` in disguise."""
    if not label.startswith("xn--"):
        return label
    try:
        plain = unicodedata.normalize("NFKC", label[4:].encode().decode("punycode")).lower()
    except UnicodeError:
        raise ValueError("not a host name") from None
    return plain if plain.isascii() and plain else label


def _ipv4(labels: list[str]) -> str:
    """An address as ``inet_aton`` reads it: up to four parts, each decimal, octal or hexadecimal, the last one filling
    the rest."""
    if not 1 <= len(labels) <= 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise ValueError("not an address")
    *firsts, last = (_number(label) for label in labels)
    if any(part > 255 for part in firsts) or last >= 256 ** (4 - len(firsts)):
        raise ValueError("not an address")
    value = last + sum(part << (24 - 8 * place) for place, part in enumerate(firsts))
    return str(ipaddress.IPv4Address(value))


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _ipv6(text: str) -> str:
    address = ipaddress.IPv6Address(text.partition("%")[0])  # without the interface: it is on this machine
    return str(address.ipv4_mapped or address)
