"""What the readers of both languages share: scopes, places, comments, and what is kept of a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from sys import intern
from typing import TYPE_CHECKING, Literal, TypeVar

from releaseguard.coverage.languages.syntax import (
    Call,
    Class,
    Comment,
    Expr,
    Function,
    Import,
    Member,
    Name,
    Place,
    Record,
    Scope,
    SourceFile,
    Statement,
    Text,
)

if TYPE_CHECKING:
    from tree_sitter import Node

ADDRESSED = "releaseguard:"
"""What a comment that speaks to us begins with."""
BASES = (
    "baseURL", "baseUrl", "base_url", "prefixUrl", "prefix", "host", "hostname", "url", "uri", "endpoint",
    "endpoint_url", "azure_endpoint", "api_base", "openai_api_base", "basePath", "anthropicApiUrl", "anthropic_api_url",
    "fromUrl", "toUrl",
)  # fmt: skip
"""What a client's base address is called."""
_SHARED: dict[object, object] = {}
"""By what they are: values that many nodes hold and nobody changes."""
_Value = TypeVar("_Value", Place, tuple[str, ...], Import)


def shared(value: _Value) -> _Value:
    """The first value that equals this one: a million nodes begin at a few ten thousand places, and many say one word.

    Never for what a name is bound to as a whole: there each is told from another by which object it is.
    """
    return _SHARED.setdefault(value, value)  # type: ignore[return-value]


def record(items: Mapping[str, Expr], spread: Sequence[Expr] = ()) -> Record:
    """An object with some values, and what is spread into it."""
    return Record((*items.values(), *spread), shared(tuple(items)))


class Reader(ABC):
    """Turns one syntax tree into a :class:`SourceFile`; each language says what its nodes mean."""

    def __init__(self, path: str, language: Literal["typescript", "python"], content: bytes) -> None:
        self.content = content
        self._ascii = content.isascii()
        self.lines = () if self._ascii else content.split(b"\n")
        main = Function()
        self.file = SourceFile(path, language, main)
        self.scope = Scope(None, main, file=self.file)
        main.scope = self.scope
        self._classes: list[Class] = []
        self._variables: dict[str, Name] = {}

    def read(self, root: Node) -> SourceFile:
        """The file whose tree begins at ``root``."""
        self.file.main.body = self.body(root)
        if root.has_error:
            self.file.broken_at = _first_broken(root)
        if ADDRESSED.encode() in self.content:
            self._find_comments(root)
        return self.file

    @abstractmethod
    def statement(self, node: Node) -> Iterator[Statement]:
        """What one node does, in order."""

    def body(self, node: Node) -> Sequence[Statement]:
        """The statements inside a node."""
        return tuple(one for child in self.named(node) for one in self.statement(child))

    def named(self, node: Node) -> Sequence[Node]:
        """The children that mean something."""
        return [child for child in node.named_children if child.type != "comment"]

    def field(self, node: Node, name: str) -> Node:
        """A child by its role; the node itself where the text was broken and it is missing."""
        return node.child_by_field_name(name) or node

    def text(self, node: Node) -> str:
        """What is written there; the same text is kept once."""
        return intern(node.text.decode("utf-8", "replace")) if node.text else ""

    def variable(self, name: str) -> Name:
        """A variable by its name: one node for all its places in a file, since what it stands for is its scope's."""
        if (known := self._variables.get(name)) is None:
            known = self._variables[name] = Name(id=name)
        return known

    def at(self, node: Node) -> Place:
        """Where a node begins; tree-sitter counts bytes, and readers count characters."""
        row, column = node.start_point
        if not self._ascii:
            column = len(self.lines[row][:column].decode("utf-8", "replace")) if row < len(self.lines) else 0
        return shared((row + 1, column + 1))

    @contextmanager
    def inside_of(self, function: Function) -> Iterator[None]:
        """Names that are bound from here on are the function's own."""
        outer = self.scope
        function.scope = Scope(outer, function, file=self.file, owner=self._classes[-1] if self._classes else None)
        self.file.functions.append(function)
        self.scope, classes, self._classes = function.scope, self._classes, []
        try:
            yield
        finally:
            self.scope, self._classes = outer, classes

    @contextmanager
    def in_class(self, owner: Class) -> Iterator[None]:
        """Functions from here on are the methods of ``owner``."""
        self._classes.append(owner)
        try:
            yield
        finally:
            self._classes.pop()

    @staticmethod
    def keep_method(owner: Class, name: str, method: Function, read: bool) -> None:
        """A method of ``owner``; one that is ``read`` as a field is holds what it returns."""
        if read:
            owner.fields.setdefault(name, Call((method,), at=method.at))
        else:
            owner.methods[name] = method

    def called(self, call: Call) -> Call:
        """Remember a call."""
        self.file.made.append(call)
        self.file.where.append(self.scope)
        return call

    def said(self, text: Text) -> Text:
        """Remember a text."""
        self.file.texts.append(text)
        return text

    def _remember_field(self, place: Member, value: Expr) -> None:
        if place.name in BASES:
            self.file.settings.append((place, value, self.scope))
        owner = self.scope.of_class
        if owner is not None and isinstance(place.object, Name) and place.object.id in ("this", "self", "cls"):
            owner.fields[place.name], owner.homes[place.name] = value, self.scope

    def _find_comments(self, root: Node) -> None:
        for node in _below(root):
            if node.type == "comment":
                self._comment(node)

    def _comment(self, node: Node) -> None:
        text = self.text(node).removesuffix("*/").lstrip("/*# \t").strip()
        if text.startswith(ADDRESSED):
            before = node.prev_sibling or node.parent
            alone = before is None or before.end_point[0] < node.start_point[0] or before == node.parent
            self.file.comments.append(Comment(node.start_point[0] + 1, text.removeprefix(ADDRESSED).strip(), alone))


def _below(root: Node) -> Iterator[Node]:
    """A node and all inside it, in the order of the text."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.children)


def _first_broken(root: Node) -> int | None:
    """The first line that could not be understood."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.type == "ERROR" or node.is_missing:
            return int(node.start_point[0]) + 1
        pending += [child for child in reversed(node.children) if child.has_error or child.is_missing]
    return None
