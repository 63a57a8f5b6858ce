"""The expressions of TypeScript and JavaScript into the small tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from releaseguard.coverage.languages.reader import BASES, record, shared
from releaseguard.coverage.languages.syntax import (
    ANY,
    FIRST,
    Assignment,
    Call,
    Choice,
    Class,
    Comparison,
    Const,
    Decoration,
    Destructured,
    Expr,
    Function,
    Leave,
    Logic,
    Member,
    Negation,
    Parameter,
    Record,
    Text,
)
from releaseguard.coverage.languages.typescript_types import TypeScriptTypes

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = {
    "arrow_function", "function_expression", "function_declaration", "generator_function",
    "generator_function_declaration", "method_definition",
}  # fmt: skip
TRANSPARENT = {
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
TYPES = {
    "type_alias_declaration",
    "interface_declaration",
    "ambient_declaration",
    "type_annotation",
    "type_arguments",
    "type_parameters",
    "import_alias",
}
_EQUAL = {"===": "==", "!==": "!="}


class TypeScriptExpressions(TypeScriptTypes):
    """What the values in one file of TypeScript, TSX or JavaScript are."""

    def expr(self, node: Node, name: str = "") -> Expr:
        """The value of one node; ``name`` is what it is assigned to."""
        if node.type in TRANSPARENT:
            inner = [child for child in self.named(node) if child.type not in TYPES]
            value = self.expr(inner[0], name) if inner else Expr()
            if node.type == "await_expression" and isinstance(value, Call):
                value.awaited = True
            return value
        if node.type in _FUNCTIONS:
            return self.function(node, name)
        if (read := _EXPRESSIONS.get(node.type)) is not None:
            return read(self, node)
        return Expr(tuple(self.expr(child) for child in self.named(node) if child.type not in TYPES))

    def function(self, node: Node, name: str = "") -> Function:
        """A function, its parameters and its body, in a scope of its own."""
        own = node.child_by_field_name("name")
        function = Function((), self.text(own) if own else name, at=self.at(node))
        with self.inside_of(function):
            function.params = self._parameters(node)
            kind = node.child_by_field_name("return_type")
            function.kind = self._type(kind) if kind is not None else None
            body = node.child_by_field_name("body")
            if body is None:
                return function
            if body.type == "statement_block":
                function.body = self.body(body)
            else:
                function.body = (Leave("return", self.expr(body)),)
        return function

    def _parameters(self, node: Node) -> Sequence[Parameter]:
        if (single := node.child_by_field_name("parameter")) is not None:
            return (self._parameter(single, None),)
        listed = node.child_by_field_name("parameters")
        return tuple(
            self._parameter(one.child_by_field_name("pattern") or one, one)
            for one in (self.named(listed) if listed else ())
            if one.type != "decorator"
        )

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
                self._remember_field(Member((self.variable("this"),), name), self.variable(name))
        return parameter

    def _class_value(self, node: Node) -> Expr:
        name = node.child_by_field_name("name")
        result = Class((), self.text(name) if name else "")
        self.file.classes.append((result, self.scope))
        heritage = [child for child in node.children if child.type == "class_heritage"]
        result.bases = [
            self.expr(one) for part in heritage for clause in self.named(part) for one in self.named(clause)[:1]
        ]
        parts: list[Expr] = []
        marks: list[Node] = []
        for member in self.named(self.field(node, "body")):
            if member.type == "decorator":
                marks.append(member)
                continue
            key = member.child_by_field_name("name")
            if member.type == "method_definition" and key:
                with self.in_class(result):
                    method = self.function(member)
                    self.keep_method(result, self.text(key), method, any(c.type == "get" for c in member.children))
                parts += self._decorated(method, marks)
            elif member.type in ("public_field_definition", "field_definition"):
                parts += self._field_of_class(member, result)
            marks = []
        result.parts = parts
        return result

    def _decorated(self, method: Function, marks: Sequence[Node]) -> Sequence[Expr]:
        """A decorator is given the method, or by TypeScript's older rule a class, a name and ``{ value: method }``."""
        value: Expr = method
        for mark in reversed(marks):
            args = (value, Text((), (method.name,)), record({"value": value}))
            value = self.called(Decoration((self.expr(self.named(mark)[0]), *args), len(args), at=self.at(mark)))
        return (value,) if marks else ()

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
            args: tuple[Expr, ...] = (self._template(arguments),)
        else:
            args = tuple(self.expr(one) for one in (self.named(arguments) if arguments else ()))
        return self.called(Call((callee, *args), len(args), kind=self._kind_of_result(node), at=self.at(node)))

    def _member(self, node: Node) -> Expr:
        inner = self.expr(self.field(node, "object"))
        return Member((inner,), self.text(self.field(node, "property")))

    def _subscript(self, node: Node) -> Expr:
        inner, index = self.expr(self.field(node, "object")), self.expr(self.field(node, "index"))
        if isinstance(index, Text) and all(isinstance(piece, str) for piece in index.pieces):
            return Member((inner,), "".join(map(str, index.pieces)))
        return Member((inner, index), ANY) if not isinstance(index, Const) else Expr((inner, index))

    def _object(self, node: Node) -> Expr:
        items: dict[str, Expr] = {}
        rest = []
        for child in self.named(node):
            if child.type == "pair":
                key = self.text(self.field(child, "key")).strip("'\"`")
                items[key] = self.expr(self.field(child, "value"), key)
            elif child.type == "shorthand_property_identifier":
                items[self.text(child)] = self.variable(self.text(child))
            elif child.type == "method_definition":
                items[self.text(self.field(child, "name"))] = self.function(child)
            else:
                rest.append(self.expr(child))
        return record(items, rest)

    def _string(self, node: Node) -> str:
        escapes = {"n": "\n", "t": "\t", "r": "\r"}
        pieces = []
        for child in self.named(node):
            text = self.text(child)
            pieces.append(escapes.get(text[1:], text[1:]) if child.type == "escape_sequence" else text)
        return "".join(pieces)

    def _text(self, node: Node) -> Expr:
        return self.said(Text((), shared((self._string(node),)), self.at(node)))

    def _template(self, node: Node) -> Expr:
        pieces: list[str | Expr] = []
        for child in self.named(node):
            if child.type == "template_substitution":
                inner = self.named(child)
                pieces.append(self.expr(inner[0]) if inner else "")
            else:
                pieces.append(self.text(child))
        parts = [piece for piece in pieces if isinstance(piece, Expr)]
        return self.said(Text(parts, pieces, self.at(node)))

    def _binary(self, node: Node) -> Expr:
        left, right = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        operator = self.text(self.field(node, "operator"))
        if operator in ("&&", "||", "??"):
            return Logic((left, right), "and" if operator == "&&" else "or")
        if operator == "+":
            return Text((left, right), (left, right), self.at(node))
        if (known := _EQUAL.get(operator, operator)) in ("==", "!=", "<", ">", "<=", ">="):
            return Comparison((left, right), known)
        return Expr((left, right))

    def _unary(self, node: Node) -> Expr:
        inner = self.expr(self.field(node, "argument"))
        if self.text(self.field(node, "operator")) == "!":
            if isinstance(inner, Const):
                return Const((), not inner.value)
            return Negation((inner,))
        return Expr((inner,))

    def _ternary(self, node: Node) -> Expr:
        parts = [self.expr(self.field(node, key)) for key in ("condition", "consequence", "alternative")]
        return Choice(parts)

    def _assignment(self, node: Node) -> Expr:
        target, value = self.field(node, "left"), self.field(node, "right")
        if node.type == "assignment_expression":
            exported = self._commonjs(target)
            result = self._assigned(target, self.expr(value, self.text(target).rpartition(".")[2]))
            if exported is not None:
                self._export_commonjs(exported, result.value)
            return result
        read = self.expr(value)
        if self.text(self.field(node, "operator")) in ("??=", "||=", "&&="):
            return self._assigned(target, read)
        return self._assigned(target, Expr((read,)))

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
            return Const((), None)
        return self.variable(self.text(node))

    def _const(self, node: Node) -> Expr:
        values: dict[str, float | bool | None] = {"true": True, "false": False, "null": None, "undefined": None}
        if node.type in values:
            return Const((), values[node.type])
        try:
            return Const((), float(self.text(node).replace("_", "")))
        except ValueError:
            return Expr()

    def _element(self, node: Node) -> Expr:
        opening = node.child_by_field_name("open_tag") or node
        name = opening.child_by_field_name("name")
        items: dict[str, Expr] = {}
        rest = []
        for attribute in self.named(opening):
            if attribute.type == "jsx_attribute":
                key, *value = self.named(attribute)
                if value and (value[0].type != "string" or self.text(key) in BASES):
                    items[self.text(key)] = self.expr(value[0], self.text(key))
            elif attribute != name and attribute.type not in TYPES:
                rest.append(self.expr(attribute))
        inner = self.named(node) if node.type == "jsx_element" else ()
        children = [self.expr(one) for one in inner if one.type not in ("jsx_text", *_TAGS)]
        plain = name is None or (name.type == "identifier" and self.text(name)[:1].islower())
        if name is None or (plain and not items and not rest):  # it holds others, and runs nothing
            return Expr(children) if len(children) > 1 else children[0] if children else Expr()
        args = (record(items, rest), *children)
        return self.called(Call((self.expr(name), *args), len(args), component=True, at=self.at(node)))

    def _assigned(self, target: Node, value: Expr) -> Assignment:
        if target.type == "identifier":
            self.scope.bind(self.text(target), value)
            return Assignment((value,), (self.text(target),))
        if target.type in ("member_expression", "subscript_expression"):
            member = self.expr(target)
            place = member if isinstance(member, Member) else None
            if place is not None:
                self._remember_field(place, value)
            return Assignment((value,), (), place)
        names = self._pattern(target)
        first = next(iter(names), None) if target.type == "array_pattern" else None
        for name, key in names.items():
            known = key or (FIRST if name == first else "")
            self.scope.bind(name, Destructured(value, known) if known else Expr())
        return Assignment((value,), tuple(names))

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


