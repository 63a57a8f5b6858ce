"""Python into the small tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from releaseguard.coverage.reading import Reader
from releaseguard.coverage.syntax import (
    Assignment,
    Call,
    Cases,
    Choice,
    Class,
    Comparison,
    Const,
    Do,
    Expr,
    Function,
    Handler,
    If,
    Import,
    Inner,
    Leave,
    Logic,
    Loop,
    Member,
    Name,
    Negation,
    Parameter,
    Record,
    Statement,
    Text,
    Try,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_TRANSPARENT = {"parenthesized_expression", "await", "yield", "list_splat", "interpolation", "as_pattern_target"}
_LISTS = {"pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "list_splat_pattern"}
_SAME = {"is": "==", "is not": "!=", "<>": "!="}


class PythonReader(Reader):
    """One file of Python."""

    comment_marks = ("#",)

    def statement(self, node: Node) -> Iterator[Statement]:
        """What one node does, in order."""
        if (read := _STATEMENTS.get(node.type)) is not None:
            yield from read(self, node)
        else:
            yield Do(self.at(node), self.expr(node))

    def _expression(self, node: Node) -> Iterator[Statement]:
        for child in self.named(node):
            yield Do(self.at(child), self.expr(child))

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
        yield If(self.at(node), test, then, self._otherwise(branches))

    def _otherwise(self, branches: Sequence[Node]) -> Sequence[Statement]:
        if not branches:
            return ()
        first, rest = branches[0], branches[1:]
        if first.type == "else_clause":
            return self.body(self.field(first, "body"))
        test, then = self.expr(self.field(first, "condition")), self.body(self.field(first, "consequence"))
        return [If(self.at(first), test, then, self._otherwise(rest))]

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
        yield Try(self.at(node), body, handlers, other, final)

    def _handler(self, node: Node) -> Handler:
        aliases = [one for child in self.named(node) if child.type == "as_pattern" for one in self.named(child)[-1:]]
        body = [one for child in self.named(node) if child.type == "block" for one in self.body(child)]
        return Handler(self.text(aliases[0]) if aliases else None, body)

    def _for(self, node: Node) -> Iterator[Statement]:
        taken = self._assigned(self.field(node, "left"), Expr(self.at(node), (self.expr(self.field(node, "right")),)))
        yield Loop(self.at(node), [taken], self.body(self.field(node, "body")), self._after(node))

    def _while(self, node: Node) -> Iterator[Statement]:
        test = self.expr(self.field(node, "condition"))
        known = test.value if isinstance(test, Const) else None
        never = known is not None and not known
        body = self.body(self.field(node, "body"))
        yield Loop(self.at(node), [test], body, self._after(node), bool(known), never)

    def _after(self, node: Node) -> Sequence[Statement]:
        other = node.child_by_field_name("alternative")
        return self.body(self.field(other, "body")) if other else ()

    def _with(self, node: Node) -> Iterator[Statement]:
        for clause in self.named(node):
            for item in self.named(clause) if clause.type == "with_clause" else ():
                yield Do(self.at(item), self._managed(self.field(item, "value")))
        yield Inner(self.at(node), self.body(self.field(node, "body")))

    def _managed(self, value: Node) -> Expr:
        if value.type == "as_pattern":
            inner, target = self.named(value)[0], self.named(value)[-1]
            names = self.named(target)
            return self._assigned(names[0] if names else target, self.expr(inner))
        return self.expr(value)

    def _match(self, node: Node) -> Iterator[Statement]:
        cases, has_default = [], False
        for case in self.named(self.field(node, "body")):
            cases.append(self.body(self.field(case, "consequence")))
            patterns = [self.text(one) for one in self.named(case) if one.type == "case_pattern"]
            has_default = has_default or patterns == ["_"]
        yield Cases(self.at(node), self.expr(self.field(node, "subject")), cases, False, has_default)

    def _return(self, node: Node) -> Iterator[Statement]:
        value = self.named(node)
        yield Leave(self.at(node), "return", self.expr(value[0]) if value else None)

    def _raise(self, node: Node) -> Iterator[Statement]:
        value = self.named(node)
        yield Leave(self.at(node), "throw", self.expr(value[0]) if value else None)

    def _break(self, node: Node) -> Iterator[Statement]:
        yield Leave(self.at(node), "break")

    def _continue(self, node: Node) -> Iterator[Statement]:
        yield Leave(self.at(node), "continue")

    def _function(self, node: Node) -> Iterator[Statement]:
        self._define(self.function(node))
        yield Statement(self.at(node))

    def _define(self, value: Function | Class) -> None:
        self.scope.bind(value.name, value)
        if self.scope.parent is None:
            self.file.exports[value.name] = value

    def _decorated(self, node: Node) -> Iterator[Statement]:
        """``@wrap`` above a function is the call ``wrap(function)`` where it is defined."""
        definition = self.field(node, "definition")
        decorators = [
            self.expr(one) for child in self.named(node) if child.type == "decorator" for one in self.named(child)
        ]
        yield from self.statement(definition)
        name = self.text(self.field(definition, "name"))
        if definition.type == "function_definition":
            result: Expr = Name(self.at(definition), id=name)
            for decorator in reversed(decorators):
                result = self.called(Call(self.at(node), (decorator, result), (result,)))
            yield Do(self.at(node), result)

    def _class(self, node: Node) -> Iterator[Statement]:
        result = Class(self.at(node), (), self.text(self.field(node, "name")))
        bases = node.child_by_field_name("superclasses")
        result.bases = [self.expr(one) for one in (self.named(bases) if bases else ())]
        self._define(result)
        for child in self.named(self.field(node, "body")):
            definition = self.field(child, "definition") if child.type == "decorated_definition" else child
            if definition.type == "function_definition":
                with self.in_class(result):
                    result.methods[self.text(self.field(definition, "name"))] = self.function(definition)
            elif child.type == "expression_statement":
                self._class_field(child, result)
        yield Do(self.at(node), Expr(self.at(node), tuple(result.fields.values())))

    def _class_field(self, node: Node, result: Class) -> None:
        for one in self.named(node):
            target, value = one.child_by_field_name("left"), one.child_by_field_name("right")
            if one.type == "assignment" and target and value:
                result.fields[self.text(target)] = self.expr(value)

    # --- expressions

    def expr(self, node: Node) -> Expr:
        """The value of one node."""
        if node.type in _TRANSPARENT:
            inner = self.named(node)
            return self.expr(inner[0]) if inner else Expr(self.at(node))
        if (read := _EXPRESSIONS.get(node.type)) is not None:
            return read(self, node)
        return Expr(self.at(node), [self.expr(child) for child in self.named(node)])

    def function(self, node: Node) -> Function:
        """A function, its parameters and its body, in a scope of its own."""
        own = node.child_by_field_name("name")
        function = Function(self.at(node), (), self.text(own) if own else "")
        with self.inside_of(function):
            listed = node.child_by_field_name("parameters")
            params = [self._parameter(one) for one in (self.named(listed) if listed else ())]
            if function.scope.owner is not None and params and params[0].names[:1] in (("self",), ("cls",)):
                del params[0]
            function.params = params
            body = self.field(node, "body")
            if node.type == "lambda":
                function.body = [Leave(self.at(body), "return", self.expr(body))]
            else:
                function.body = self.body(body)
        return function

    def _parameter(self, node: Node) -> Parameter:
        default, kind = node.child_by_field_name("value"), node.child_by_field_name("type")
        name = node.child_by_field_name("name") or node
        while name.type != "identifier" and self.named(name):
            name = self.named(name)[0]
        inner = self.named(kind) if kind else ()
        parameter = Parameter((self.text(name),), self.expr(default) if default else None)
        if inner and inner[0].type in ("identifier", "attribute"):
            parameter.kind = self.expr(inner[0])
        self.scope.bind(self.text(name), parameter)
        return parameter

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
        return self.called(Call(self.at(node), (callee, *args, *named.values()), args, named))

    def _attribute(self, node: Node) -> Expr:
        return Member(self.at(node), (self.expr(self.field(node, "object")),), self.text(self.field(node, "attribute")))

    def _subscript(self, node: Node) -> Expr:
        inner, index = self.expr(self.field(node, "value")), self.expr(self.field(node, "subscript"))
        if isinstance(index, Text) and all(isinstance(piece, str) for piece in index.pieces):
            return Member(self.at(node), (inner,), "".join(map(str, index.pieces)))
        return Expr(self.at(node), (inner, index))

    def _assignment(self, node: Node) -> Expr:
        target, value = self.field(node, "left"), node.child_by_field_name("right")
        if value is None:
            return Expr(self.at(node))
        read = self.expr(value)
        return self._assigned(target, read if node.type == "assignment" else Expr(self.at(node), (read,)))

    def _assigned(self, target: Node, value: Expr) -> Expr:
        at = self.at(target)
        if target.type == "identifier":
            self.scope.bind(self.text(target), value)
            if self.scope.parent is None:
                self.file.exports[self.text(target)] = Name(at, id=self.text(target))
            return Assignment(at, (value,), (self.text(target),))
        if target.type == "attribute" and isinstance(member := self.expr(target), Member):
            self._remember_field(member, value)
            return Assignment(at, (value,), (), member)
        names = list(self._names(target))
        for name in names:
            self.scope.bind(name, Expr(at))
        return Assignment(at, (value,), names)

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
        return Record(self.at(node), (*items.values(), *rest), items)

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
        return self.said(Text(self.at(node), [one for one in pieces if isinstance(one, Expr)], pieces))

    def _binary(self, node: Node) -> Expr:
        left, right = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        if self.text(self.field(node, "operator")) == "+":
            return Text(self.at(node), (left, right), (left, right))
        return Expr(self.at(node), (left, right))

    def _logic(self, node: Node) -> Expr:
        parts = (self.expr(self.field(node, "left")), self.expr(self.field(node, "right")))
        return Logic(self.at(node), parts, "and" if self.text(self.field(node, "operator")) == "and" else "or")

    def _not(self, node: Node) -> Expr:
        inner = self.expr(self.field(node, "argument"))
        if isinstance(inner, Const):
            return Const(self.at(node), (), not inner.value)
        return Negation(self.at(node), (inner,))

    def _comparison(self, node: Node) -> Expr:
        parts = [self.expr(child) for child in self.named(node)]
        operators = [self.text(child) for child in node.children if not child.is_named]
        operator = " ".join(operators)
        if len(parts) != 2:
            return Expr(self.at(node), parts)
        return Comparison(self.at(node), parts, _SAME.get(operator, operator))

    def _choice(self, node: Node) -> Expr:
        one, test, other = (self.expr(child) for child in self.named(node)[:3])
        return Choice(self.at(node), (test, one, other))

    def _name(self, node: Node) -> Expr:
        return Name(self.at(node), id=self.text(node))

    def _const(self, node: Node) -> Expr:
        values: dict[str, float | bool | None] = {"true": True, "false": False, "none": None}
        if node.type in values:
            return Const(self.at(node), (), values[node.type])
        try:
            return Const(self.at(node), (), float(self.text(node).replace("_", "")))
        except ValueError:
            return Expr(self.at(node))


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
_EXPRESSIONS: dict[str, Callable[[PythonReader, Node], Expr]] = {
    "call": PythonReader._call,
    "attribute": PythonReader._attribute,
    "subscript": PythonReader._subscript,
    "lambda": PythonReader.function,
    "assignment": PythonReader._assignment,
    "augmented_assignment": PythonReader._assignment,
    "named_expression": PythonReader._walrus,
    "dictionary": PythonReader._dictionary,
    "string": PythonReader._string,
    "concatenated_string": PythonReader._string,
    "binary_operator": PythonReader._binary,
    "boolean_operator": PythonReader._logic,
    "not_operator": PythonReader._not,
    "comparison_operator": PythonReader._comparison,
    "conditional_expression": PythonReader._choice,
    "identifier": PythonReader._name,
    "integer": PythonReader._const,
    "float": PythonReader._const,
    "true": PythonReader._const,
    "false": PythonReader._const,
    "none": PythonReader._const,
}
