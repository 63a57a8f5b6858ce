"""What a test mentions: all that is asked of one, which is a small part of its tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from releaseguard.coverage.languages.syntax import Call, Import, Member, Name, Scope, SourceFile

_TESTS = ("it", "test")


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a test mentions, kept in the place of its tree: nothing else is asked of a test that no file of the app
    imports."""

    path: str
    """Relative to where the search began, with ``/``."""
    language: Literal["typescript", "python"]
    runs: bool
    """Whether anything in it is run."""
    texts: frozenset[str]
    imports: frozenset[Import]
    broken_at: int | None = None
    """The first line that could not be understood."""


def mentions_of(file: SourceFile) -> Mentions:
    """What a test mentions."""
    imports = frozenset(_imports(file))
    texts = {"".join(piece for piece in text.pieces if isinstance(piece, str)) for text in file.texts}
    return Mentions(file.path, file.language, _has_a_test(file), frozenset(texts), imports, file.broken_at)


def taken_apart(file: SourceFile) -> None:
    """Let go of a tree that nobody holds any longer: its scopes hold one another in circles, and while a program is
    read, nobody looks for those."""
    for scope in [*_scopes(file)]:
        scope.parent = scope.function = scope.owner = scope.file = None
        scope.names = {}


def _has_a_test(file: SourceFile) -> bool:
    """Whether anything in it is run: one that is skipped or only planned is not."""
    if file.language == "python":
        return any(function.name.startswith("test") for function in file.functions)
    return any(_runs(call) for call in file.made)


def _runs(call: Call) -> bool:
    callee = call.callee
    last = ""
    while isinstance(callee, Member | Call):
        if isinstance(callee, Member):
            last = callee.name
            if callee.name == "test" and isinstance(callee.object, Name) and callee.object.id == "Deno":
                return True
            if callee.name in ("skip", "todo", "failing"):
                return False
        callee = callee.parts[0]
    return isinstance(callee, Name) and callee.id in _TESTS and last in ("", "only", "each", "concurrent", "serial")


def _imports(file: SourceFile) -> Iterator[Import]:
    for scope in _scopes(file):
        for values in scope.names.values():
            yield from (one for one in values if isinstance(one, Import))


def _scopes(file: SourceFile) -> Iterator[Scope]:
    yield file.main.scope
    for function in file.functions:
        yield function.scope
