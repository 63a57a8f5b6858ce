"""Whether a condition that holds means that a call succeeded or that it failed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from releaseguard.coverage.flow.keys import BAD_WORDS
from releaseguard.coverage.flow.states import EXPECTED
from releaseguard.coverage.languages.syntax import (
    Assignment,
    Bound,
    Call,
    Choice,
    Comparison,
    Const,
    Destructured,
    Expr,
    Logic,
    Member,
    Name,
    Negation,
    Scope,
    Text,
    TypeName,
)
from releaseguard.coverage.languages.within import inside

_GOOD_NAMES = re.compile(
    r"^(ok|is_?ok|(is_?)?success(ful)?|succeeded|delivered|fulfilled|sent|is_?success)$", re.IGNORECASE
)
BODIES = ("json", "text", "blob", "arrayBuffer", "formData", "bytes")
_STATUS = re.compile(r"^(http_?)?(status|status_?code|code)$", re.IGNORECASE)
_RARE = re.compile(
    r"^_*(is_?|enable_?|use_?)?(debug|dev|develop(ment)?|verbose|trace|tracing|random|sampl(e|ed|ing)(_?rate)?|test(ing)?)"
    r"(_?(mode|enabled|logs?|logging|env))?_*$",
    re.IGNORECASE,
)
_NO_ROW = "PGRST116"
"""PostgREST's code where ``single()`` finds no row, or several
(https://docs.postgrest.org/en/stable/references/errors.html): the database works, and so does the key."""
_EVERYDAY = re.compile(r"^(prod|production|live)$", re.IGNORECASE)


def rarely(test: Expr) -> int:
    """1 where a condition holds only outside of production or now and then, -1 where it fails only there, else 0."""
    match test:
        case Negation():
            return -rarely(test.parts[0])
        case Logic():
            signs = [rarely(part) for part in test.parts]
            return max(0, *signs) if test.operator == "and" else 0
        case Comparison() if len(test.parts) == 2:
            return _rarely_equal(test)
        case Call() | Name() | Member():
            name = test.last_name if isinstance(test, Call) else test.id if isinstance(test, Name) else test.name
            return 1 if _RARE.match(name) else 0
    return 0


def _rarely_equal(test: Comparison) -> int:
    left, right = test.parts
    turn = -1 if test.operator == "!=" else 1
    if isinstance(right, Text):
        word = "".join(piece for piece in right.pieces if isinstance(piece, str))
        return turn if _RARE.match(word) else -turn if _EVERYDAY.match(word) else 0
    if isinstance(right, Const) and isinstance(right.value, bool):
        return rarely(left) * (turn if right.value else -turn)
    return rarely(left) if test.operator in ("<", "<=", ">", ">=") else 0


class Tainted:
    """The names that hold what the call brought, and what is said of it by conditions over them."""

    def __init__(self, requests: Collection[int] = ()) -> None:
        """``requests``: the ``id`` of each call that is the request itself."""
        self.requests = frozenset(requests)
        self.names: set[str] = set()
        self.failures: set[str] = set()
        """Names that hold something only where the call failed."""

    def speaks(self, expr: Expr, fired: bool) -> bool:
        """Whether an expression speaks of what the call brought."""
        for part in inside(expr):
            if isinstance(part, Name) and part.id in self.names:
                return True
            if fired and isinstance(part, Call):
                return True
        return False

    def sign(self, test: Expr, fired: bool, scope: Scope) -> int | None:
        """1 where a true condition means success, -1 where it means failure, 0 where it cannot be read; ``None``
        where it speaks of something else. 2: an answer came, and a refused key passes as a success does
        (``status !== 500``, an answer that is there), while a false one means failure; -2: the reverse.
        ``EXPECTED``: see there."""
        match test:
            case Negation():
                sign = self.sign(test.parts[0], fired, scope)
                return None if sign is None else -sign
            case Logic() | Choice():
                return _together(test, [self.sign(part, fired, scope) for part in test.parts])
        if not self.speaks(test, fired):
            return None
        match test:
            case Comparison():
                return _comparison(test, self.sign(test.parts[0], fired, scope) or 0)
            case Name():
                return self._sign_of_variable(test, fired, scope)
            case Member(name=name):
                return _sign_of_name(name)
            case Call() if self._is_answer(test, scope) or self._is_body(test, scope):
                return 2
            case Call():
                return _sign_of_name(test.last_name) if test.last_name not in ("Boolean", "bool") else 1
            case Assignment():
                return self.sign(test.value, fired, scope)
        return 0

    def _sign_of_variable(self, name: Name, fired: bool, scope: Scope) -> int:
        """By what it was made of, where that can be read, else by how it is called."""
        if name.id in self.failures:
            return -1
        bound = assigned(name, scope)
        if not bound:
            return _sign_of_name(name.id)
        if len(bound) == 1 and (self._is_answer(bound[0], scope) or self._is_body(bound[0], scope)):
            return 2
        if len(bound) == 1 and isinstance(bound[0], Destructured):
            return _sign_of_name(bound[0].key)
        own = {part.id for part in inside(bound[0]) if isinstance(part, Name)} if isinstance(bound[0], Expr) else set()
        if len(bound) == 1 and name.id not in own and isinstance(bound[0], Negation | Comparison | Logic | Member):
            return self.sign(bound[0], fired, scope) or 0
        return _sign_of_name(name.id)

    def _is_answer(self, value: object, scope: Scope) -> bool:
        """Whether it is the whole answer, which is there whatever it says; in Python an answer may be true or false."""
        file = scope.root.file
        return id(value) in self.requests and file is not None and file.language == "typescript"

    def _is_body(self, value: object, scope: Scope) -> bool:
        """Whether it is all that an answer holds: a refusal has a body too."""
        if not isinstance(value, Call) or value.last_name not in BODIES or not isinstance(value.callee, Member):
            return False
        holder: object = value.callee.object
        if isinstance(holder, Name):
            bound = assigned(holder, scope)
            holder = bound[0] if len(bound) == 1 else None
        return id(holder) in self.requests


def assigned(name: Name, scope: Scope) -> Sequence[Bound]:
    """What a variable may stand for, without the type that it is declared with."""
    found = scope.lookup(name.id)
    return [one for one in found[1] if not isinstance(one, TypeName)] if found else ()


def _sign_of_name(name: str) -> int:
    if _GOOD_NAMES.match(name):
        return 1
    return -1 if BAD_WORDS.search(name) else 1


def _together(test: Logic | Choice, signs: Sequence[int | None]) -> int | None:
    if EXPECTED in signs and isinstance(test, Logic) and test.operator == "and":
        return EXPECTED
    known = sorted((sign for sign in signs if sign), key=abs)
    return known[0] if known else 0 if 0 in signs else None


def _comparison(test: Comparison, sign: int) -> int:
    left, right = test.parts
    name = left.id if isinstance(left, Name) else left.name if isinstance(left, Member) else ""
    turn = -1 if test.operator == "!=" else 1
    if isinstance(right, Const) and isinstance(right.value, float) and not isinstance(right.value, bool):
        return _status(test.operator, right.value) if _STATUS.match(name) else 0
    if test.operator not in ("==", "!="):
        return 0
    if isinstance(right, Const):
        return turn * (sign if right.value else -sign)
    if isinstance(right, Text):
        word = "".join(piece for piece in right.pieces if isinstance(piece, str))
        if word == _NO_ROW:
            return turn * EXPECTED
        return turn * (-1 if BAD_WORDS.search(word) else 1 if _GOOD_NAMES.match(word) else 0)
    return 0


_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SUCCESSES, _REFUSALS = range(200, 300), (401, 403)


def _status(how: str, number: float) -> int:
    """By whether a success passes, and whether a refused key does."""
    holds = _COMPARED[how]
    well = (any if how != "!=" else all)(holds(status, number) for status in _SUCCESSES)
    refused = (any if how != "!=" else all)(holds(status, number) for status in _REFUSALS)
    if well == refused:
        return 2 if well else -2
    return 1 if well else -1
