"""Follows what a query calls, through views, policies, domains and the project's own functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from releaseguard.appdb import rules
from releaseguard.appdb.catalogue import Catalogue
from releaseguard.appdb.mentions import QueryTree, Source
from releaseguard.appdb.rules import DatabaseFunction, Refusal


@dataclass(frozen=True, slots=True)
class Objection:
    """Something that a query may not use, and the project's functions by way of which it does, outermost first."""

    what: str
    refusal: Refusal
    by_way_of: tuple[str, ...] = ()

    def __str__(self) -> str:
        way = f" (by way of {', '.join(self.by_way_of)})" if self.by_way_of else ""
        return f"{self.what}{way} {self.refusal.reason}"


@dataclass
class Search:
    """One search. Each function, relation and type is looked at once."""

    catalogue: Catalogue
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def objections(self, query: QueryTree) -> Iterator[Objection]:
        """What speaks against running the query whose tree, with views and policies put in, this is."""
        yield from self._foreign(query.relations, ())
        yield from self._expressions(query, ())

    def _tree(self, tree: QueryTree, way: tuple[str, ...]) -> Iterator[Objection]:
        """The same for a tree as it is stored: its views and policies are still to be looked up."""
        yield from self._relations(tree.relations, way)
        yield from self._expressions(tree, way)

    def _expressions(self, tree: QueryTree, way: tuple[str, ...]) -> Iterator[Objection]:
        for checks in self.catalogue.checks(self._fresh("type", tree.types)):
            yield from self._tree(checks, way)
        called = tree.functions | self.catalogue.behind(tree.operators)
        yield from self._functions(self.catalogue.functions(called), way)

    def _relations(self, oids: Iterable[int], way: tuple[str, ...]) -> Iterator[Objection]:
        fresh = self._fresh("relation", oids)
        yield from self._foreign(fresh, way)
        for tree in self.catalogue.trees(fresh):
            yield from self._tree(tree, way)

    def _foreign(self, oids: Iterable[int], way: tuple[str, ...]) -> Iterator[Objection]:
        for table in self.catalogue.foreign(list(oids)):
            yield Objection(table, rules.elsewhere(table), way)

    def _functions(self, functions: Iterable[DatabaseFunction], way: tuple[str, ...]) -> Iterator[Objection]:
        for function in functions:
            if not self._fresh("inner function" if way else "function", [function.oid]):
                continue
            if (refusal := rules.refusal(function, in_body=bool(way))) is not None:
                yield Objection(function.words, refusal, way)
            elif function.is_aggregate and function.is_the_projects:
                yield from self._functions(self.catalogue.functions(function.parts), (*way, function.words))
            elif rules.must_be_read(function):
                yield from self._text(function, way)

    def _text(self, function: DatabaseFunction, way: tuple[str, ...]) -> Iterator[Objection]:
        inside = (*way, function.words)
        if function.is_tree:
            yield from self._tree(QueryTree(function.source), inside)
            return
        source = Source(function.source)
        if (why := source.unreadable()) is not None:
            yield Objection(function.words, rules.unreadable(why), way)
            return
        yield from self._functions(self.catalogue.named(source.calls()), inside)
        yield from self._relations(self.catalogue.relations_named(source.others() | source.calls()), inside)

    def _fresh(self, kind: str, oids: Iterable[int]) -> list[int]:
        fresh = [oid for oid in oids if (kind, oid) not in self._seen]
        self._seen.update((kind, oid) for oid in fresh)
        return fresh
