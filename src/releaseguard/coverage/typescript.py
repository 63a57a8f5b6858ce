"""TypeScript and JavaScript, with JSX, into the small tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

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
    Taken,
    Text,
    Try,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = {
    "arrow_function",
    "function_expression",
    "function_declaration",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
}
_TRANSPARENT = {
    "parenthesized_expression",
    "await_expression",
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
    "type_assertion",
    "instantiation_expression",
    "yield_expression",
    "jsx_expression",
    "spread_element",
}
"""What passes on the value of its one part."""
_TYPES = {
    "type_alias_declaration",
    "interface_declaration",
    "ambient_declaration",
    "type_annotation",
    "type_arguments",
    "type_parameters",
    "import_alias",
}
_EQUAL = {"===": "==", "!==": "!="}


class TypeScriptReader(Reader):
    """One file of TypeScript, TSX or JavaScript."""

    comment_marks = ("//", "/*")

    # --- statements

    def statement(self, node: Node) -> Iterator[Statement]:
        """What one node does, in order."""
        if (read := _STATEMENTS.get(node.type)) is not None:
            yield from read(self, node)
        elif node.type not in _TYPES:
            yield Do(self.at(node), self.expr(node))

    def _expression(self, node: Node) -> Iterator[Statement]:
        for child in self.named(node):
            yield Do(self.at(child), self.expr(child))

    def _block(self, node: Node) -> Iterator[Statement]:
        yield Inner(self.at(node), self.body(node))

    def _declaration(self, node: Node) -> Iterator[Statement]:
        for child in self.named(node):
            if child.type == "variable_declarator" and (name := child.child_by_field_name("name")):
                value = child.child_by_field_name("value")
                yield Do(self.at(child), self._declared(name, value) if value else Expr(self.at(child)))

    def _declared(self, target: Node, value: Node) -> Expr:
        if (imported := self._required(value)) is not None:
            self._bind_import(target, imported)
            return self.expr(value)
        return self._assigned(target, self.expr(value, name=self.text(target)))

    def _assigned(self, target: Node, value: Expr) -> Assignment:
        at = self.at(target)
        if target.type == "identifier":
            self.scope.bind(self.text(target), value)
            return Assignment(at, (value,), (self.text(target),))
        if target.type in ("member_expression", "subscript_expression"):
            member = self.expr(target)
            place = member if isinstance(member, Member) else None
            if place is not None:
                self._remember_field(place, value)
            return Assignment(at, (value,), (), place)
        names = self._pattern(target)
        for name, key in names.items():
            self.scope.bind(name, Taken(value, key) if key else Expr(at))
        return Assignment(at, (value,), tuple(names))

    def _pattern(self, node: Node) -> dict[str, str]:
        """Name -> key, for everything that a pattern takes apart; the key is empty where it is none."""
        if node.type in ("shorthand_property_identifier_pattern", "identifier"):
            return {self.text(node): self.text(node) if node.type != "identifier" else ""}
        if node.type == "pair_pattern":
            key, value = self.field(node, "key"), self.field(node, "value")
            inner = self._pattern(value.child_by_field_name("left") or value)
            return {name: self.text(key) if value.type != "object_pattern" else "" for name in inner}
        if node.type in ("object_assignment_pattern", "assignment_pattern"):
            return self._pattern(self.field(node, "left"))
        found: dict[str, str] = {}
        for child in self.named(node):
            found |= self._pattern(child)
        return found

    def _required(self, value: Node) -> str | None:
        """The module of ``require("x")`` and ``await import("x")``."""
        while value.type in _TRANSPARENT and (inner := self.named(value)):
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
                    self.file.exports["default" if is_default else name] = Name(self.at(node), id=name)
        if (value := node.child_by_field_name("value")) is not None:
            result = self.expr(value)
            self.file.exports["default"] = result
            yield Do(self.at(value), result)

    def _export_clause(self, clause: Node, module: str | None) -> None:
        for one in self.named(clause):
            name = self.text(self.field(one, "name"))
            alias = self.text(one.child_by_field_name("alias") or self.field(one, "name"))
            self.file.exports[alias] = Import(module, name) if module else Name(self.at(one), id=name)

    def _if(self, node: Node) -> Iterator[Statement]:
        other = node.child_by_field_name("alternative")
        test = self.expr(self.field(node, "condition"))
        then = self._one(self.field(node, "consequence"))
        yield If(self.at(node), test, then, self.body(other) if other else ())

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
        yield Try(self.at(node), body, handlers, (), self.body(self.field(final, "body")) if final else ())

    def _for(self, node: Node) -> Iterator[Statement]:
        first = node.child_by_field_name("initializer")
        yield from self.statement(first) if first else ()
        condition = node.child_by_field_name("condition")
        parts = [self.expr(one) for one in (condition, node.child_by_field_name("increment")) if one]
        endless = condition is None or condition.type == "empty_statement"
        yield self._loop(node, parts, endless=endless)

    def _for_in(self, node: Node) -> Iterator[Statement]:
        value = self.expr(self.field(node, "right"))
        taken = Assignment(self.at(node), (value,), tuple(self._pattern(self.field(node, "left"))))
        for name in taken.names:
            self.scope.bind(name, Expr(self.at(node)))
        yield self._loop(node, [taken])

    def _while(self, node: Node) -> Iterator[Statement]:
        test = self.expr(self.field(node, "condition"))
        known = test.value if isinstance(test, Const) else None
        yield self._loop(node, [test], endless=bool(known), never=known is not None and not known)

    def _loop(self, node: Node, head: Sequence[Expr], *, endless: bool = False, never: bool = False) -> Loop:
        once = node.type == "do_statement"
        body = self._one(self.field(node, "body"))
        return Loop(self.at(node), head, body, (), endless, never and not once, once)

    def _switch(self, node: Node) -> Iterator[Statement]:
        cases, has_default = [], False
        for case in self.named(self.field(node, "body")):
            value = case.child_by_field_name("value")
            body = [one for child in self.named(case) if child != value for one in self.statement(child)]
            cases.append(body)
            has_default = has_default or case.type == "switch_default"
        subject = self.expr(self.field(node, "value"))
        yield Cases(self.at(node), subject, cases, True, has_default)

    def _leave(self, node: Node) -> Iterator[Statement]:
        how: dict[str, Literal["return", "throw", "break", "continue"]] = {
            "return_statement": "return",
            "throw_statement": "throw",
            "break_statement": "break",
            "continue_statement": "continue",
        }
        carries = node.type in ("return_statement", "throw_statement") and self.named(node)
        yield Leave(self.at(node), how[node.type], self.expr(self.named(node)[0]) if carries else None)

    def _labelled(self, node: Node) -> Iterator[Statement]:
        yield from self.statement(self.field(node, "body"))

    def _function(self, node: Node) -> Iterator[Statement]:
        function = self.function(node)
        self.scope.bind(function.name or "default", function)
        yield Statement(self.at(node))

    def _class(self, node: Node) -> Iterator[Statement]:
        name = node.child_by_field_name("name")
        result = self._class_value(node)
        self.scope.bind(self.text(name) if name else "default", result)
        yield Do(self.at(node), result)

    def _enum(self, node: Node) -> Iterator[Statement]:
        items = {}
        for one in self.named(self.field(node, "body")):
            if one.type == "enum_assignment" and (value := one.child_by_field_name("value")):
                items[self.text(self.field(one, "name")).strip("'\"")] = self.expr(value)
        self.scope.bind(self.text(self.field(node, "name")), Record(self.at(node), tuple(items.values()), items))
        yield Statement(self.at(node))

    # --- expressions

    def expr(self, node: Node, name: str = "") -> Expr:
        """The value of one node; ``name`` is what it is assigned to."""
        if node.type in _TRANSPARENT:
            inner = [child for child in self.named(node) if child.type not in _TYPES]
            value = self.expr(inner[0], name) if inner else Expr(self.at(node))
            if node.type == "await_expression":
                self.file.awaited.add(id(value))
            return value
        if node.type in _FUNCTIONS:
            return self.function(node, name)
        if (read := _EXPRESSIONS.get(node.type)) is not None:
            return read(self, node)
        parts = [self.expr(child) for child in self.named(node) if child.type not in _TYPES]
        return Expr(self.at(node), parts)

    def function(self, node: Node, name: str = "") -> Function:
        """A function, its parameters and its body, in a scope of its own."""
        own = node.child_by_field_name("name")
        function = Function(self.at(node), (), self.text(own) if own else name)
        with self.inside_of(function):
            function.params = self._parameters(node)
            body = node.child_by_field_name("body")
            if body is None:
                return function
            if body.type == "statement_block":
                function.body = self.body(body)
            else:
                function.body = [Leave(self.at(body), "return", self.expr(body))]
        return function

    def _parameters(self, node: Node) -> Sequence[Parameter]:
        if (single := node.child_by_field_name("parameter")) is not None:
            return [self._parameter(single, None)]
        listed = node.child_by_field_name("parameters")
        return [
            self._parameter(one.child_by_field_name("pattern") or one, one)
            for one in (self.named(listed) if listed else ())
            if one.type != "decorator"
        ]

    def _parameter(self, pattern: Node, whole: Node | None) -> Parameter:
        default, kind = None, None
        if whole is not None and (value := whole.child_by_field_name("value")) is not None:
            default = self.expr(value)
        if pattern.type == "assignment_pattern":
            default, pattern = self.expr(self.field(pattern, "right")), self.field(pattern, "left")
        if whole is not None and (annotation := whole.child_by_field_name("type")) is not None:
            kind = self._type(annotation)
        keys = self._pattern(pattern)
        parameter = Parameter(tuple(keys), default, kind, keys if pattern.type == "object_pattern" else {})
        for name in keys:
            self.scope.bind(name, parameter)
        if whole is not None and any(child.type == "accessibility_modifier" for child in whole.children):
            for name in keys:
                self._remember_field(
                    Member(self.at(whole), (Name(self.at(whole), id="this"),), name), Name(self.at(whole), id=name)
                )
        return parameter

    def _type(self, annotation: Node) -> Expr | None:
        node = self.named(annotation)[0] if self.named(annotation) else annotation
        if node.type == "generic_type":
            node = self.named(node)[0]
        if node.type == "type_identifier":
            return Name(self.at(node), id=self.text(node))
        if node.type == "nested_type_identifier":
            parts = self.text(node).split(".")
            return Member(self.at(node), (Name(self.at(node), id=parts[0]),), parts[-1])
        return None

    def _class_value(self, node: Node) -> Expr:
        name = node.child_by_field_name("name")
        result = Class(self.at(node), (), self.text(name) if name else "")
        heritage = [child for child in node.children if child.type == "class_heritage"]
        result.bases = [
            self.expr(one) for part in heritage for clause in self.named(part) for one in self.named(clause)[:1]
        ]
        parts: list[Expr] = []
        for member in self.named(self.field(node, "body")):
            key = member.child_by_field_name("name")
            if member.type == "method_definition" and key:
                with self.in_class(result):
                    result.methods[self.text(key)] = self.function(member)
            elif member.type in ("public_field_definition", "field_definition"):
                parts += self._field_of_class(member, result)
        result.parts = parts
        return result

    def _field_of_class(self, member: Node, result: Class) -> Sequence[Expr]:
        key = member.child_by_field_name("name") or member.child_by_field_name("property")
        kind = member.child_by_field_name("type")
        with self.in_class(result):
            value = member.child_by_field_name("value")
            read = self.expr(value, self.text(key) if key else "") if value else None
        if key and isinstance(read, Function):
            result.methods[self.text(key)] = read
            return ()
        if key and (known := read or (self._type(kind) if kind else None)) is not None:
            result.fields.setdefault(self.text(key), known)
        return [read] if read else ()

    def _call(self, node: Node) -> Expr:
        callee = self.expr(node.child_by_field_name("function") or self.field(node, "constructor"))
        arguments = node.child_by_field_name("arguments")
        if arguments is not None and arguments.type == "template_string":
            args: list[Expr] = [self._template(arguments)]
        else:
            args = [self.expr(one) for one in (self.named(arguments) if arguments else ())]
        return self.called(Call(self.at(node), (callee, *args), args))

    def _member(self, node: Node) -> Expr:
        inner = self.expr(self.field(node, "object"))
        return Member(self.at(node), (inner,), self.text(self.field(node, "property")))

    def _subscript(self, node: Node) -> Expr:
        inner, index = self.expr(self.field(node, "object")), self.expr(self.field(node, "index"))
        if isinstance(index, Text) and all(isinstance(piece, str) for piece in index.pieces):
            return Member(self.at(node), (inner,), "".join(map(str, index.pieces)))
        return Expr(self.at(node), (inner, index))

    def _object(self, node: Node) -> Expr:
        items: dict[str, Expr] = {}
        rest = []
        for child in self.named(node):
            if child.type == "pair":
                key = self.text(self.field(child, "key")).strip("'\"`")
                items[key] = self.expr(self.field(child, "value"), key)
            elif child.type == "shorthand_property_identifier":
                items[self.text(child)] = Name(self.at(child), id=self.text(child))
            elif child.type == "method_definition":
                items[self.text(self.field(child, "name"))] = self.function(child)
            else:
                rest.append(self.expr(child))
        return Record(self.at(node), (*items.values(), *rest), items)

    def _string(self, node: Node) -> str:
        escapes = {"n": "\n", "t": "\t", "r": "\r"}
        pieces = []
        for child in self.named(node):
            text = self.text(child)
            pieces.append(escapes.get(text[1:], text[1:]) if child.type == "escape_sequence" else text)
        return "".join(pieces)

    def _text(self, node: Node) -> Expr:
        return self.said(Text(self.at(node), (), (self._string(node),)))

    def _template(self, node: Node) -> Expr:
        pieces: list[str | Expr] = []
        for child in self.named(node):
            if child.type == "template_substitution":
                inner = self.named(child)
                pieces.append(self.expr(inner[0]) if inner else "")
            else:
                pieces.append(self.text(child))
        parts = [piece for piece in pieces if isinstance(piece, Expr)]
        return self.said(Text(self.at(node), parts, pieces))

    def _binary(self, node: Node) -> Expr:
        left, right = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        operator, at = self.text(self.field(node, "operator")), self.at(node)
        if operator in ("&&", "||", "??"):
            return Logic(at, (left, right), "and" if operator == "&&" else "or")
        if operator == "+":
            return Text(at, (left, right), (left, right))
        if (known := _EQUAL.get(operator, operator)) in ("==", "!=", "<", ">", "<=", ">="):
            return Comparison(at, (left, right), known)
        return Expr(at, (left, right))

    def _unary(self, node: Node) -> Expr:
        inner = self.expr(self.field(node, "argument"))
        if self.text(self.field(node, "operator")) == "!":
            if isinstance(inner, Const):
                return Const(self.at(node), (), not inner.value)
            return Negation(self.at(node), (inner,))
        return Expr(self.at(node), (inner,))

    def _ternary(self, node: Node) -> Expr:
        parts = [self.expr(self.field(node, key)) for key in ("condition", "consequence", "alternative")]
        return Choice(self.at(node), parts)

    def _assignment(self, node: Node) -> Expr:
        target, value = self.field(node, "left"), self.field(node, "right")
        if node.type == "assignment_expression":
            exported = self._commonjs(target)
            result = self._assigned(target, self.expr(value, self.text(target).rpartition(".")[2]))
            if exported is not None:
                self._export_commonjs(exported, result.value)
            return result
        return self._assigned(target, Expr(self.at(node), (self.expr(value),)))

    def _commonjs(self, target: Node) -> str | None:
        """The name under which ``exports.name = ...`` or ``module.exports = ...`` exports; empty for the whole."""
        text = self.text(target)
        if text == "module.exports":
            return ""
        for prefix in ("module.exports.", "exports."):
            if text.startswith(prefix):
                return text.removeprefix(prefix)
        return None

    def _export_commonjs(self, name: str, value: Expr) -> None:
        if name:
            self.file.exports[name] = value
            return
        self.file.exports["default"] = value
        if isinstance(value, Record):
            self.file.exports |= value.items

    def _name(self, node: Node) -> Expr:
        if self.text(node) == "undefined":
            return Const(self.at(node), (), None)
        return Name(self.at(node), id=self.text(node))

    def _const(self, node: Node) -> Expr:
        values: dict[str, float | bool | None] = {"true": True, "false": False, "null": None, "undefined": None}
        if node.type in values:
            return Const(self.at(node), (), values[node.type])
        try:
            return Const(self.at(node), (), float(self.text(node).replace("_", "")))
        except ValueError:
            return Expr(self.at(node))

    def _element(self, node: Node) -> Expr:
        opening = node.child_by_field_name("open_tag") or node
        name = opening.child_by_field_name("name")
        items: dict[str, Expr] = {}
        rest = []
        for attribute in self.named(opening):
            if attribute.type == "jsx_attribute":
                key, *value = self.named(attribute)
                items[self.text(key)] = self.expr(value[0], self.text(key)) if value else Const(self.at(key), (), True)
            elif attribute != name and attribute.type not in _TYPES:
                rest.append(self.expr(attribute))
        inner = self.named(node) if node.type == "jsx_element" else ()
        children = [self.expr(one) for one in inner if one.type not in ("jsx_text", *_TAGS)]
        props = Record(self.at(node), (*items.values(), *rest), items)
        callee = self.expr(name) if name else Expr(self.at(node))
        return self.called(Call(self.at(node), (callee, props, *children), (props, *children), component=True))


_TAGS = ("jsx_opening_element", "jsx_closing_element")
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
}
_EXPRESSIONS: dict[str, Callable[[TypeScriptReader, Node], Expr]] = {
    "call_expression": TypeScriptReader._call,
    "new_expression": TypeScriptReader._call,
    "member_expression": TypeScriptReader._member,
    "subscript_expression": TypeScriptReader._subscript,
    "object": TypeScriptReader._object,
    "string": TypeScriptReader._text,
    "template_string": TypeScriptReader._template,
    "binary_expression": TypeScriptReader._binary,
    "unary_expression": TypeScriptReader._unary,
    "ternary_expression": TypeScriptReader._ternary,
    "assignment_expression": TypeScriptReader._assignment,
    "augmented_assignment_expression": TypeScriptReader._assignment,
    "identifier": TypeScriptReader._name,
    "this": TypeScriptReader._name,
    "super": TypeScriptReader._name,
    "class": TypeScriptReader._class_value,
    "number": TypeScriptReader._const,
    "true": TypeScriptReader._const,
    "false": TypeScriptReader._const,
    "null": TypeScriptReader._const,
    "undefined": TypeScriptReader._const,
    "jsx_element": TypeScriptReader._element,
    "jsx_self_closing_element": TypeScriptReader._element,
}
