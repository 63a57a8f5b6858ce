"""Values that must never be seen: masked in every rendering, revealed by adapters only; those of an environment."""

from __future__ import annotations

import base64
import json
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NoReturn, SupportsIndex, final
from urllib.parse import parse_qsl, quote, unquote

from releaseguard_events.places.urls import hidden_in, split
from releaseguard_events.places.written import CREDENTIAL_KEY
from releaseguard_events.scrub.fingerprints import fingerprint_of

MASK = "********"
PIECE = 8
"""So many characters of a value in a row are too many for a message to hold."""
_SHORTEST_MASKED = 6
"""Shorter values are not searched for: masking every ``1`` would hide the message and not the secret."""

_DIGITS = r"(?=[\w+/=.-]*\d)(?=[\w+/=.-]*[A-Za-z])"
_MIXED_CASE = r"(?=[\w+/=.-]*[a-z][A-Z])(?=[\w+/=.-]*(?:[A-Z]{2}|[a-z][A-Z][\w+/=.-]*[a-z][A-Z]))"
_NAME = r"[A-Z]+\d*[A-Z]?(?:_(?:[A-Z]+\d*[A-Z]?|\d+))+(?![\w+/=-]|\.\w)"
_LIKE_A_KEY = re.compile(rf"(?<![\w+/=.-])(?:{_DIGITS}|{_MIXED_CASE})(?!{_NAME})[\w+/=.-]{{12,}}")
"""Twelve characters or more in a row with letters and digits, or in a case that changes as no word's does, other than a
NAME_IN_CAPITALS_2 and nothing more. One piece of a random value in eight holds no digit."""

_alive: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()


@final
class Secret:
    """A secret's value from the moment it is read.

    ``repr``, ``str`` and ``format`` give a mask of fixed width (even the length says something); pickling and
    copying into JSON are refused by having no representation at all. Only an adapter that hands the value to
    the service it belongs to calls :meth:`reveal`.
    """

    __slots__ = ("__shapes", "__value", "__weakref__")

    def __init__(self, value: str) -> None:
        self.__value = value
        self.__shapes = _Shapes(value)
        _alive[id(self)] = self

    def reveal(self) -> str:
        """The value itself. To be called in adapters, at the last moment, and never kept."""
        return self.__value

    def same_as(self, other: Secret) -> bool:
        """Whether both hold the same value, in constant time."""
        return _are_equal(self.__value.encode(), other.__value.encode())

    def same_key_as(self, other: Secret) -> bool:
        """Whether both hold the same key: what was copied with it (white space, quotes, a byte-order mark) aside."""
        return _are_equal(_bare(self.__value).encode(), _bare(other.__value).encode())

    def holds(self, other: Secret) -> bool:
        """Whether this value is ``other``, or has it inside, as an address has its password: of one that is long enough
        not to be there by chance."""
        mine, theirs = self.__value, other.reveal()
        return self.same_as(other) or (len(theirs) >= 2 * PIECE and theirs in mine)

    def examined(self, look: Callable[[str], str | None]) -> str | None:
        """What ``look`` says of the value, in words that hold nothing of it; for checks that are pure."""
        said = look(self.__value)
        return None if said is None or (len(self.__value) >= PIECE and self.shows_in(said)) else said

    def has_sha256(self, digest: str) -> bool:
        """Whether ``digest`` is the value's SHA-256 in lower-case hexadecimal (some services show that)."""
        import hashlib

        mine = hashlib.sha256(self.__value.encode()).hexdigest()
        return _are_equal(mine.encode(), digest.lower().encode())

    def fingerprint(self, salt: str) -> str | None:
        """What tells the value from others without giving it away; ``None`` where it may be guessed."""
        return fingerprint_of(self.__value, salt)

    def shows_in(self, text: str) -> bool:
        """Whether ``text`` holds a piece of the value, as it is or in base64, hexadecimal, URL or JSON quoting:
        :data:`PIECE` characters in a row, or all of a shorter one."""
        folded = _unquoted(text.casefold())
        return any(_piece_shows(_unquoted(form.casefold()), folded) for form in _forms(self.__value))

    def cover(self, shown: _Shown, *, pieces: bool) -> None:
        """Mark in ``shown`` the value in every form; ``pieces``: also what it holds of it in part."""
        self.__shapes.cover(shown, pieces=pieces)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.same_as(other)

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret is not hashable: a set or a dict of values invites printing them")

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


_AROUND = "\ufeff\"'`“”‘’\0"
"""What is copied around a key."""


def _bare(value: str) -> str:
    before = ""
    while before != value:
        before, value = value, value.strip().strip(_AROUND)
    return value


def _are_equal(mine: bytes, theirs: bytes) -> bool:
    """In constant time."""
    import hmac

    return hmac.compare_digest(mine, theirs)


