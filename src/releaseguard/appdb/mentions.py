"""What a piece of SQL mentions: of a tree that the server has worked out exactly, of a function's text by its words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

FIRST_OF_USERS: Final = 16384
"""Object ids below are the server's own (PostgreSQL, ``access/transam.h``: ``FirstNormalObjectId``)."""
SELECT: Final = 1
"""``CmdType`` of a query that only reads (``nodes/nodes.h``)."""


@dataclass(frozen=True, slots=True)
class QueryTree:
    """A node tree of the server's, as ``nodeToString`` writes it, by the ids of what is in it.

    The names of its fields are those of ``nodes/primnodes.h`` and ``parsenodes.h``; every kind of call ends its field
    in ``funcid`` or ``fnoid``. Blanks inside a name are escaped there, so no name can look like a field.
    """

    text: str

    @property
    def commands(self) -> set[int]:
        """What its queries do; :data:`SELECT` for those that only read."""
        return self._ids("commandType")

    @property
    def functions(self) -> set[int]:
        """What is called: functions, aggregates, those behind operators; ways of sampling that are not the server's."""
        return self._ids(r"\w*(?:funcid|fnoid)") | {oid for oid in self._ids(r"\w*handler") if oid >= FIRST_OF_USERS}

    @property
    def operators(self) -> set[int]:
        """Operators that sort and group, where they are not the server's own."""
        return {oid for oid in self._ids("(?:eqop|sortop)") if oid >= FIRST_OF_USERS}

    @property
    def relations(self) -> set[int]:
        """Tables and views."""
        return self._ids("relid")

    @property
    def types(self) -> set[int]:
        """Types that something is made into, where they are not the server's own: domains may check what they hold."""
        return {oid for oid in self._ids("resulttype") if oid >= FIRST_OF_USERS}

    def _ids(self, field: str) -> set[int]:
        return {int(found) for found in re.findall(rf"(?<![\\\w]):{field}\s+(\d+)", self.text)} - {0}


@dataclass(frozen=True, slots=True)
class SqlName:
    """A name as SQL resolves it; ``schema`` ``None`` where none is written."""

    schema: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a function in SQL or PL/pgSQL, by its words. Text that is quoted with dollars counts as code."""

    text: str

    def calls(self) -> set[SqlName]:
        """Every name before an opening bracket."""
        return {name for name, called in self._names() if called}

    def others(self) -> set[SqlName]:
        """Every other name: tables and views among them."""
        return {name for name, called in self._names() if not called}

    def unreadable(self) -> str | None:
        """Why words do not show what is called, where they do not."""
        tokens = _tokens(self.text)
        for before, token, after in zip((None, *tokens), tokens, (*tokens[1:], None), strict=False):
            if token.word == "execute":
                return "it runs SQL that is put together while it runs (EXECUTE)"
            if token.word == "do" and after is not None and after.kind == "text":
                return "it runs SQL from a text (DO)"
            if token.word in ("copy", "load") and (before is None or before.text.lower() in _BEFORE_A_STATEMENT):
                return f"it reads or writes files ({token.text.upper()})"
            if token.word == "u" and after is not None and after.text == "&":
                return "it writes names in escapes (U&)"
        return None

    def _names(self) -> Iterator[tuple[SqlName, bool]]:
        tokens = _tokens(self.text)
        for place, token in enumerate(tokens):
            if token.name is None:
                continue
            before = tokens[place - 2] if place >= 2 and tokens[place - 1].text == "." else None
            called = place + 1 < len(tokens) and tokens[place + 1].text == "("
            yield SqlName(before.name if before else None, token.name), called


_LONGEST_NAME: Final = 63
"""Bytes."""
_BEFORE_A_STATEMENT: Final = frozenset({";", "begin", "then", "else", "loop", ">"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str | None:
        """As the server folds it: letters of ASCII alone (``downcase_identifier``)."""
        return re.sub("[A-Z]+", lambda found: found[0].lower(), self.text) if self.kind == "word" else None

    @property
    def name(self) -> str | None:
        """Cut off where the server cuts off (``NAMEDATALEN``)."""
        name = self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.word
        return None if name is None else name.encode()[:_LONGEST_NAME].decode(errors="ignore")


_TOKEN: Final = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<text> [eE]'(?:\\.|''|[^'\\])*' | '(?:''|[^'])*' )
    | (?P<code> (?P<tag>\$(?:[A-Za-z_\u0080-\uffff][\w]*)?\$).*?(?P=tag) )
    | (?P<quoted> "(?:""|[^"])*" )
    | (?P<word> [A-Za-z_\u0080-\uffff][\w$]* )
    | (?P<number> [0-9][\w.]* )
    | (?P<other> \S )
    """,
    re.VERBOSE | re.DOTALL,
)


def _tokens(source: str) -> Sequence[_Token]:
    """SQL's lexical structure (PostgreSQL 18, 4.1). Where it is unsure, more is read as code, never less."""
    tokens: list[_Token] = []
    for found in _TOKEN.finditer(source):
        kind = found.lastgroup or "other"
        if found["code"] is not None:
            tag = len(found["tag"])
            tokens += [_Token("text", "$"), *_tokens(found["code"][tag:-tag])]
        elif kind != "comment":
            tokens.append(_Token(kind, found.group()))
    return tokens
