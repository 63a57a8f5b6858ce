"""The functions, texts and packages that the names of a program stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from releaseguard.coverage.languages.syntax import (
    Assignment,
    Call,
    Choice,
    Expr,
    Function,
    Logic,
    Member,
    Name,
    Scope,
    SourceFile,
    Text,
)
from releaseguard.coverage.program.frames import Frame, bound_frame, returned
from releaseguard.coverage.program.meanings import Meanings
from releaseguard.coverage.program.modules import DEPTH, Modules
from releaseguard.coverage.program.origins import Origins

HOLE = "\0"
"""Stands in a text for what is known at run time only."""
MOST = 16
"""Different texts of one expression beyond which it counts as unknown."""
_WRAPPERS = {
    "useCallback", "useMemo", "memo", "useEvent", "debounce", "throttle", "bind", "forwardRef", "observer", "cache",
}  # fmt: skip
"""Calls whose result is, for us, the function that they are given."""
_LOOKS = {"toString", "replace", "trim", "strip", "rstrip", "format", "concat", "value", "valueOf"}
"""Methods of a text that change how it looks, and not what it is about."""


class Names:
    """The names of all files of one search."""

    def __init__(
        self, files: Sequence[SourceFile], aliases: Mapping[str, Sequence[str]], renamed: Mapping[str, str]
    ) -> None:
        modules = Modules(files, aliases)
        self._meanings = Meanings(modules)
        self.module = modules.module
        self.meanings = self._meanings.of
        self.origin = Origins(modules, self._meanings, renamed).of
        self._functions: dict[tuple[int, int], tuple[Function, Frame | None] | None] = {}

    def function(self, expr: Expr, scope: Scope, frame: Frame | None = None) -> tuple[Function, Frame | None] | None:
        """The function of this search that an expression stands for, and the frame around it."""
        if frame is not None:
            with self._meanings.question():
                return self._function(expr, scope, frame)
        key = (id(expr), id(scope))
        if key not in self._functions:
            with self._meanings.question():
                found = self._function(expr, scope, None)
                if self._meanings.cut_short:
                    return found  # cut short: asked for by itself it may be found
            self._functions[key] = found
        return self._functions[key]

    def _function(self, expr: Expr, scope: Scope, frame: Frame | None) -> tuple[Function, Frame | None] | None:
        for value, home, inner in self.meanings(expr, scope, frame):
            if isinstance(value, Function):
                return value, inner.find(value.scope.parent) if inner and value.scope.parent else None
            if isinstance(value, Call) and value.args and value.last_name in _WRAPPERS:
                return self._function(value.args[0], home, inner)
        return None

    def texts(self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH) -> set[str]:
        """Every text that an expression may be; what is known at run time only is a :data:`HOLE` in it."""
        with self._meanings.question():
            return self._texts(expr, scope, frame, depth)

    def _texts(self, expr: Expr, scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        if depth <= 0:
            return {HOLE}
        if isinstance(expr, Text):
            return self._joined(expr.pieces, scope, frame, depth)
        if isinstance(expr, Choice | Logic):
            found = set[str]()
            for part in expr.parts[-2:]:
                found |= self.texts(part, scope, frame, depth - 1)
            return found
        if isinstance(expr, Call):
            return self._texts_of_call(expr, scope, frame, depth)
        if isinstance(expr, Name | Member | Assignment):
            found = set()
            for value, home, inner in self.meanings(expr, scope, frame, depth - 1):
                same = value is expr or not isinstance(value, Text | Choice | Logic | Call)
                found |= {HOLE} if same else self.texts(value, home, inner, depth - 1)  # type: ignore[arg-type]
            return found if 0 < len(found) <= MOST else {HOLE}
        return {HOLE}

    def _joined(self, pieces: Sequence[str | Expr], scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        found = {""}
        for piece in pieces:
            ends = {piece} if isinstance(piece, str) else self.texts(piece, scope, frame, depth - 1)
            found = {begin + end for begin in found for end in ends}
            if len(found) > MOST:
                return {HOLE}
        return found

    def _texts_of_call(self, call: Call, scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        """``new URL(path, base)``, ``new Request(url)``, ``urljoin``, and what only changes the look of a text."""
        name, args = call.last_name, call.args
        if name in ("URL", "urljoin") and len(args) > 1:
            path, base = (args[0], args[1]) if name == "URL" else (args[1], args[0])
            return self._joined((base, path), scope, frame, depth)
        if name in ("URL", "Request", "String", "str", "urljoin", "encodeURI") and args:
            return self.texts(args[0], scope, frame, depth - 1)
        if name in _LOOKS and isinstance(call.callee, Member):
            found = self.texts(call.callee.object, scope, frame, depth - 1)
            return {re.sub(r"\{[^{}]*\}", HOLE, text) for text in found} if name == "format" else found
        made = self.function(call.callee, scope, frame)
        if made is not None:
            inside = bound_frame(made[0], made[1], call, scope, frame)
            found = set[str]()
            for result in returned(made[0]):
                found |= self.texts(result, made[0].scope, inside, depth - 2)
            return found if 0 < len(found) <= MOST else {HOLE}
        return {HOLE}
