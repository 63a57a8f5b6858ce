"""What an expression may stand for, followed through variables, imports, members and what was passed on.

The order in which things happen is not looked at here: a variable stands for everything that is assigned to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from releaseguard.coverage.languages.syntax import (
    ANY,
    FIRST,
    Assignment,
    Bound,
    Call,
    Choice,
    Class,
    Destructured,
    Expr,
    Function,
    Import,
    Logic,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
)
from releaseguard.coverage.program.frames import OWN, Frame, Key, key_of, owner_in, returned
from releaseguard.coverage.program.modules import DEPTH, Modules

FUEL = 2_000
"""Steps that one question may take inside a function that is being followed; what is asked of the text alone is
remembered, and may take :data:`LONGEST`."""
LONGEST = 50_000
ROUNDS = 8
"""How often names in a circle are asked; each round but the last finds more."""
_CONTEXTS = ("createContext", "createContextSelector")
_KEEPERS = (
    "useState",
    "useRef",
    "useMemo",
    "useCallback",
    "memo",
    "cache",
    "once",
    "lazy",
    "shallowRef",
    "ref",
    "lru_cache",
)
"""Hooks and helpers whose result holds what they are given, or what the function returns that they are given."""
_HOLDERS = {"useContext", *_KEEPERS}
CHOSEN = 12
"""Members of an object beyond which an index chooses too much to be followed."""
Meaning = tuple[Bound, Scope, Frame | None]
"""What was found, the scope in which it is to be read, and the frame around it."""


class Meanings:
    """Answers over the files of one search.

    An answer is remembered only where it is whole: one that was cut off would depend on which was asked first.
    """

    def __init__(self, modules: Modules, files: Sequence[SourceFile] = ()) -> None:
        self._modules = modules
        self._family: dict[int, list[tuple[Class, Scope]]] = {}
        self._contexts: dict[int, list[tuple[Expr, Scope]]] = {}
        self._fuel = 0
        self._asking = 0
        self._known: dict[Key, tuple[Meaning, ...] | None] = {}
        self._open: set[Key] = set()
        self._done: set[Key] = set()
        self._so_far: dict[Key, tuple[Meaning, ...]] = {}
        self._circles = self._grew = False
        self.gaps = 0
        """How often an answer was cut off so far."""
        with self.question():
            self._learn(files)

    def _learn(self, files: Sequence[SourceFile]) -> None:
        """Which class goes on from which, and which value each of React's contexts provides."""
        self._fuel = LONGEST * (1 + len(files))
        family, contexts = dict[int, list[tuple[Class, Scope]]](), dict[int, list[tuple[Expr, Scope]]]()
        for file in files:
            for one, home in file.classes:
                for base in one.bases:
                    for value, _, _ in self.of(base, home):
                        if isinstance(value, Class):
                            family.setdefault(id(value), []).append((one, home))
            for call, scope in file.calls:
                for made, value in self._provided(call, scope):
                    contexts.setdefault(id(made), []).append((value, scope))
        self._family, self._contexts = family, contexts
        self._known.clear()

    def _provided(self, call: Call, scope: Scope) -> Iterator[tuple[Bound, Expr]]:
        """``<Context.Provider value={...}>``, also ``<Context value={...}>``: the context, and its value."""
        if not call.component or not isinstance(props := next(iter(call.args), None), Record):
            return
        value, callee = props.items.get("value"), call.callee
        if value is not None:
            place = callee.object if isinstance(callee, Member) and callee.name == "Provider" else callee
            for made, _, _ in self.of(place, scope):
                if isinstance(made, Call) and made.last_name in _CONTEXTS:
                    yield made, value

    def overrides(self, function: Function) -> Iterator[Function]:
        """The methods that stand in a method's place in classes that go on from its own."""
        owner = function.scope.owner
        for one, _ in self._family.get(id(owner), ()) if owner is not None else ():
            if (own := one.methods.get(function.name)) is not None:
                yield own
                yield from self.overrides(own)

    def method(self, owner: Class, names: Sequence[str]) -> Function | None:
        """A method by the first of some names, its own or inherited."""
        with self.question():
            for name in names:
                for value, _, _ in self._of_class(owner, name, _home_of(owner), DEPTH):
                    if isinstance(value, Function):
                        return value
        return None

    @contextmanager
    def question(self, *, framed: bool = False) -> Iterator[None]:
        """One question from outside: what it may follow is limited, since names can lead in ever wider circles."""
        if not self._asking:
            self._fuel = FUEL if framed else LONGEST
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def of(self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH) -> Iterable[Meaning]:
        """What an expression may stand for, followed through variables, imports, members and what was passed on."""
        self._fuel -= 1
        if depth <= 0 or self._fuel < 0:
            self.gaps += 1
            return ()
        if not isinstance(expr, Name | Member | Assignment | Choice | Logic):
            return ((expr, scope, frame),)
        if frame is not None:
            return self._followed(expr, scope, frame, depth)
        return self._remembered(expr, scope, depth)

    def known(self, expr: Expr, scope: Scope) -> Sequence[Meaning] | None:
        """The answer where nothing has to be followed: of what stands for itself, and of what was asked before."""
        if not isinstance(expr, Name | Member | Assignment | Choice | Logic):
            return ((expr, scope, None),)
        if (key := key_of(expr, scope)) not in self._known:
            return None
        return ((expr, scope, None),) if (found := self._known[key]) is None else found

    def _remembered(self, expr: Expr, scope: Scope, depth: int) -> Sequence[Meaning]:
        """The whole answer. Names that stand for one another in a circle are asked again with what is known of them so
        far, until nothing is added: so the answer does not depend on where in the circle it was asked."""
        key = key_of(expr, scope)
        if (answer := self.known(expr, scope)) is not None:
            return answer
        if key in self._open:
            self._circles = True
            return self._so_far.get(key, ())
        if key in self._done:
            return self._so_far[key]
        if self._open:
            return self._asked(key, expr, scope, depth)
        before = self.gaps
        try:
            for _ in range(ROUNDS):
                self._done.clear()
                self._circles = self._grew = False
                found = self._asked(key, expr, scope, depth)
                if not (self._circles and self._grew):
                    break
            else:
                self.gaps += 1
            if self.gaps == before:
                self._known |= {one: None if _is_itself(one, said) else said for one, said in self._so_far.items()}
            return found
        finally:
            self._open.clear()
            self._so_far.clear()
            self._done.clear()

    def _asked(self, key: Key, expr: Expr, scope: Scope, depth: int) -> Sequence[Meaning]:
        self._open.add(key)
        answers = {(id(one[0]), id(one[1])): one for one in self._followed(expr, scope, None, depth)}
        found = tuple(answers.values())
        self._open.discard(key)
        self._grew = self._grew or len(found) > len(self._so_far.get(key, ()))
        self._so_far[key] = found
        self._done.add(key)
        return found

    def _followed(self, expr: Expr, scope: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if isinstance(expr, Name):
            yield from self._of_name(expr, scope, frame, depth)
        elif isinstance(expr, Member):
            yield from self._of_member(expr, scope, frame, depth)
        elif isinstance(expr, Assignment):
            yield from self.of(expr.value, scope, frame, depth - 1)
        elif isinstance(expr, Choice | Logic):
            for part in outcomes_of(expr):
                yield from self.of(part, scope, frame, depth - 1)

    def _of_name(self, name: Name, scope: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if name.id in OWN and (owner := scope.of_class) is not None:
            yield owner_in(frame) or owner, scope, frame
            return
        if (found := scope.lookup(name.id)) is None:
            star = self._from_star(name, scope)
            yield star or (name, scope, frame)
            return
        home, bound = found
        for one in bound:
            yield from self._of_bound(one, name.id, home, frame, depth - 1)

    def _from_star(self, name: Name, scope: Scope) -> Meaning | None:
        file = scope.root.file
        if file is None or file.language != "python" or not file.stars:
            return None
        got = self._modules.export(file, name.id)
        return (*got, None) if got else None

    def _of_bound(self, bound: Bound, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if isinstance(bound, Parameter):
            yield from self._of_parameter(bound, name, home, frame, depth)
        elif isinstance(bound, Import):
            file = home.root.file
            got = self._modules.imported(file, bound, DEPTH) if file else None
            if got is None or isinstance(got[0], Import):
                yield (got[0] if got else bound), (got[1] if got else home), None
            elif isinstance(got[0], Function | Class):
                yield (*got, None)
            else:
                yield from self._of_bound(got[0], name, got[1], None, depth)
        elif isinstance(bound, Destructured):
            taken = [
                got
                for value, where, inner in self.of(bound.value, home, frame, depth)
                for got in self._member_of(value, bound.key, where, inner, depth - 1)
            ]
            yield from taken or [(bound, home, frame)]
        elif isinstance(bound, Function | Class):
            yield bound, home, frame
        else:
            yield from self.of(bound, home, frame, depth)

    def _of_parameter(
        self, parameter: Parameter, name: str, home: Scope, frame: Frame | None, depth: int
    ) -> Iterator[Meaning]:
        here = frame.find(home) if frame else None
        if here is not None and name in here.given:
            value, scope, outer = here.given[name]
            yield from self.of(value, scope, outer, depth)
        elif parameter.default is not None and here is not None:
            yield from self.of(parameter.default, home, frame, depth)
        else:
            if parameter.default is not None and frame is None:
                yield from self.of(parameter.default, home, None, depth)
            yield parameter, home, frame

    def _of_member(self, member: Member, scope: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        found = False
        for value, home, inner in self.of(member.object, scope, frame, depth - 1):
            for got in self._member_of(value, member.name, home, inner, depth - 1):
                found = True
                yield got
        if not found:
            yield member, scope, frame

    def _member_of(self, value: Bound, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if isinstance(value, Record):
            yield from self._of_record(value, name, home, frame, depth)
        elif isinstance(value, Parameter) and value.kind is not None:
            yield from self._of_kind(value.kind, name, home, depth)
        elif isinstance(value, Class):
            yield from self._of_class(value, name, home, depth)
        elif isinstance(value, Import):
            if (got := self._of_module(value, name, home)) is not None:
                yield from self._of_bound(got[0], name, got[1], None, depth)
        elif isinstance(value, Call):
            yield from self._of_result(value, name, home, frame, depth)

    def _of_record(self, value: Record, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if name in value.items:
            yield from self.of(value.items[name], home, frame, depth)
        elif name != ANY:
            for one in value.spread:
                yield from self._members(one, home, name, depth)
        elif len(value.items) <= CHOSEN:
            for item in value.items.values():
                yield from self.of(item, home, frame, depth)

    def _of_kind(self, kind: Expr, name: str, home: Scope, depth: int) -> Iterator[Meaning]:
        """What a parameter of a type has under a name, where that is a class or an interface of this search."""
        for value, where, _ in self.of(kind, home, None, depth - 1):
            if isinstance(value, Class):
                yield from self._of_class(value, name, where, depth - 1)

    def _of_result(self, value: Call, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        for inner, there in self.held(value, home, frame, depth):
            if name == FIRST:
                yield from self.of(inner, there, None, depth - 1)
            else:
                yield from self._members(inner, there, name, depth)
        for made, where, _ in self.of(value.callee, home, frame, depth):
            if isinstance(made, Class):
                yield from self._of_class(made, name, where, depth)
            elif isinstance(made, Function):
                for result in returned(made):
                    yield from self._members(result, made.scope, name, depth)

    def _members(self, expr: Expr, scope: Scope, name: str, depth: int) -> Iterator[Meaning]:
        for value, home, around in self.of(expr, scope, None, depth - 1):
            yield from self._member_of(value, name, home, around, depth - 1)

    def held(self, call: Call, home: Scope, frame: Frame | None, depth: int = DEPTH) -> Iterator[tuple[Expr, Scope]]:
        """What a hook's result holds: the state it begins with, what it remembers, the value of its context."""
        if not call.args or call.last_name not in _HOLDERS:
            return
        first = call.args[0]
        if call.last_name == "useContext":
            for made, where, _ in self.of(first, home, frame, depth - 1):
                yield from self._contexts.get(id(made), ())
                if isinstance(made, Call) and made.last_name == "createContext":  # what holds where none provides it
                    yield from ((one, where) for one in made.args[:1])
        elif not isinstance(first, Function):
            yield first, home
        else:
            for result in returned(first):
                yield result, first.scope

    def _of_class(self, owner: Class, name: str, home: Scope | None, depth: int) -> Iterator[Meaning]:
        """What a class has under a name; where it leaves that open, what those that go on from it say."""
        found = False
        for got in self._inherited(owner, name, home, depth):
            found = True
            yield got
        for one, where in self._family.get(id(owner), ()):
            if name in one.fields or (name in one.methods and not found):
                yield from self._inherited(one, name, where, depth - 1)

    def _inherited(self, owner: Class, name: str, home: Scope | None, depth: int) -> Iterator[Meaning]:
        if depth <= 0:
            self.gaps += 1
            return
        if name in owner.methods:
            yield owner.methods[name], owner.methods[name].scope, None
        elif name in owner.fields:
            maker = owner.methods.get("constructor") or owner.methods.get("__init__")
            around = maker.scope if maker else next((one.scope for one in owner.methods.values()), home)
            inside = owner.homes.get(name, around)
            if inside is not None:
                yield from self.of(owner.fields[name], inside, None, depth - 1)
        elif (around := _home_of(owner) or home) is not None:
            for base in owner.bases:
                for value, where, _ in self.of(base, around, None, depth - 1):
                    if isinstance(value, Class):
                        yield from self._inherited(value, name, where, depth - 1)

    def _of_module(self, imported: Import, name: str, home: Scope) -> tuple[Bound, Scope] | None:
        file = home.root.file
        inner = self._modules.files.get(imported.module) or (
            self._modules.module(file, imported.module) if file else None
        )
        if inner is None or imported.member is not None:
            return None
        return self._modules.export(inner, name)


def outcomes_of(expr: Choice | Logic) -> Sequence[Expr]:
    """The parts that it may come to: not the condition, and of an ``and`` not what it asks first."""
    return expr.parts[-1:] if isinstance(expr, Logic) and expr.operator == "and" else expr.parts[-2:]


def _is_itself(key: Key, answer: tuple[Meaning, ...]) -> bool:
    """Whether the answer is what was asked, read where it was asked: half of all answers."""
    return len(answer) == 1 and answer[0][2] is None and key == id(answer[0][0]) << 64 | id(answer[0][1])


def _home_of(owner: Class) -> Scope | None:
    """The scope in which a class stands."""
    return next((one.scope.parent for one in owner.methods.values() if one.scope.parent is not None), None)
