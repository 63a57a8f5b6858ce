"""TypeScript and JavaScript, with JSX, into the small tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from releaseguard.coverage.languages.reader import record
from releaseguard.coverage.languages.syntax import (
    Assignment,
    Call,
    Cases,
    Class,
    Comparison,
    Const,
    Do,
    Expr,
    Handler,
    If,
    Import,
    Inner,
    Leave,
    Loop,
    Name,
    Statement,
    Try,
    TypeName,
)
from releaseguard.coverage.languages.typescript_expressions import TRANSPARENT, TYPES, TypeScriptExpressions

if TYPE_CHECKING:
    from tree_sitter import Node


class TypeScriptReader(TypeScriptExpressions):
    """One file of TypeScript, TSX or JavaScript."""

    def statement(self, node: Node) -> Iterator[Statement]:
        """What one node does, in order."""
        if (read := _STATEMENTS.get(node.type)) is not None:
            yield from read(self, node)
        elif node.type not in TYPES:
            yield Do(self.expr(node))

    def _expression(self, node: Node) -> Iterator[Statement]:
        for child in self.named(node):
            yield Do(self.expr(child))

    def _block(self, node: Node) -> Iterator[Statement]:
        yield Inner(self.body(node))

    def _declaration(self, node: Node) -> Iterator[Statement]:
        for child in self.named(node):
            if child.type == "variable_declarator" and (name := child.child_by_field_name("name")):
                value, kind = child.child_by_field_name("value"), child.child_by_field_name("type")
                read = self._declared(name, value) if value else Expr()
                if kind is not None and name.type == "identifier":
                    self._keep_type(self.text(name), read, kind)
                yield Do(read)

    def _keep_type(self, name: str, read: Expr, kind: Node) -> None:
        """What a variable is declared as: of a call its result's type, and what it is where nothing is assigned yet."""
        value = read.value if isinstance(read, Assignment) else read
        typed = self._type(kind)
        if isinstance(value, Call):
            value.kind = value.kind or typed
        elif isinstance(typed, Name) and (type(value) is Expr or isinstance(value, Const)):
            self.scope.bind(name, TypeName(id=typed.id))

    def _declared(self, target: Node, value: Node) -> Expr:
        if (imported := self._required(value)) is not None:
            self._bind_import(target, imported)
            return self.expr(value)
        return self._assigned(target, self.expr(value, name=self.text(target)))

    def _required(self, value: Node) -> str | None:
        """The module of ``require("x")`` and ``await import("x")``."""
        while value.type in TRANSPARENT and (inner := self.named(value)):
            value = inner[0]
        if value.type != "call_expression":
            return None
        function, arguments = self.field(value, "function"), self.field(value, "arguments")
        first = next(iter(self.named(arguments)), None)
        if self.text(function) not in ("require", "import") or first is None or first.type != "string":
            return None
        return self._string(first)

    def _bind_import(self, target: Node, module: str) -> None:
        if target.type == "identifier":
            self.scope.bind(self.text(target), Import(module, None))
            return
        for name, key in self._pattern(target).items():
            self.scope.bind(name, Import(module, key or name))

    def _import(self, node: Node) -> Iterator[Statement]:
        source = node.child_by_field_name("source")
        for clause in self.named(node):
            if clause.type == "import_require_clause":
                module = self._string(self.field(clause, "source"))
                self.scope.bind(self.text(self.named(clause)[0]), Import(module, None))
            elif clause.type == "import_clause" and source is not None:
                self._import_clause(clause, self._string(source))
        yield from ()

    def _import_clause(self, clause: Node, module: str) -> None:
        for child in self.named(clause):
            if child.type == "identifier":
                self.scope.bind(self.text(child), Import(module, "default"))
            elif child.type == "namespace_import":
                self.scope.bind(self.text(self.named(child)[0]), Import(module, None))
            for one in self.named(child) if child.type == "named_imports" else ():
                name = self.field(one, "name")
                self.scope.bind(self.text(one.child_by_field_name("alias") or name), Import(module, self.text(name)))

    def _export(self, node: Node) -> Iterator[Statement]:
        source = node.child_by_field_name("source")
        module = self._string(source) if source else None
        is_default = any(child.type == "default" for child in node.children)
        for child in self.named(node):
            if child.type == "export_clause":
                self._export_clause(child, module)
            elif child.type == "namespace_export" and module:
                self.file.exports[self.text(self.named(child)[0])] = Import(module, None)
        if module and any(child.type == "*" for child in node.children):
            self.file.stars.append(module)
        if (declaration := node.child_by_field_name("declaration")) is not None:
            before = {name: len(values) for name, values in self.scope.names.items()}
            yield from self.statement(declaration)
            for name, values in list(self.scope.names.items()):
                if len(values) > before.get(name, 0):
                    self.file.exports["default" if is_default else name] = self.variable(name)
        if (value := node.child_by_field_name("value")) is not None:
            result = self.expr(value)
            self.file.exports["default"] = result
            yield Do(result)

    def _export_clause(self, clause: Node, module: str | None) -> None:
        for one in self.named(clause):
            name = self.text(self.field(one, "name"))
            alias = self.text(one.child_by_field_name("alias") or self.field(one, "name"))
            self.file.exports[alias] = Import(module, name) if module else self.variable(name)

    def _if(self, node: Node) -> Iterator[Statement]:
        other = node.child_by_field_name("alternative")
        test = self.expr(self.field(node, "condition"))
        then = self._one(self.field(node, "consequence"))
        yield If(test, then, self.body(other) if other else ())

    def _one(self, node: Node) -> Sequence[Statement]:
        """A block, or the one statement that stands in its place."""
        return self.body(node) if node.type == "statement_block" else list(self.statement(node))

    def _try(self, node: Node) -> Iterator[Statement]:
        body = self.body(self.field(node, "body"))
        handlers = []
        if (caught := node.child_by_field_name("handler")) is not None:
            parameter = caught.child_by_field_name("parameter")
            name = self.text(parameter) if parameter and parameter.type == "identifier" else None
            handlers.append(Handler(name, self.body(self.field(caught, "body"))))
        final = node.child_by_field_name("finalizer")
        yield Try(body, handlers, (), self.body(self.field(final, "body")) if final else ())

    def _for(self, node: Node) -> Iterator[Statement]:
        first = node.child_by_field_name("initializer")
        yield from self.statement(first) if first else ()
        condition = node.child_by_field_name("condition")
        parts = [self.expr(one) for one in (condition, node.child_by_field_name("increment")) if one]
        endless = condition is None or condition.type == "empty_statement"
        yield self._loop(node, parts, endless=endless)

    def _for_in(self, node: Node) -> Iterator[Statement]:
        value = self.expr(self.field(node, "right"))
        taken = Assignment((value,), tuple(self._pattern(self.field(node, "left"))))
        for name in taken.names:
            self.scope.bind(name, Expr())
        yield self._loop(node, [taken])

    def _while(self, node: Node) -> Iterator[Statement]:
        test = self.expr(self.field(node, "condition"))
        known = test.value if isinstance(test, Const) else None
        yield self._loop(node, [test], endless=bool(known), never=known is not None and not known)

    def _loop(self, node: Node, head: Sequence[Expr], *, endless: bool = False, never: bool = False) -> Loop:
        once = node.type == "do_statement"
        body = self._one(self.field(node, "body"))
        return Loop(head, body, (), endless, never and not once, once)

    def _switch(self, node: Node) -> Iterator[Statement]:
        subject = self.expr(self.field(node, "value"))
        cases: list[Sequence[Statement]] = []
        tests: list[Expr | None] = []
        for case in self.named(self.field(node, "body")):
            value = case.child_by_field_name("value")
            tests.append(self._case(subject, self.expr(value)) if value is not None else None)
            cases.append([one for child in self.named(case) if child != value for one in self.statement(child)])
        yield Cases(subject, cases, True, tests)

    def _case(self, subject: Expr, value: Expr) -> Expr:
        """When a case is chosen; ``switch (true)`` asks each of its cases."""
        return value if isinstance(subject, Const) and subject.value is True else Comparison((subject, value), "==")

    def _leave(self, node: Node) -> Iterator[Statement]:
        how: dict[str, Literal["return", "throw", "break", "continue"]] = {
            "return_statement": "return",
            "throw_statement": "throw",
            "break_statement": "break",
            "continue_statement": "continue",
        }
        carries = node.type in ("return_statement", "throw_statement") and self.named(node)
        yield Leave(how[node.type], self.expr(self.named(node)[0]) if carries else None)

    def _labelled(self, node: Node) -> Iterator[Statement]:
        yield from self.statement(self.field(node, "body"))

    def _function(self, node: Node) -> Iterator[Statement]:
        function = self.function(node)
        self.scope.bind(function.name or "default", function)
        yield Statement()

    def _class(self, node: Node) -> Iterator[Statement]:
        name = node.child_by_field_name("name")
        result = self._class_value(node)
        self.scope.bind(self.text(name) if name else "default", result)
        yield Do(result)

    def _interface(self, node: Node) -> Iterator[Statement]:
        """An interface, or a type that is an object: the fields whose type is a name, as those of a class are."""
        body = node.child_by_field_name("body") or node.child_by_field_name("value")
        name = node.child_by_field_name("name")
        if body is not None and name is not None and body.type in ("interface_body", "object_type"):
            fields = {
                self.text(key): typed
                for one in self.named(body)
                if one.type == "property_signature"
                if (key := one.child_by_field_name("name")) and (kind := one.child_by_field_name("type"))
                if (typed := self._type(kind)) is not None
            }
            self.scope.bind(self.text(name), Class((), self.text(name), fields=fields))
        yield from ()

    def _enum(self, node: Node) -> Iterator[Statement]:
        items = {}
        for one in self.named(self.field(node, "body")):
            if one.type == "enum_assignment" and (value := one.child_by_field_name("value")):
                items[self.text(self.field(one, "name")).strip("'\"")] = self.expr(value)
        self.scope.bind(self.text(self.field(node, "name")), record(items))
        yield Statement()


