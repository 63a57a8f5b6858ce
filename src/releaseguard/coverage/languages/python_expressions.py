"""Python's expressions into the small tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from releaseguard.coverage.languages.reader import Reader, record
from releaseguard.coverage.languages.syntax import (
    ANY,
    NONE,
    Assignment,
    Call,
    Choice,
    Comparison,
    Const,
    Expr,
    Function,
    Leave,
    Logic,
    Member,
    Negation,
    Parameter,
    Text,
    Yield,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_TRANSPARENT = {"parenthesized_expression", "await", "list_splat", "interpolation", "as_pattern_target"}
_LISTS = {"pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "list_splat_pattern"}
_AROUND_TYPES = ("Annotated", "Optional")
_SAME = {"is": "==", "is not": "!=", "<>": "!="}


class PythonExpressions(Reader):
    """What the values in one file of Python are."""

    def expr(self, node: Node) -> Expr:
        """The value of one node."""
        if node.type in _TRANSPARENT:
            inner = self.named(node)
            return self.expr(inner[0]) if inner else Expr()
        if (read := _EXPRESSIONS.get(node.type)) is not None:
            return read(self, node)
        return Expr(tuple(self.expr(child) for child in self.named(node)))

    def function(self, node: Node) -> Function:
        """A function, its parameters and its body, in a scope of its own."""
        own = node.child_by_field_name("name")
        function = Function((), self.text(own) if own else "", at=self.at(node))
        with self.inside_of(function):
            listed = node.child_by_field_name("parameters")
            params = [self._parameter(one) for one in (self.named(listed) if listed else ())]
            if function.scope.owner is not None and params and params[0].names[:1] in (("self",), ("cls",)):
                del params[0]
            function.params = params
            kind = node.child_by_field_name("return_type")
            function.kind = self._type(kind) if kind else None
            body = self.field(node, "body")
            if node.type == "lambda":
                function.body = [Leave("return", self.expr(body))]
            else:
                function.body = self.body(body)
        return function

    def _parameter(self, node: Node) -> Parameter:
        default, kind = node.child_by_field_name("value"), node.child_by_field_name("type")
        name = node.child_by_field_name("name") or node
        while name.type != "identifier" and self.named(name):
            name = self.named(name)[0]
        parameter = Parameter((self.text(name),), self.expr(default) if default else None)
        parameter.kind = self._type(kind) if kind else None
        self.scope.bind(self.text(name), parameter)
        return parameter

    def _type(self, kind: Node) -> Expr | None:
        """A type that is a name; of ``Annotated[Client, ...]``, ``Optional[Client]`` and ``Client | None`` that one."""
        inner = self.named(kind)[0] if kind.type in ("type", "type_parameter") and self.named(kind) else kind
        if inner.type in ("identifier", "attribute"):
            return self.expr(inner)
        if inner.type == "string":
            named = self._literal(inner)
            return self.variable(named) if named.isidentifier() else None
        parts = self.named(inner)
        if inner.type == "generic_type" and self.text(parts[0]).rpartition(".")[2] in _AROUND_TYPES:
            return self._type(self.named(parts[1])[0])
        if inner.type == "binary_operator" and parts[-1].type == "none":
            return self._type(parts[0])
        return None

    def _call(self, node: Node) -> Expr:
        callee = self.expr(self.field(node, "function"))
        arguments = self.field(node, "arguments")
        args: list[Expr] = []
        named: dict[str, Expr] = {}
        for one in self.named(arguments) if arguments.type == "argument_list" else (arguments,):
            if one.type == "keyword_argument":
                named[self.text(self.field(one, "name"))] = self.expr(self.field(one, "value"))
            else:
                args.append(self.expr(one))
        return self.called(Call((callee, *args, *named.values()), len(args), named or NONE, at=self.at(node)))

    def _attribute(self, node: Node) -> Expr:
        return Member((self.expr(self.field(node, "object")),), self.text(self.field(node, "attribute")))

    def _subscript(self, node: Node) -> Expr:
        inner, index = self.expr(self.field(node, "value")), self.expr(self.field(node, "subscript"))
        if isinstance(index, Text) and all(isinstance(piece, str) for piece in index.pieces):
            return Member((inner,), "".join(map(str, index.pieces)))
        return Member((inner, index), ANY) if not isinstance(index, Const) else Expr((inner, index))

    def _assignment(self, node: Node) -> Expr:
        target, value = self.field(node, "left"), node.child_by_field_name("right")
        if value is None:
            return Expr()
        read = self.expr(value)
        return self._assigned(target, read if node.type == "assignment" else Expr((read,)))

    def _assigned(self, target: Node, value: Expr) -> Expr:
        if target.type == "identifier":
            self.scope.bind(self.text(target), value)
            if self.scope.parent is None:
                self.file.exports[self.text(target)] = self.variable(self.text(target))
            return Assignment((value,), (self.text(target),))
        if target.type == "attribute" and isinstance(member := self.expr(target), Member):
            self._remember_field(member, value)
            return Assignment((value,), (), member)
        names = list(self._names(target))
        for name in names:
            self.scope.bind(name, Expr())
        return Assignment((value,), names)

    def _names(self, node: Node) -> Iterator[str]:
        if node.type == "identifier":
            yield self.text(node)
        elif node.type in _LISTS:
            for child in self.named(node):
                yield from self._names(child)

    def _walrus(self, node: Node) -> Expr:
        return self._assigned(self.field(node, "name"), self.expr(self.field(node, "value")))

    def _dictionary(self, node: Node) -> Expr:
        items: dict[str, Expr] = {}
        rest = []
        for child in self.named(node):
            if child.type == "pair" and (key := self.field(child, "key")).type == "string":
                items[self._literal(key)] = self.expr(self.field(child, "value"))
            else:
                rest.append(self.expr(child))
        return record(items, rest)

    def _literal(self, node: Node) -> str:
        return "".join(self.text(child) for child in self.named(node) if child.type == "string_content")

    def _string(self, node: Node) -> Expr:
        strings = self.named(node) if node.type == "concatenated_string" else (node,)
        pieces: list[str | Expr] = []
        for string in strings:
            for child in self.named(string):
                if child.type == "string_content":
                    pieces.append(self.text(child))
                elif child.type == "interpolation":
                    pieces.append(self.expr(self.field(child, "expression")))
        return self.said(Text([one for one in pieces if isinstance(one, Expr)], pieces, self.at(node)))

    def _binary(self, node: Node) -> Expr:
        left, right = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        operator = self.text(self.field(node, "operator"))
        if operator == "+":
            return Text((left, right), (left, right), self.at(node))
        if operator == "|":  # LangChain's `prompt | model` is `prompt.pipe(model)`
            pipe = Member((left,), "pipe")
            return Call((pipe, right), 1, at=self.at(node))
        return Expr((left, right))

    def _logic(self, node: Node) -> Expr:
        parts = (self.expr(self.field(node, "left")), self.expr(self.field(node, "right")))
        return Logic(parts, "and" if self.text(self.field(node, "operator")) == "and" else "or")

    def _not(self, node: Node) -> Expr:
        inner = self.expr(self.field(node, "argument"))
        if isinstance(inner, Const):
            return Const((), not inner.value)
        return Negation((inner,))

    def _comparison(self, node: Node) -> Expr:
        parts = [self.expr(child) for child in self.named(node)]
        operators = [self.text(child) for child in node.children if not child.is_named]
        operator = " ".join(operators)
        if len(parts) != 2:
            return Expr(parts)
        return Comparison(parts, _SAME.get(operator, operator))

    def _yield(self, node: Node) -> Expr:
        return Yield([self.expr(child) for child in self.named(node)])

    def _choice(self, node: Node) -> Expr:
        one, test, other = (self.expr(child) for child in self.named(node)[:3])
        return Choice((test, one, other))

    def _name(self, node: Node) -> Expr:
        return self.variable(self.text(node))

    def _const(self, node: Node) -> Expr:
        values: dict[str, float | bool | None] = {"true": True, "false": False, "none": None}
        if node.type in values:
            return Const((), values[node.type])
        try:
            return Const((), float(self.text(node).replace("_", "")))
        except ValueError:
            return Expr()


_EXPRESSIONS: dict[str, Callable[[PythonExpressions, Node], Expr]] = {
    "call": PythonExpressions._call,
    "yield": PythonExpressions._yield,
    "attribute": PythonExpressions._attribute,
    "subscript": PythonExpressions._subscript,
    "lambda": PythonExpressions.function,
    "assignment": PythonExpressions._assignment,
    "augmented_assignment": PythonExpressions._assignment,
    "named_expression": PythonExpressions._walrus,
    "dictionary": PythonExpressions._dictionary,
    "string": PythonExpressions._string,
    "concatenated_string": PythonExpressions._string,
    "binary_operator": PythonExpressions._binary,
    "boolean_operator": PythonExpressions._logic,
    "not_operator": PythonExpressions._not,
    "comparison_operator": PythonExpressions._comparison,
    "conditional_expression": PythonExpressions._choice,
    "identifier": PythonExpressions._name,
    "integer": PythonExpressions._const,
    "float": PythonExpressions._const,
    "true": PythonExpressions._const,
    "false": PythonExpressions._const,
    "none": PythonExpressions._const,
}
