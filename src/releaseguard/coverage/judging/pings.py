"""Calls whose only result is the provider's state. Nobody asks a provider whether it works: that is the first rule."""

from __future__ import annotations

import re
from collections.abc import Iterator

from releaseguard.coverage.languages.syntax import Assignment, Call, Expr, Function, Member, Name, Record, Scope, Text
from releaseguard.coverage.languages.within import expressions_of
from releaseguard.coverage.program.frames import returned
from releaseguard.coverage.program.passed import PROMISES
from releaseguard.coverage.sites.values import Site

_STATE = {"ok", "status", "statusText", "status_code", "is_success", "reason", "elapsed", "is_error", "redirected"}
_NAMED = re.compile(
    r"(?i:health|heartbeat|status|ping|alive|reachable|availab|monitor|uptime|diagnos|connectivity|probe)"
    r"|(?:^|_)(?:is_)?(?:up|check)(?:_|$)|^check[A-Z]|Check$|(?:Is|is)(?:Up|Down|Online)"
)
_WORDS = re.compile(
    r"^(healthy|unhealthy|down|degraded|operational|online|offline|connected|disconnected|reachable)$", re.IGNORECASE
)
_READING = {"get", "head", "fetch", "urlopen", "request"}


def is_ping(site: Site) -> bool:
    """Whether a request reads nothing but whether the provider answers, in a function that says so."""
    around = [one for one in _functions(site.scope) if one.scope.parent is not None]
    if not site.is_request or not around or not _only_reads(site.call):
        return False
    name = _bound_to(site.call, around[0])
    if name is None or not _asks_only_for_state(name, around[0]):
        return False
    return any(_NAMED.search(one.name) for one in around) or any(_says_state(one) for one in around[:1])


def _only_reads(call: Call) -> bool:
    """A GET or HEAD without a body."""
    for options in (call.named, *(arg.items for arg in call.args if isinstance(arg, Record))):
        if options.keys() & {"body", "data", "json"}:
            return False
        method = options.get("method")
        if isinstance(method, Text) and "".join(map(str, method.pieces)).upper() not in ("GET", "HEAD"):
            return False
    return call.last_name in _READING


def _functions(scope: Scope) -> Iterator[Function]:
    here: Scope | None = scope
    while here is not None:
        if here.function is not None:
            yield here.function
        here = here.parent


def _bound_to(call: Call, function: Function) -> str | None:
    """The name that holds the answer; empty where nothing does."""
    for expr in expressions_of(function.body):
        for part in _below(expr):
            if isinstance(part, Call) and (chained := _after(part, call)):
                return "" if any(_gives_state(one) for one in chained) else None
            if isinstance(part, Assignment) and part.value is call and len(part.names) == 1:
                return part.names[0]
            if isinstance(part, Member) and part.object is call:
                return "" if part.name in _STATE else None
        if expr is call:
            return ""
    return None


def _after(expr: Call, call: Call) -> list[Call]:
    """What is chained to a call, as far as ``expr``: ``call.then(...).catch(...)``."""
    chained: list[Call] = []
    one: Expr = expr
    while isinstance(one, Call) and one is not call and one.last_name in PROMISES and isinstance(one.callee, Member):
        chained.append(one)
        one = one.callee.object
    return chained if one is call else []


def _gives_state(then: Call) -> bool:
    """Whether all that goes on is the answer's state: ``.then((answer) => answer.ok)``."""
    function = next(iter(then.args), None)
    if then.last_name != "then" or not isinstance(function, Function):
        return False
    values = list(returned(function))
    return bool(values) and all(isinstance(one, Member) and one.name in _STATE for one in values)


def _asks_only_for_state(name: str, function: Function) -> bool:
    """Whether of the answer nothing is read but its state, and that is."""
    if not name:
        return True
    seen = False
    for expr in expressions_of(function.body):
        for outer in _below(expr):
            for part in outer.parts:
                if isinstance(part, Name) and part.id == name:
                    if not (isinstance(outer, Member) and outer.name in _STATE):
                        return False
                    seen = True
    return seen


def _says_state(function: Function) -> bool:
    texts = (part for expr in expressions_of(function.body) for part in _below(expr) if isinstance(part, Text))
    return any(_WORDS.match(piece) for text in texts for piece in text.pieces if isinstance(piece, str))


def _below(expr: Expr) -> Iterator[Expr]:
    yield expr
    for part in expr.parts:
        yield from _below(part)
