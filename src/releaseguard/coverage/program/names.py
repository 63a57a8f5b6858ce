"""The functions, texts and packages that the names of a program stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from releaseguard.coverage.languages.syntax import (
    Assignment,
    Call,
    Choice,
    Const,
    Decoration,
    Expr,
    Function,
    Logic,
    Member,
    Name,
    Scope,
    SourceFile,
    Text,
)
from releaseguard.coverage.program.frames import Frame, Key, bound_frame, key_of, returned
from releaseguard.coverage.program.meanings import Meaning, Meanings, outcomes_of
from releaseguard.coverage.program.modules import DEPTH, Alias, Modules
from releaseguard.coverage.program.origins import Origins

HOLE = "\0"
"""Stands in a text for what is known at run time only."""
MOST = 16
"""Different texts of one expression beyond which it counts as unknown."""
Place = tuple[Key, int]
"""An expression in a frame, by its identity, while both live."""
LONGEST = 20_000
"""Expressions out of which one text is put together, beyond which it counts as unknown: a dozen that are each made of
all the others have more ways than anybody can go."""
_WRAPPERS = {
    "useCallback", "useMemo", "memo", "useEvent", "debounce", "throttle", "forwardRef", "observer", "cache",
}  # fmt: skip
"""Calls whose result is, for us, the function that they are given."""
_ENVIRONMENT = {"getenv", "get", "env", "config", "getEnv", "str"}
"""Calls that read the environment, whose second argument is what holds where it says nothing."""
_LOOKS = {"toString", "replace", "trim", "trimEnd", "strip", "rstrip", "format", "concat", "value", "valueOf"}
"""Methods of a text that change how it looks, and not what it is about."""


class Names:
    """The names of all files of one search."""

    def __init__(
        self,
        files: Sequence[SourceFile],
        aliases: Sequence[Alias],
        renamed: Mapping[str, str],
        addresses: Mapping[str, str] | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """``addresses``: by the variable of the environment that holds it; ``known``: files that are there, read or
        not."""
        self._addresses = addresses or {}
        modules = Modules(files, aliases, known)
        self._meanings = Meanings(modules, files)
        self.module = modules.module
        self.origins = Origins(modules, self._meanings, renamed)
        self.origin = self.origins.of
        self.method = self._meanings.method
        self._functions: dict[Key, tuple[Function, Frame | None]] = {}
        self._known_texts: dict[Key, set[str]] = {}
        self._open_texts: dict[Place, set[str]] = {}
        self._circles: set[Place] = set()
        self._steps = 0

    def meanings(self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH) -> Sequence[Meaning]:
        """What an expression may stand for; see :class:`Meanings`."""
        if frame is None and (found := self._meanings.known(expr, scope)) is not None:
            return found
        with self._meanings.question(framed=frame is not None):
            return tuple(self._meanings.of(expr, scope, frame, depth))

    def function(self, expr: Expr, scope: Scope, frame: Frame | None = None) -> tuple[Function, Frame | None] | None:
        """The function of this search that an expression stands for, and the frame around it."""
        if frame is not None:
            with self._meanings.question(framed=True):
                return self._function(expr, scope, frame)
        key = key_of(expr, scope)
        if key in self._functions:
            return self._functions[key]
        with self._meanings.question():
            found = self._function(expr, scope, None)
        if found is not None:  # that it is none is told by what its meanings are known to be, which takes no table
            self._functions[key] = found
        return found

    def _function(self, expr: Expr, scope: Scope, frame: Frame | None) -> tuple[Function, Frame | None] | None:
        return next(iter(self._all_functions(expr, scope, frame)), None)

    def functions(self, expr: Expr, scope: Scope, frame: Frame | None = None) -> Sequence[Function]:
        """All functions of this search that an expression may stand for; of a method also those that override it."""
        return [function for function, _ in self.candidates(expr, scope, frame)]

    def candidates(
        self, expr: Expr, scope: Scope, frame: Frame | None = None
    ) -> Sequence[tuple[Function, Frame | None]]:
        """All functions that an expression may stand for, each with the frame around it."""
        with self._meanings.question(framed=frame is not None):
            found = list(self._all_functions(expr, scope, frame))
            found += [(one, None) for function, _ in tuple(found) for one in self._meanings.overrides(function)]
        return list({id(one[0]): one for one in found}.values())

    def _all_functions(
        self, expr: Expr, scope: Scope, frame: Frame | None, depth: int = 4
    ) -> Iterator[tuple[Function, Frame | None]]:
        for value, home, inner in self.meanings(expr, scope, frame):
            if isinstance(value, Function):
                yield value, inner.find(value.scope.parent) if inner and value.scope.parent else None
            elif isinstance(value, Call) and depth:
                for one in _wrapped(value):
                    yield from self._all_functions(one, home, inner, depth - 1)

    def texts(self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH) -> set[str]:
        """Every text that an expression may be; what is known at run time only is a :data:`HOLE` in it."""
        if isinstance(expr, Text) and all(isinstance(piece, str) for piece in expr.pieces):
            return {"".join(map(str, expr.pieces))}
        key = key_of(expr, scope)
        if frame is None and key in self._known_texts:
            return self._known_texts[key]
        if (place := (key, id(frame))) in self._open_texts:
            self._circles.add(place)
            return self._open_texts[place]
        self._steps = self._steps + 1 if self._open_texts else 0
        if self._steps > LONGEST:
            self._meanings.gaps += 1
            return {HOLE}
        before, around, self._circles = self._meanings.gaps, self._circles, set()
        with self._meanings.question(framed=frame is not None):
            found = self._whole_texts(place, expr, scope, frame, depth)
        if frame is None and not self._circles and self._meanings.gaps == before:
            self._known_texts[key] = found
        self._circles |= around
        return found

    def _whole_texts(self, place: Place, expr: Expr, scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        """The texts of what may go on from itself, as an address does to which parameters are appended one by one: what
        it begins as, and with each of them, if these are not too many. In ``_circles`` stay those that it was asked
        within."""
        self._open_texts[place] = set()
        try:
            found = self._texts(expr, scope, frame, depth)
            if place in self._circles:
                self._open_texts[place] = found
                longer = self._texts(expr, scope, frame, depth)
                found = found if longer == {HOLE} else longer
        finally:
            del self._open_texts[place]
        self._circles.discard(place)
        return found

    def _texts(self, expr: Expr, scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        if depth <= 0:
            self._meanings.gaps += 1
            return {HOLE}
        if isinstance(expr, Text):
            return self._joined(expr.pieces, scope, frame, depth)
        if isinstance(expr, Choice | Logic):
            found = set[str]()
            for part in outcomes_of(expr):
                if not isinstance(part, Const):  # where it is nothing, no request is sent
                    found |= self.texts(part, scope, frame, depth - 1)
            return found or {HOLE}
        if isinstance(expr, Call):
            return self._texts_of_call(expr, scope, frame, depth)
        if isinstance(expr, Name | Member | Assignment):
            found = set()
            for value, home, inner in self.meanings(expr, scope, frame, depth - 1):
                if isinstance(value, Const):
                    continue
                same = value is expr or not isinstance(value, Text | Choice | Logic | Call)
                found |= {self._at_run_time(value)} if same else self.texts(value, home, inner, depth - 1)  # type: ignore[arg-type]
            return found if 0 < len(found) <= MOST else {HOLE}
        return {HOLE}

    def _at_run_time(self, value: object) -> str:
        """What is known at run time only: an address, where it is a variable that is known to hold one."""
        name = value.name if isinstance(value, Member) else ""
        if isinstance(value, Call) and value.args and isinstance(said := value.args[0], Text):
            name = "".join(one for one in said.pieces if isinstance(one, str))
        return self._addresses.get(name, HOLE)

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
        if (address := self._at_run_time(call)) != HOLE:
            return {address}
        if name in _ENVIRONMENT and (default := call.named.get("default") or next(iter(args[1:2]), None)) is not None:
            return {HOLE} | self.texts(default, scope, frame, depth - 1)
        if name in ("URL", "urljoin") and len(args) > 1:
            path, base = (args[0], args[1]) if name == "URL" else (args[1], args[0])
            return self._joined((base, path), scope, frame, depth)
        if name == "join" and (listed := _joined_with(call)):
            return self._joined(listed, scope, frame, depth)
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


def _joined_with(call: Call) -> Sequence[str | Expr]:
    """``[a, b].join("/")``, in Python ``"/".join([a, b])``: the pieces, with what stands between them."""
    if not isinstance(call.callee, Member) or not call.args:
        return ()
    ends = (call.callee.object, call.args[0])
    listed = next((one.parts for one in ends if type(one) is Expr), ())
    between = next((one for one in ends if isinstance(one, Text)), None)
    if between is None:
        return ()
    return [piece for part in listed for piece in (between, part)][1:]


def _wrapped(call: Call) -> Iterator[Expr]:
    """What a call's result is, for us: the function that it is given or decorates, or whose method ``bind`` is."""
    if call.last_name == "bind" and isinstance(call.callee, Member):
        yield call.callee.object
    elif call.args and (isinstance(call, Decoration) or call.last_name in _WRAPPERS):
        yield call.args[0]