def _forms(value: str) -> tuple[str, ...]:
    """How a service may repeat a value: base64 looks different for each place at which it can begin, and its last
    character for whatever follows."""
    raw = value.encode(errors="surrogatepass")
    encoded = [base64.b64encode(raw[skipped:]).decode().rstrip("=") for skipped in range(min(3, len(raw)))]
    aligned = [*encoded[:1], *(text[:-1] for text in encoded)]
    url_safe = [text.replace("+", "-").replace("/", "_") for text in aligned]
    quoted = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1], repr(raw)[2:-1])
    escaped = quote(value, safe="", errors="replace")
    return tuple(dict.fromkeys((value, escaped, *quoted, raw.hex(), *aligned, *url_safe)))


def _piece_shows(form: str, text: str) -> bool:
    size = min(PIECE, len(form))
    return bool(size) and any(form[start : start + size] in text for start in range(len(form) - size + 1))


def without_keys(text: str) -> str:
    """``text`` with everything left out that looks like a key: a service may put a value into its own words that
    this process has never seen."""
    return _LIKE_A_KEY.sub("...", text)


def masked(text: str, also: Iterable[Secret] = ()) -> str:
    """``text`` with every value that this process holds as a ``Secret``, and ``also`` these, replaced by the mask: in
    any letter case, in every form that :meth:`Secret.shows_in` knows, and in pieces.

    The last line of defence, for text that libraries and services wrote: whoever writes a message does not put a value
    into it to begin with. The work grows with the text and with what is held, not with their product, but for one
    search of each form.
    """
    shown = _Shown(text)
    for secret in {id(secret): secret for secret in (*_alive.values(), *also)}.values():
        secret.cover(shown, pieces=True)
    return shown.masked()


