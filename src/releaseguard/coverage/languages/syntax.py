"""What the search knows of a program, whichever language it was written in: a small tree, made by one reader each.

Nodes are compared by identity: two calls that look the same are two calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Never, TypeAlias

Place = tuple[int, int]
"""Line and column, both from 1; the column counts characters. Kept of what is spoken of: calls, texts, functions."""
START: Place = (1, 1)
NONE: dict[str, Never] = {}
"""What nodes hold that name nothing: one for all of them, and never written to."""


def _none() -> dict[str, Never]:
    return NONE


@dataclass(eq=False, repr=False, slots=True)
class Expr:
    """Anything with a value; by itself one that is not looked into, which evaluates its ``parts`` in order."""

    parts: Sequence[Expr] = ()


@dataclass(eq=False, repr=False, slots=True)
class Text(Expr):
    """A text: literal pieces, and expressions between them."""

    pieces: Sequence[str | Expr] = ()
    at: Place = START


@dataclass(eq=False, repr=False, slots=True)
class Const(Expr):
    """A number, a truth value, or nothing (``null``, ``undefined``, ``None``)."""

    value: float | bool | None = None


@dataclass(eq=False, repr=False, slots=True)
class Name(Expr):
    """A variable."""

    id: str = ""


@dataclass(eq=False, repr=False, slots=True)
class TypeName(Name):
    """The type with which a variable is declared, for as long as nothing is assigned."""


@dataclass(eq=False, repr=False, slots=True)
class Member(Expr):
    """``object.name``, also ``object["name"]``; ``parts`` holds the object."""

    name: str = ""

    @property
    def object(self) -> Expr:
        """What it is a member of."""
        return self.parts[0]


@dataclass(eq=False, repr=False, slots=True)
class Call(Expr):
    """A call, a ``new``, or a component's use in JSX; ``parts`` holds what is called, then the arguments."""

    count: int = 0
    """Of the arguments that have no name."""
    named: Mapping[str, Expr] = field(default_factory=_none)
    component: bool = False
    awaited: bool = False
    """Whether it is waited for where it is made."""
    kind: Expr | None = None
    """The type of its result, where one is written: ``get<Mailer>()``, ``const mailer: Mailer = get()``."""
    at: Place = START

    @property
    def callee(self) -> Expr:
        """What is called."""
        return self.parts[0]

    @property
    def args(self) -> Sequence[Expr]:
        """The arguments that have no name."""
        return self.parts[1 : 1 + self.count]

    @property
    def last_name(self) -> str:
        """The function's own name: ``send`` of ``mail.client.send(...)``."""
        callee = self.parts[0]
        return callee.name if isinstance(callee, Member) else callee.id if isinstance(callee, Name) else ""


@dataclass(eq=False, repr=False, slots=True)
class Decoration(Call):
    """What a decorator makes of the function below it: ``@wrap`` is ``wrap(function)``."""


@dataclass(eq=False, repr=False, slots=True)
class Record(Expr):
    """An object literal or dictionary; ``parts`` holds the values and what is spread into it."""

    keys: Sequence[str] = ()

    @property
    def items(self) -> Mapping[str, Expr]:
        """Its values by their keys; made when it is asked for, since most records have few and none is asked often."""
        return dict(zip(self.keys, self.parts, strict=False))

    @property
    def spread(self) -> Sequence[Expr]:
        """What is spread into it."""
        return self.parts[len(self.keys) :]


@dataclass(eq=False, repr=False, slots=True)
class Choice(Expr):
    """``test ? one : other``; ``parts`` in this order."""


@dataclass(eq=False, repr=False, slots=True)
class Logic(Expr):
    """``and``, ``or`` (also ``??``) of two ``parts``."""

    operator: Literal["and", "or"] = "and"


@dataclass(eq=False, repr=False, slots=True)
class Negation(Expr):
    """``not`` of its one part."""


@dataclass(eq=False, repr=False, slots=True)
class Comparison(Expr):
    """Two ``parts`` compared; ``is`` and ``===`` are ``==``."""

    operator: str = "=="


@dataclass(eq=False, repr=False, slots=True)
class Assignment(Expr):
    """``target = value``; ``parts`` holds the value. ``member`` is the target where it is not a plain name."""

    names: Sequence[str] = ()
    member: Member | None = None

    @property
    def value(self) -> Expr:
        """What is assigned."""
        return self.parts[0]


@dataclass(eq=False, repr=False, slots=True)
class Parameter:
    """A parameter of a function; one that takes an object apart has several ``names``."""

    names: Sequence[str]
    default: Expr | None = None
    kind: Expr | None = None
    """Its type, where that is a name."""
    keys: Mapping[str, str] = field(default_factory=_none)
    """Name -> key of the object, where it takes one apart."""


@dataclass(eq=False, repr=False, slots=True)
class Statement:
    """Anything done; by itself something that does nothing here."""


@dataclass(eq=False, repr=False, slots=True)
class Do(Statement):
    """An expression for its effect."""

    value: Expr


@dataclass(eq=False, repr=False, slots=True)
class If(Statement):
    """A condition."""

    test: Expr
    then: Sequence[Statement]
    other: Sequence[Statement] = ()


@dataclass(eq=False, repr=False, slots=True)
class Handler:
    """A ``catch`` or ``except``."""

    name: str | None
    body: Sequence[Statement]


@dataclass(eq=False, repr=False, slots=True)
class Try(Statement):
    """``other`` is Python's ``else``: what is done where nothing was raised."""

    body: Sequence[Statement]
    handlers: Sequence[Handler] = ()
    other: Sequence[Statement] = ()
    final: Sequence[Statement] = ()


