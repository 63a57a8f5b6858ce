"""The types of TypeScript, as far as they say of what a value is: a name, a member of one, or what a call brings."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING

from releaseguard.coverage.languages.reader import Reader
from releaseguard.coverage.languages.syntax import Call, Expr, Member

if TYPE_CHECKING:
    from tree_sitter import Node

_SAME_TYPE = ("Awaited", "NonNullable", "Readonly", "Required", "Partial", "Promise", "InstanceType")
"""Types of a type, that have what that has."""
_MAKES = re.compile(r"(create|make|build|init)(?![a-z])")


class TypeScriptTypes(Reader):
    """What the types in one file of TypeScript or TSX are."""

    @abstractmethod
    def expr(self, node: Node, name: str = "") -> Expr:
        """The value of one node; ``name`` is what it is assigned to."""

    def _type(self, annotation: Node) -> Expr | None:
        node = self.named(annotation)[0] if self.named(annotation) else annotation
        if node.type == "union_type":  # `Mailer | null`
            known = [kind for one in self.named(node) if (kind := self._named_type(one)) is not None]
            return known[0] if len(known) == 1 else None
        return self._named_type(node)

    def _named_type(self, node: Node) -> Expr | None:
        if node.type == "generic_type":
            name, given = self.named(node)[0], self.named(node)[1:]
            inner = self.named(given[0]) if given else ()
            if self.text(name) in _SAME_TYPE and inner:
                return self._named_type(inner[0])
            if self.text(name) == "ReturnType" and inner and (made := self._named_type(inner[0])) is not None:
                return Call((made,), 0, at=self.at(node))
            node = name
        if node.type == "type_query":  # `typeof client`
            return self.expr(self.named(node)[0])
        if node.type == "type_identifier":
            return self.variable(self.text(node))
        if node.type == "nested_type_identifier":
            parts = self.text(node).split(".")
            return Member((self.variable(parts[0]),), parts[-1])
        return None

    def _kind_of_result(self, call: Node) -> Expr | None:
        """The one type that a function is called with; of one that makes something, it is what that is made for."""
        if call.type != "call_expression" or _MAKES.match(self.text(self.field(call, "function")).rpartition(".")[2]):
            return None
        given = call.child_by_field_name("type_arguments")
        return self._type(given) if given is not None and len(self.named(given)) == 1 else None