_TAGS = ("jsx_opening_element", "jsx_closing_element")
_EXPRESSIONS: dict[str, Callable[[TypeScriptExpressions, Node], Expr]] = {
    "call_expression": TypeScriptExpressions._call,
    "new_expression": TypeScriptExpressions._call,
    "member_expression": TypeScriptExpressions._member,
    "subscript_expression": TypeScriptExpressions._subscript,
    "object": TypeScriptExpressions._object,
    "string": TypeScriptExpressions._text,
    "template_string": TypeScriptExpressions._template,
    "binary_expression": TypeScriptExpressions._binary,
    "unary_expression": TypeScriptExpressions._unary,
    "ternary_expression": TypeScriptExpressions._ternary,
    "assignment_expression": TypeScriptExpressions._assignment,
    "augmented_assignment_expression": TypeScriptExpressions._assignment,
    "identifier": TypeScriptExpressions._name,
    "import": TypeScriptExpressions._name,
    "this": TypeScriptExpressions._name,
    "super": TypeScriptExpressions._name,
    "class": TypeScriptExpressions._class_value,
    "number": TypeScriptExpressions._const,
    "true": TypeScriptExpressions._const,
    "false": TypeScriptExpressions._const,
    "null": TypeScriptExpressions._const,
    "undefined": TypeScriptExpressions._const,
    "jsx_element": TypeScriptExpressions._element,
    "jsx_self_closing_element": TypeScriptExpressions._element,
}
