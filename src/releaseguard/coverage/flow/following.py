"""What is done after a call: which logs are reached once it succeeded, and which once it failed.

The function is followed as it would run, with a set at each place (:mod:`~releaseguard.coverage.flow.states`).
Loops are followed once, so that a log which comes before the call in
the body of a loop does not count as one after it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from releaseguard.coverage.flow.conditions import Tainted, rarely
from releaseguard.coverage.flow.keys import BAD_KEYS, LATE_KEYS, begins_as, hears_failures, names_an_end
from releaseguard.coverage.flow.shown import Shown
from releaseguard.coverage.flow.states import BAD, BEFORE, DONE, NOWHERE, State, refined, tried_again
from releaseguard.coverage.languages.syntax import (
    Assignment,
    Call,
    Choice,
    Class,
    Const,
    Expr,
    Function,
    Logic,
    Member,
    Name,
    Record,
    Scope,
    Text,
    Yield,
)
from releaseguard.coverage.languages.within import acts
from releaseguard.coverage.program.frames import Frame, bound_frame, handed_back, returned
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.program.passed import GIVEN_THIS, PROMISES, called_by

_Given = tuple[str | None, Function, Frame | None]
"""A function that a call is given: its key in an object, itself, and the frame around it."""
_LISTENERS = {"on", "once", "addListener", "addEventListener", "subscribe", "setInterval", "onAuthStateChange", "watch"}
_EXITS = {"process.exit", "sys.exit", "os._exit", "Deno.exit", "exit", "quit"}
DEEPEST = 8
"""Functions that are followed into one another."""
STEPS = 60_000
"""Of one walk; what is not reached by then is not judged."""


Reached = Callable[[Call, Scope, Frame | None, State], None]
"""Told of each log that is reached, and how the call may stand there."""


Wrapped = Callable[[Call, Scope, "Frame | None", State, State], None]
"""The call of the wrapper, and how what it ran may stand where it came back and where it raised."""
_LOOKING = re.compile(
    r"^(raise_for_status|error_for_status|throw\w*|or_?throw|(assert|ensure|check|expect|require)_?[A-Z_a-z]*)$"
)
"""Functions that raise where what they are given says that it failed."""


@dataclass
class Following(ABC):
    """Expressions, followed around one call; :class:`~releaseguard.coverage.flow.walk.Walk` adds the statements."""

    names: Names
    target: int
    """The ``id`` of the call."""
    ends: set[int]
    """Where the request leaves, inside the function that the target calls."""
    is_log: Callable[[Call, Scope], bool]
    is_wrapper: Callable[[Call, Scope], bool]
    follows: Callable[[Function, State], bool]
    """Whether a function is followed, when the call stands so: one in which nothing is logged or called is not."""
    reached: Reached
    wrapped: Wrapped = lambda *_: None
    """Told of each function of ours that ran another one and logs how that ended."""
    looks: Callable[[Function], bool] = lambda _: False
    """Whether a function may raise: one that is given what the call brought may look at it and do so."""
    floats: bool = False
    """Whether a failure comes where nobody waits: as a request that is neither awaited nor kept."""
    thrown: State = NOWHERE
    left: dict[int, State] = field(default_factory=dict)
    """How the call may stand where a value is handed back, by its ``id``; by a function's, where its end is reached."""
    fired: int = 0
    tainted: Tainted = field(init=False)
    _alone: int = 0
    """The expression that is a statement by itself."""
    _inside: int = 0
    _muted: int = 0
    _stack: list[int] = field(default_factory=list)
    _steps: int = 0
    cut: bool = False
    """Whether it took more than :data:`STEPS`."""

    def __post_init__(self) -> None:
        self.tainted = Tainted(self.ends or {self.target})

    @abstractmethod
    def function(self, function: Function, frame: Frame, state: State) -> State:
        """Run a function's body; how the call may stand where it returns."""

    @abstractmethod
    def resume(self, state: State) -> State:
        """Run the body that waits for the ``yield`` of its context manager."""

    def leave(self, one: Expr | Function, state: State) -> None:
        """Remember how the call may stand where a value is handed back, or a function's end is reached."""
        self.left[id(one)] = self.left.get(id(one), NOWHERE) | state

    @contextmanager
    def muted(self, rare: bool) -> Iterator[None]:
        """What is logged here counts not where that is done outside of production, or now and then, alone."""
        self._muted += rare
        try:
            yield
        finally:
            self._muted -= rare

    def tested(self, test: Expr, state: State, scope: Scope, frame: Frame) -> tuple[State, State, State]:
        """After a condition: the state, and what it is where the condition holds and where it does not."""
        before = self.fired
        state = self.expr(test, state, scope, frame)
        if isinstance(test, Const):
            return state, (state if test.value else NOWHERE), (NOWHERE if test.value else state)
        sign = self.tainted.sign(test, self.fired > before, scope)
        return state, refined(state, sign), refined(state, None if sign is None else -sign)

    def expr(self, expr: Expr, state: State, scope: Scope, frame: Frame) -> State:
        """Evaluate an expression."""
        self._steps += 1
        if not state or self._steps > STEPS:
            self.cut = self.cut or self._steps > STEPS
            return state
        match expr:
            case Call():
                return self._call(expr, state, scope, frame)
            case Function():
                return state
            case Yield():
                for part in expr.parts:
                    state = self.expr(part, state, scope, frame)
                return self.resume(state)
            case Assignment():
                return self._assignment(expr, state, scope, frame)
            case Choice():
                test, one, other = expr.parts
                state, good, bad = self.tested(test, state, scope, frame)
                ways = self.expr(one, good, scope, frame) | self.expr(other, bad, scope, frame)
                return ways if acts(one) or acts(other) else state
            case Logic():
                left, right = expr.parts
                state, good, bad = self.tested(left, state, scope, frame)
                with self.muted(expr.operator == "and" and rarely(left) > 0):
                    way = self.expr(right, good if expr.operator == "and" else bad, scope, frame)
                return state | way if acts(right) else state
        for part in expr.parts:
            state = self.expr(part, state, scope, frame)
        return state

    def _assignment(self, expr: Assignment, state: State, scope: Scope, frame: Frame) -> State:
        before = self.fired
        after = self.expr(expr.value, state, scope, frame)
        decided = "before" not in after and bool(after) and isinstance(expr.value, Const | Text)
        if self.fired > before or decided or self.tainted.speaks(expr.value, False):
            self.tainted.names.update(expr.names)
        return after

    def _call(self, call: Call, state: State, scope: Scope, frame: Frame) -> State:
        callee = call.callee
        if isinstance(callee, Member) and callee.name in PROMISES and call.args:
            return self._promise(call, callee, state, scope, frame)
        if self.is_wrapper(call, scope):
            return self._wrap(call, state, scope, frame)
        called = () if isinstance(callee, Function | Class) else (callee,) if isinstance(callee, Call) else callee.parts
        before, outer = self.fired, self.thrown
        for part in (*called, *call.parts[1:]):
            state = self.expr(part, state, scope, frame)
        if _dotted(callee) == "Promise.allSettled" or "return_exceptions" in call.named:
            # it never fails, whatever became of what it waited for
            state, self.thrown = state | (self.thrown - outer), outer
        if not state:
            return state
        if self.is_log(call, scope):
            return self._logged(call, state, scope, frame)
        if id(call) == self.target and not self.ends:
            return self._fire(call, state, scope, frame)
        if id(call) in self.ends and self._inside:
            return self._fire(call, state, scope, frame)
        if _dotted(callee) in _EXITS:
            return NOWHERE
        return self._run(call, state, scope, frame, self.fired > before)

    def _logged(self, call: Call, state: State, scope: Scope, frame: Frame) -> State:
        if not self._muted:
            self.reached(call, scope, frame, state)
        return state

    def _wrap(self, call: Call, state: State, scope: Scope, frame: Frame) -> State:
        """Run what a wrapper of ours is given, which looks at how it ended."""
        outer, self.thrown = self.thrown, NOWHERE
        before = self.fired
        found = self.names.function(call.args[2], scope, frame)
        after = (
            self.expr(call.args[2], state, scope, frame)
            if found is None
            else self.function(found[0], Frame(found[0], found[1] or frame), state)
        )
        fired = after - BEFORE
        given, home = (found[0], found[0].scope) if found is not None else (call.args[2], scope)
        given_back = [*returned(given)] if isinstance(given, Function) else [given]
        brought = self.fired > before or any(self.tainted.speaks(value, False) for value in given_back)
        done, failed = Shown(self.names, self.left, self.tainted.requests).ends(given, home, fired)
        self.wrapped(call, scope, frame, done, self.thrown | (failed if brought else NOWHERE))
        self.thrown |= outer
        return after

    def _run(self, call: Call, state: State, scope: Scope, frame: Frame, brought: bool) -> State:
        """``brought``: whether what it is given was made by the call that is followed."""
        made = self._callable(call.callee, scope, frame)
        given = called_by(call)
        is_target = id(call) == self.target
        if made is None or not (
            is_target or self.follows(made[0], state) or self._is_looked_at(made[0], call, brought)
        ):
            again = made is not None and self.follows(made[0], BEFORE)
            after = self._pass_through(call, state, scope, frame, brought)
            return tried_again(after) if again else after
        function, around = made
        inner = bound_frame(function, around, given, scope, frame)
        self._taint_parameters(function, given, brought)
        self._inside += is_target
        after = self.function(function, inner, state)
        self._inside -= is_target
        for value in handed_back(function):  # a function that it makes is taken to be called where it was made
            found = self.names.function(value, function.scope, inner)
            if found is not None and self.follows(found[0], after):
                after |= self.function(found[0], Frame(found[0], found[1]), after)
        if is_target and "before" in after:
            after = after - BEFORE or DONE
        return after

    def _is_looked_at(self, function: Function, call: Call, brought: bool) -> bool:
        return any(self.tainted.speaks(arg, brought) for arg in call.args) and self.looks(function)

    def _callable(self, callee: Expr, scope: Scope, frame: Frame) -> tuple[Function, Frame | None] | None:
        if isinstance(callee, Call):
            maker = self._callable(callee.callee, scope, frame)
            if maker is None:
                return None
            inner = bound_frame(maker[0], maker[1], callee, scope, frame)
            made = (self.names.function(value, maker[0].scope, inner) for value in returned(maker[0]))
            return next((one for one in made if one is not None), None)
        found = self.names.candidates(callee, scope, frame)
        if not found and isinstance(callee, Member) and callee.name in GIVEN_THIS:
            return self._callable(callee.object, scope, frame)
        return next((one for one in found if self.follows(one[0], BEFORE)), next(iter(found), None))

    def _taint_parameters(self, function: Function, call: Call, brought: bool) -> None:
        for parameter, value in zip(function.params, call.args, strict=False):
            if self.tainted.speaks(value, brought):
                self.tainted.names.update(parameter.names)

    def _fire(self, call: Call, state: State, scope: Scope, frame: Frame) -> State:
        """The call itself is made here."""
        if "before" not in state:
            self.thrown |= state & BAD
            return tried_again(state)
        self.fired += 1
        floating = self.floats and self._alone == id(call)
        if not floating:
            self.thrown |= BAD
        given = list(self._given(call, scope, frame))
        for key, function, around in given:
            for parameter in function.params:
                self.tainted.names.update(parameter.names)
            begin = begins_as(key, DONE, BAD, call.component)
            if key is None and hears_failures(function):
                begin = BAD
            self.function(function, Frame(function, around), begin)
        return (state - BEFORE) | DONE | (BAD if floating and not given else NOWHERE)

    def _pass_through(self, call: Call, state: State, scope: Scope, frame: Frame, brought: bool) -> State:
        """A call of something unknown: the functions that it is given are run here, an ``onError`` where one raised."""
        given = list(self._given(call, scope, frame))
        if state - BEFORE and (brought or any(self.tainted.speaks(part, False) for part in (call.callee, *call.args))):
            self.thrown |= BAD
            if _LOOKING.match(call.last_name):
                state = refined(state, 1)
        if not given:
            return state
        if call.component or call.last_name in _LISTENERS:
            return self._listen(call, given, state)
        return self._handed(given, state)

    def _handed(self, given: list[_Given], state: State) -> State:
        """Functions that something unknown runs, one way or the other."""
        outer, self.thrown = self.thrown, NOWHERE
        after = state
        before = self.fired
        for key, function, around in given:
            if begins_as(key, DONE, BAD, False) is DONE and not (key and names_an_end(key)):
                after |= self.function(function, Frame(function, around), state)
        caught, self.thrown = self.thrown, outer
        for key, function, around in given:
            if key and names_an_end(key):
                if self.fired > before:
                    self.tainted.names.update(name for parameter in function.params for name in parameter.names)
                begin = after | caught if LATE_KEYS.search(key) else caught if BAD_KEYS.search(key) else after
                self.function(function, Frame(function, around), begin)
        self.thrown |= caught
        return after

    def _listen(self, call: Call, given: list[_Given], state: State) -> State:
        """Handlers: of what the call brought (``map.on("error", ...)``) they tell how it went."""
        if not (isinstance(call.callee, Member) and self.tainted.speaks(call.callee.object, False)):
            return self._at_another_time(given, state)
        key = (
            "".join(one for one in call.args[0].pieces if isinstance(one, str))
            if isinstance(call.args[0], Text)
            else ""
        )
        outer = self.thrown
        for _, function, around in given:
            begin = begins_as(key, DONE, BAD, False) if state - BEFORE else NOWHERE
            self.function(function, Frame(function, around), begin)
        self.thrown = outer
        return state

    def _at_another_time(self, given: Sequence[_Given], state: State) -> State:
        """Handlers of what people do: the call may be made in one, and nothing in one comes after a call outside."""
        outer = self.thrown
        for _, function, around in given:
            self.function(function, Frame(function, around), state & BEFORE)
        self.thrown = outer
        return state

    def _given(self, call: Call, scope: Scope, frame: Frame) -> Iterable[_Given]:
        """The functions among the arguments, with their key where they stand in an object."""
        for key, value in _values((*call.args, *call.named.values())):
            if isinstance(value, Function | Name | Member | Call):
                found = self.names.function(value, scope, frame)
                if found is not None:
                    yield key, *found

    def _promise(self, call: Call, callee: Member, state: State, scope: Scope, frame: Frame) -> State:
        outer, self.thrown = self.thrown, NOWHERE
        before = self.fired
        after = self.expr(callee.object, state, scope, frame)
        rejected, self.thrown = self.thrown, outer
        fired = self.fired > before or self.tainted.speaks(callee.object, False)
        functions = [self.names.function(arg, scope, frame) for arg in call.args]
        for found in functions:
            if found is not None and fired:
                self.tainted.names.update(name for parameter in found[0].params for name in parameter.names)
        first = functions[0]
        outer, self.thrown = self.thrown, NOWHERE
        match callee.name:
            case "then":
                result = self._settle(first, after, frame, call.args[0], scope)
                if len(functions) > 1:
                    result |= self._settle(functions[1], rejected, frame, call.args[1], scope)
                    rejected = NOWHERE
            case "catch":
                result, rejected = after | self._settle(first, rejected, frame, call.args[0], scope), NOWHERE
            case _:
                self._settle(first, after | rejected, frame, call.args[0], scope)
                result = after
        self.thrown = outer | self.thrown | rejected
        return result

    def _settle(
        self, found: tuple[Function, Frame | None] | None, state: State, frame: Frame, arg: Expr, scope: Scope
    ) -> State:
        if found is None:
            return self.expr(arg, state, scope, frame)
        return self.function(found[0], Frame(*found), state)


def _dotted(expr: Expr) -> str:
    if isinstance(expr, Name):
        return expr.id
    return f"{_dotted(expr.object)}.{expr.name}" if isinstance(expr, Member) else ""


def _values(args: Iterable[Expr]) -> Iterable[tuple[str | None, Expr]]:
    for arg in args:
        if isinstance(arg, Record):
            yield from arg.items.items()
        else:
            yield None, arg
            if type(arg) is Expr:
                yield from ((None, part) for part in arg.parts)
