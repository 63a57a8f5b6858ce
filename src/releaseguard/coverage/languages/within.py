"""What lies within an expression or the body of a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from releaseguard.coverage.languages.syntax import (
    Call,
    Cases,
    Do,
    Expr,
    If,
    Inner,
    Leave,
    Loop,
    Statement,
    Try,
    With,
    Yield,
)


def inside(expr: Expr) -> Iterator[Expr]:
    """An expression and all that it evaluates, without the bodies of functions."""
    yield expr
    for part in expr.parts:
        yield from inside(part)


def statements_of(body: Sequence[Statement]) -> Iterator[Statement]:
    """Every statement of a body, also those inside others, without the bodies of functions."""
    for one in body:
        yield one
        match one:
            case If():
                yield from statements_of([*one.then, *one.other])
            case Try():
                caught = [inner for handler in one.handlers for inner in handler.body]
                yield from statements_of([*one.body, *caught, *one.other, *one.final])
            case Loop():
                yield from statements_of([*one.body, *one.other])
            case Cases():
                yield from statements_of([inner for case in one.cases for inner in case])
            case Inner() | With():
                yield from statements_of(one.body)


def expressions_of(body: Sequence[Statement]) -> Iterator[Expr]:
    """The expressions of all statements of a body, the outermost ones."""
    for one in statements_of(body):
        match one:
            case Do():
                yield one.value
            case If():
                yield one.test
            case Loop():
                yield from one.head
            case Cases():
                yield one.subject
            case With():
                yield from one.contexts
            case Leave(value=Expr() as value):
                yield value


def acts(expr: Expr) -> bool:
    """Whether more than a value is chosen: ``data ?? []`` says nothing of how the call ended."""
    return any(isinstance(part, Call | Yield) for part in inside(expr))