def masker(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """What replaces these values in a text by the mask: in whatever letter case (a host is shown in lower case), and in
    every form in which a service may repeat them. Pieces stay: this is for results, in which ids stand."""
    held = list(secrets)

    def mask(text: str) -> str:
        shown = _Shown(text)
        for secret in held:
            secret.cover(shown, pieces=False)
        return shown.masked()

    return mask


class _Shown:
    """A text, and which of its characters belong to a value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.folded = _folded(text)
        self._origins = _kept_by_unquoting(text)
        self._covered = bytearray(len(text))

    @cached_property
    def _places(self) -> Mapping[str, Sequence[int]]:
        """Where each piece of the text stands."""
        places: dict[str, list[int]] = {}
        for place, piece in enumerate(_cut(self.folded)):
            places.setdefault(piece, []).append(place)
        return places

    def cover(self, form: str) -> None:
        """Mark ``form`` wherever it stands."""
        place = self.folded.find(form)
        while place >= 0:
            self._mark(place, len(form))
            place = self.folded.find(form, place + 1)

    def cover_pieces(self, pieces: frozenset[str]) -> None:
        """Mark pieces of :data:`PIECE` characters wherever they stand."""
        fewer, more = sorted((pieces, self._places), key=len)
        for piece in fewer:
            if piece in more:
                for place in self._places[piece]:
                    self._mark(place, PIECE)

    def _mark(self, place: int, length: int) -> None:
        """Mark what stands at ``place`` of the folded text, where that stands in the text itself."""
        start, end = self._origins[place], self._origins[place + length]
        self._covered[start:end] = b"\1" * (end - start)

    def masked(self) -> str:
        """The text with each run of marked characters masked."""
        if 1 not in self._covered:
            return self._text
        kept: list[str] = []
        place = 0
        for run in re.finditer(rb"\x01+", self._covered):
            kept += (self._text[place : run.start()], MASK)
            place = run.end()
        return "".join((*kept, self._text[place:]))


_BACKSLASHES = re.compile(r"\\{2,}")


def _folded(text: str) -> str:
    """``text`` without letter case and :func:`_unquoted`."""
    folded = text.casefold()
    if len(folded) != len(text):
        folded = "".join(low if len(low := character.casefold()) == 1 else character for character in text)
    return _unquoted(folded)


def _unquoted(text: str) -> str:
    """``text`` with each run of backslashes as one: whatever is quoted again (JSON within JSON, an exception's ``repr``
    of either) differs from what was quoted once by their number alone."""
    return _BACKSLASHES.sub(r"\\", text)


def _kept_by_unquoting(text: str) -> Sequence[int]:
    """Where each character of the unquoted ``text`` stands in ``text``, and where that ends."""
    if "\\\\" not in text:
        return range(len(text) + 1)
    return [place for place in range(len(text)) if text[place - 1 : place + 1] != "\\\\"] + [len(text)]


class _Shapes:
    """What is looked for of a value: the whole of it in every form, and pieces of what in it is confidential."""

    def __init__(self, value: str) -> None:
        self._value = value

    @cached_property
    def _whole(self) -> tuple[str, ...]:
        forms = (_folded(form) for part in (self._value, *_telling_parts(self._value)) for form in _forms(part))
        return tuple(dict.fromkeys(form for form in forms if len(form) >= _SHORTEST_MASKED))

    @cached_property
    def _pieces(self) -> frozenset[str]:
        parts = _telling_parts(self._value)
        forms = (form for part in parts for form in _forms(part))
        return frozenset(piece for form in forms for piece in _telling_pieces(form))

    def cover(self, shown: _Shown, *, pieces: bool) -> None:
        if len(self._value) < _SHORTEST_MASKED:
            return
        for form in self._whole:
            shown.cover(form)
        if pieces:
            shown.cover_pieces(self._pieces)


def _cut(form: str) -> Iterator[str]:
    return (form[start : start + PIECE] for start in range(len(form) - PIECE + 1))


def _telling_pieces(form: str) -> Iterator[str]:
    """The pieces of ``form`` that look made, folded: all at once where nothing in it is unquoted, and so displaced."""
    folded = _folded(form)
    told = (place for place, piece in enumerate(_cut(form)) if _tells(piece))
    if len(folded) == len(form):
        return (folded[place : place + PIECE] for place in told)
    return (_folded(form[place : place + PIECE]) for place in told)


def _tells(piece: str) -> bool:
    """Whether eight characters look made: words, and what stands in every address, are not hidden from messages."""
    if any(map(str.isdigit, piece)):
        return True
    return any(map(str.isupper, piece)) and any(map(str.islower, piece))


def _telling_parts(value: str) -> tuple[str, ...]:
    """What of a value is confidential by itself: of an address its password (a token may stand in the user's place,
    but for a database's, whose user is a name), of a JSON key what is not an address."""
    if value.startswith("{"):
        return tuple(part for text in _texts_of(value) if len(text) >= 2 * PIECE for part in _telling_parts(text))
    if "://" not in value:
        return (value,)
    address = split(value)
    if not address.is_plain:
        hidden = hidden_in(value)
        return (hidden, hidden.partition(":")[2])
    named = address.scheme in {"postgres", "postgresql"}
    known = address.password or ("" if named else address.user)
    return (known,) if len(known) >= _SHORTEST_MASKED else ()


def _texts_of(document: str) -> Iterator[str]:
    try:
        members = json.loads(document)
    except ValueError:
        return iter((document.lstrip("{"),))
    return (text for text in members.values() if isinstance(text, str))


_CONFIDENTIAL = re.compile(r"(^|_|^PG)(TOKEN|SECRET|PASSWORD|PASSWD|PAT|KEY|PRIVATE_KEY)(_NEW)?$")
_PLAIN_PART = re.compile(r"_(HOST|PORT|USER|DATABASE|DB|NAME|SCHEMA|REGION)$")
"""Of a variable that is no more than a piece of an address, and nothing to hide."""
_LIKE_AN_ADDRESS = re.compile(r"_(URL|URI|DSN)$|^DATABASE_URL$")
_LONG = 16
"""Characters of a path's piece that is a key and no word."""


def confidential(environ: Mapping[str, str]) -> Sequence[Secret]:
    """Everything in the environment that no text may show: credentials, and of addresses what is not their host.

    By the variables' names: there is more in an environment than what we read ourselves, and a message of a library
    or a service may repeat any of it.
    """
    return [Secret(value) for name, text in environ.items() for value in _hidden_in(name, text) if value]


def _hidden_in(name: str, text: str) -> Iterator[str]:
    if _CONFIDENTIAL.search(name.upper()):
        yield text
    elif _LIKE_AN_ADDRESS.search(name):
        yield from _hidden_in_address(text)
    elif name.startswith("RELEASEGUARD_EVENTS_") and not _PLAIN_PART.search(name):
        yield text


def _hidden_in_address(text: str) -> Iterator[str]:
    """Password and query, as they are and unquoted; of a web address also its path (a webhook's is its secret)."""
    parts = split(text)
    if not parts.is_plain:
        hidden = hidden_in(text)
        yield from (hidden, hidden.partition(":")[2])
    try:
        query = parse_qsl(parts.query)
    except ValueError:
        yield text
        return
    if parts.password:
        yield from dict.fromkeys((parts.password, unquote(parts.password)))
    yield from (value for key, value in query if CREDENTIAL_KEY.search(key) or parts.scheme in {"http", "https"})
    if parts.scheme in {"http", "https"}:
        yield from (piece for piece in parts.path.split("/") if len(piece) >= _LONG)
