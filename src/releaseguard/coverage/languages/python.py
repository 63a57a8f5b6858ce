"""Python into the small tree: its statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from releaseguard.coverage.languages.python_expressions import PythonExpressions
from releaseguard.coverage.languages.syntax import (
    Cases,
    Class,
    Comparison,
    Const,
    Decoration,
    Do,
    Expr,
    Function,
    Handler,
    If,
    Import,
    Leave,
    Loop,
    Statement,
    Try,
    With,
)

if TYPE_CHECKING:
    from tree_sitter import Node


class PythonReader(PythonExpressions):
    """One file of Python."""

    def statement(self, node: Node) -> Iterator[Statement]:
        """What one node does, in order."""
        if (read := _STATEMENTS.get(node.type)) is not None:
            yield from read(self, node)
        else:
            yield Do(self.expr(node))

    def _expression(self, node: Node) -> Iterator[Statement]:
        for child in self.named(node):
            yield Do(self.expr(child))

    def _nothing(self, _node: Node) -> Iterator[Statement]:
        yield from ()

    def _import(self, node: Node) -> Iterator[Statement]:
        for one in self.named(node):
            if one.type == "aliased_import":
                name = self.text(self.field(one, "name"))
                self.scope.bind(self.text(self.field(one, "alias")), Import(name, None))
            else:
                # `import a.b` binds a; b is reached as its member.
                self.scope.bind(self.text(one).partition(".")[0], Import(self.text(one).partition(".")[0], None))
        yield from ()

    def _import_from(self, node: Node) -> Iterator[Statement]:
        module_node = self.field(node, "module_name")
        module = self.text(module_node).replace(" ", "")
        for one in self.named(node):
            if one == module_node:
                continue
            if one.type == "wildcard_import":
                self.file.stars.append(module)
            elif one.type == "aliased_import":
                name, alias = self.text(self.field(one, "name")), self.text(self.field(one, "alias"))
                self.scope.bind(alias, Import(module, name))
            else:
                self.scope.bind(self.text(one), Import(module, self.text(one)))
        yield from ()

    def _if(self, node: Node) -> Iterator[Statement]:
        test, then = self.expr(self.field(node, "condition")), self.body(self.field(node, "consequence"))
        branches = [child for child in node.children if child.type in ("elif_clause", "else_clause")]
        yield If(test, then, self._otherwise(branches))

    def _otherwise(self, branches: Sequence[Node]) -> Sequence[Statement]:
        if not branches:
            return ()
        first, rest = branches[0], branches[1:]
        if first.type == "else_clause":
            return self.body(self.field(first, "body"))
        test, then = self.expr(self.field(first, "condition")), self.body(self.field(first, "consequence"))
        return [If(test, then, self._otherwise(rest))]

    def _try(self, node: Node) -> Iterator[Statement]:
        body = self.body(self.field(node, "body"))
        handlers: list[Handler] = []
        other: list[Statement] = []
        final: list[Statement] = []
        for child in self.named(node):
            if child.type in ("except_clause", "except_group_clause"):
                handlers.append(self._handler(child))
            elif child.type == "else_clause":
                other += self.body(self.field(child, "body"))
            elif child.type == "finally_clause":
                final += [one for block in self.named(child) for one in self.body(block)]
        yield Try(body, handlers, other, final)

    def _handler(self, node: Node) -> Handler:
        aliases = [one for child in self.named(node) if child.type == "as_pattern" for one in self.named(child)[-1:]]
        body = [one for child in self.named(node) if child.type == "block" for one in self.body(child)]
        return Handler(self.text(aliases[0]) if aliases else None, body)

    def _for(self, node: Node) -> Iterator[Statement]:
        taken = self._assigned(self.field(node, "left"), Expr((self.expr(self.field(node, "right")),)))
        yield Loop([taken], self.body(self.field(node, "body")), self._after(node))

    def _while(self, node: Node) -> Iterator[Statement]:
        test = self.expr(self.field(node, "condition"))
        known = test.value if isinstance(test, Const) else None
        never = known is not None and not known
        body = self.body(self.field(node, "body"))
        yield Loop([test], body, self._after(node), bool(known), never)

    def _after(self, node: Node) -> Sequence[Statement]:
        other = node.child_by_field_name("alternative")
        return self.body(self.field(other, "body")) if other else ()

    def _with(self, node: Node) -> Iterator[Statement]:
        items = [one for clause in self.named(node) if clause.type == "with_clause" for one in self.named(clause)]
        contexts = [self._managed(self.field(item, "value")) for item in items]
        yield With(contexts, self.body(self.field(node, "body")))

    def _managed(self, value: Node) -> Expr:
        if value.type == "as_pattern":
            inner, target = self.named(value)[0], self.named(value)[-1]
            names = self.named(target)
            return self._assigned(names[0] if names else target, self.expr(inner))
        return self.expr(value)

    def _match(self, node: Node) -> Iterator[Statement]:
        subject = self.expr(self.field(node, "subject"))
        cases: list[Sequence[Statement]] = []
        tests: list[Expr | None] = []
        for case in self.named(self.field(node, "body")):
            cases.append(self.body(self.field(case, "consequence")))
            tests.append(self._case(case, subject))
        yield Cases(subject, cases, False, tests)

    def _case(self, case: Node, subject: Expr) -> Expr | None:
        """When a case is chosen: by the first value of its pattern, where that is one, else by something unknown."""
        patterns = [one for one in self.named(case) if one.type == "case_pattern"]
        guard = case.child_by_field_name("guard")
        if [self.text(one) for one in patterns] == ["_"] and guard is None:
            return None
        inner = patterns[0] if patterns else case
        while inner.type in ("case_pattern", "union_pattern") and self.named(inner):
            inner = self.named(inner)[0]
        return Comparison((subject, self.expr(inner)), "==") if guard is None else Expr((subject, self.expr(guard)))

    def _return(self, node: Node) -> Iterator[Statement]:
        value = self.named(node)
        yield Leave("return", self.expr(value[0]) if value else None)

    def _raise(self, node: Node) -> Iterator[Statement]:
        value = self.named(node)
        yield Leave("throw", self.expr(value[0]) if value else None)

    def _break(self, _node: Node) -> Iterator[Statement]:
        yield Leave("break")

    def _continue(self, _node: Node) -> Iterator[Statement]:
        yield Leave("continue")

    def _function(self, node: Node) -> Iterator[Statement]:
        self._define(self.function(node))
        yield Statement()

    def _define(self, value: Function | Class) -> None:
        self.scope.bind(value.name, value)
        if self.scope.parent is None:
            self.file.exports[value.name] = value

    def _decorated(self, node: Node) -> Iterator[Statement]:
        """``@wrap`` above a function is the call ``wrap(function)`` where it is defined."""
        definition = self.field(node, "definition")
        decorators = self._decorators(node)
        yield from self.statement(definition)
        if definition.type == "function_definition":
            yield Do(self._wrapped(self.variable(self.text(self.field(definition, "name"))), decorators, node))

    def _decorators(self, node: Node) -> Sequence[Expr]:
        return [self.expr(one) for child in self.named(node) if child.type == "decorator" for one in self.named(child)]

    def _wrapped(self, function: Expr, decorators: Sequence[Expr], node: Node) -> Expr:
        for decorator in reversed(decorators):
            function = self.called(Decoration((decorator, function), 1, at=self.at(node)))
        return function

    def _class(self, node: Node) -> Iterator[Statement]:
        result = Class((), self.text(self.field(node, "name")))
        self.file.classes.append((result, self.scope))
        bases = node.child_by_field_name("superclasses")
        result.bases = [self.expr(_ungeneric(one)) for one in (self.named(bases) if bases else ())]
        self._define(result)
        wrapped: list[Expr] = []
        for child in self.named(self.field(node, "body")):
            definition = self.field(child, "definition") if child.type == "decorated_definition" else child
            if definition.type == "function_definition":
                method = self._method(definition, result, definition is not child and self._reads(child))
                wrapped.append(self._wrapped(method, self._decorators(child), child))
            elif child.type == "expression_statement":
                self._class_field(child, result)
        yield Do(Expr((*result.fields.values(), *wrapped)))

    def _method(self, definition: Node, owner: Class, reads: bool) -> Function:
        with self.in_class(owner):
            method = self.function(definition)
            self.keep_method(owner, self.text(self.field(definition, "name")), method, reads)
        return method

    def _reads(self, decorated: Node) -> bool:
        """Whether a method is read as a field is: a property, kept or not."""
        marks = (self.text(one).lstrip("@").strip() for one in decorated.children if one.type == "decorator")
        return any(mark.rpartition(".")[2] in ("property", "cached_property") for mark in marks)

    def _class_field(self, node: Node, result: Class) -> None:
        for one in self.named(node):
            target, value = one.child_by_field_name("left"), one.child_by_field_name("right")
            kind = one.child_by_field_name("type")
            if one.type == "assignment" and target and value:
                result.fields[self.text(target)] = self.expr(value)
            elif one.type == "assignment" and target and kind and (typed := self._type(kind)) is not None:
                result.fields.setdefault(self.text(target), typed)


def _ungeneric(base: Node) -> Node:
    """``Store[Plan]`` is a ``Store``."""
    return (base.child_by_field_name("value") or base) if base.type == "subscript" else base


_STATEMENTS: dict[str, Callable[[PythonReader, Node], Iterator[Statement]]] = {
    "expression_statement": PythonReader._expression,
    "block": PythonReader._expression,
    "import_statement": PythonReader._import,
    "import_from_statement": PythonReader._import_from,
    "future_import_statement": PythonReader._nothing,
    "type_alias_statement": PythonReader._nothing,
    "if_statement": PythonReader._if,
    "try_statement": PythonReader._try,
    "for_statement": PythonReader._for,
    "while_statement": PythonReader._while,
    "with_statement": PythonReader._with,
    "match_statement": PythonReader._match,
    "return_statement": PythonReader._return,
    "raise_statement": PythonReader._raise,
    "break_statement": PythonReader._break,
    "continue_statement": PythonReader._continue,
    "function_definition": PythonReader._function,
    "decorated_definition": PythonReader._decorated,
    "class_definition": PythonReader._class,
}