@dataclass(eq=False, repr=False, slots=True)
class Loop(Statement):
    """Any loop; ``head`` is evaluated first. ``endless`` ends by ``break`` only, ``never`` runs no time at all."""

    head: Sequence[Expr]
    body: Sequence[Statement]
    other: Sequence[Statement] = ()
    endless: bool = False
    never: bool = False
    at_least_once: bool = False


@dataclass(eq=False, repr=False, slots=True)
class Cases(Statement):
    """``switch`` and ``match``: for each case its body, and when it is chosen; one may be the default."""

    subject: Expr
    cases: Sequence[Sequence[Statement]]
    falls_through: bool
    tests: Sequence[Expr | None]
    """For each case a condition that holds where it is chosen; ``None`` for the default."""


@dataclass(eq=False, repr=False, slots=True)
class Leave(Statement):
    """``return``, ``throw``/``raise``, ``break``, ``continue``, with the value that goes along."""

    how: Literal["return", "throw", "break", "continue"]
    value: Expr | None = None


@dataclass(eq=False, repr=False, slots=True)
class Inner(Statement):
    """Statements in a block of their own."""

    body: Sequence[Statement]


@dataclass(eq=False, repr=False, slots=True)
class With(Statement):
    """``with``: the body runs inside what ``contexts`` make, the first one outermost."""

    contexts: Sequence[Expr]
    body: Sequence[Statement]


@dataclass(eq=False, repr=False, slots=True)
class Yield(Expr):
    """Python's ``yield``: in a context manager, where the body of the ``with`` runs."""


@dataclass(frozen=True, slots=True)
class Import:
    """Where an imported name comes from: a module's member, or the module itself where ``member`` is ``None``."""

    module: str
    member: str | None


Bound: TypeAlias = "Expr | Import | Parameter | Destructured"
"""What a name may stand for; functions and classes are expressions."""


ANY = "[]"
"""The name of whichever member an index chooses at run time: ``handlers[kind]``; the index is the second part."""
FIRST = "[0]"
"""The key of the first of a list that is taken apart: ``const [client] = useState(...)``."""


@dataclass(eq=False, repr=False, slots=True)
class Destructured:
    """A name taken out of an object: ``const { error: failed } = value``; out of a list, the :data:`FIRST` alone."""

    value: Expr
    key: str


@dataclass(eq=False, repr=False, slots=True)
class Scope:
    """The names of a function or file, and what each may stand for. Blocks are not told apart."""

    parent: Scope | None
    function: Function | None = None
    names: dict[str, tuple[Bound, ...]] = field(default_factory=dict)
    owner: Class | None = None
    """The class whose method this is the scope of."""
    file: SourceFile | None = None

    def bind(self, name: str, value: Bound) -> None:
        """Let ``name`` stand for ``value`` too."""
        self.names[name] = (*self.names.get(name, ()), value)

    def lookup(self, name: str) -> tuple[Scope, Sequence[Bound]] | None:
        """The nearest scope around that knows ``name``, and what it stands for there."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope, scope.names[name]
            scope = scope.parent
        return None

    @property
    def root(self) -> Scope:
        """The file's own."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def of_class(self) -> Class | None:
        """The class around, if any."""
        scope: Scope | None = self
        while scope is not None:
            if scope.owner is not None:
                return scope.owner
            scope = scope.parent
        return None


@dataclass(eq=False, repr=False, slots=True)
class Function(Expr):
    """A function, where it is defined; ``name`` is empty where it has none of its own."""

    name: str = ""
    params: Sequence[Parameter] = ()
    body: Sequence[Statement] = ()
    scope: Scope = field(default_factory=lambda: Scope(None))
    at: Place = START
    kind: Expr | None = None
    """The type of what it returns, where that is a name."""


@dataclass(eq=False, repr=False, slots=True)
class Class(Expr):
    """A class: its methods, and what its fields are set to."""

    name: str = ""
    methods: dict[str, Function] = field(default_factory=dict)
    fields: dict[str, Expr] = field(default_factory=dict)
    homes: dict[str, Scope] = field(default_factory=dict)
    """The scope of the method that sets a field, where one does: names that the value has are its names."""
    bases: Sequence[Expr] = ()


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that speaks to releaseguard."""

    line: int
    text: str
    alone: bool
    """Whether nothing else is on its line."""


@dataclass(eq=False, repr=False, slots=True)
class SourceFile:
    """One file that was read."""

    path: str
    """Relative to where the search began, with ``/``."""
    language: Literal["typescript", "python"]
    main: Function
    """What the file does when it is loaded."""
    exports: dict[str, Expr | Import] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """Modules of which everything is exported again."""
    made: list[Call] = field(default_factory=list)
    """Its calls, in the order in which they are made."""
    where: list[Scope] = field(default_factory=list)
    """The scope of each of them."""
    texts: list[Text] = field(default_factory=list)
    settings: list[tuple[Member, Expr, Scope]] = field(default_factory=list)
    """What is assigned to a client's, or a whole package's, base address once it is there."""
    comments: list[Comment] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    classes: list[tuple[Class, Scope]] = field(default_factory=list)
    broken_at: int | None = None
    """The first line that could not be understood."""

    @property
    def calls(self) -> Iterator[tuple[Call, Scope]]:
        """Its calls, each with its scope."""
        return zip(self.made, self.where, strict=True)