_STATEMENTS: dict[str, Callable[[TypeScriptReader, Node], Iterator[Statement]]] = {
    "expression_statement": TypeScriptReader._expression,
    "statement_block": TypeScriptReader._block,
    "else_clause": TypeScriptReader._block,
    "lexical_declaration": TypeScriptReader._declaration,
    "variable_declaration": TypeScriptReader._declaration,
    "import_statement": TypeScriptReader._import,
    "export_statement": TypeScriptReader._export,
    "if_statement": TypeScriptReader._if,
    "try_statement": TypeScriptReader._try,
    "for_statement": TypeScriptReader._for,
    "for_in_statement": TypeScriptReader._for_in,
    "while_statement": TypeScriptReader._while,
    "do_statement": TypeScriptReader._while,
    "switch_statement": TypeScriptReader._switch,
    "return_statement": TypeScriptReader._leave,
    "throw_statement": TypeScriptReader._leave,
    "break_statement": TypeScriptReader._leave,
    "continue_statement": TypeScriptReader._leave,
    "labeled_statement": TypeScriptReader._labelled,
    "function_declaration": TypeScriptReader._function,
    "generator_function_declaration": TypeScriptReader._function,
    "class_declaration": TypeScriptReader._class,
    "abstract_class_declaration": TypeScriptReader._class,
    "enum_declaration": TypeScriptReader._enum,
    "interface_declaration": TypeScriptReader._interface,
    "type_alias_declaration": TypeScriptReader._interface,
}
