"""Which tests name a provider: its events, its package, its hosts, or the function of the app that calls it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Card
from releaseguard.coverage.languages.syntax import Call, Import, Member, Name, Scope, SourceFile
from releaseguard.coverage.program.modules import package_of
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.sites.values import Site

_EDGE = re.compile(r"(?:^|/)functions/([^/_][^/]*)/")
_TESTS = ("it", "test")


@dataclass(frozen=True)
class Script:
    """A test that is no program: its name, and its lines without comments."""

    path: str
    text: str


def tests_of(
    card: Card, sites: Sequence[Site], names: Names, tests: Sequence[SourceFile], scripts: Sequence[Script]
) -> Sequence[str]:
    """The test files that name the provider."""
    found = [file.path for file in tests if _has_a_test(file) and _names_it(file, card, sites, names)]
    events = (*card.events.success, *card.events.error)
    word = re.compile(rf"(?<![a-z0-9]){re.escape(card.id)}(?![a-z0-9])", re.IGNORECASE)
    found += [
        one.path
        for one in scripts
        if word.search(one.path) or word.search(one.text) or any(e in one.text for e in events)
    ]
    return found


def _has_a_test(file: SourceFile) -> bool:
    """Whether anything in it is run: one that is skipped or only planned is not."""
    if file.language == "python":
        return any(function.name.startswith("test") for function in file.functions)
    return any(_runs(call) for call, _ in file.calls)


def _runs(call: Call) -> bool:
    callee = call.callee
    last = ""
    while isinstance(callee, Member | Call):
        if isinstance(callee, Member):
            last = callee.name
            if callee.name == "test" and isinstance(callee.object, Name) and callee.object.id == "Deno":
                return True
            if callee.name in ("skip", "todo", "failing"):
                return False
        callee = callee.parts[0]
    return isinstance(callee, Name) and callee.id in _TESTS and last in ("", "only", "each", "concurrent", "serial")


def _names_it(file: SourceFile, card: Card, sites: Sequence[Site], names: Names) -> bool:
    if any(_of_card(text, card, file.language) for text in _texts(file)):
        return True
    if any(
        site.file is found and (member in (None, "default") or member in _functions(site))
        for found, member in _imports(file, names)
        for site in sites
    ):
        return True
    edges = {match[1] for site in sites if (match := _EDGE.search(site.file.path))}
    if edges and any(text == edge or f"/v1/{edge}" in text for text in _texts(file) for edge in edges):
        return True
    stem = posixpath.basename(file.path).lower()
    words = re.split(r"[^a-z0-9]+", stem)
    return "e2e" in file.path and set(card.id.split("_")) <= set(words)


def _texts(file: SourceFile) -> Iterator[str]:
    for text in file.texts:
        yield "".join(piece for piece in text.pieces if isinstance(piece, str))
    for name in _scopes(file):
        for values in name.names.values():
            yield from (one.module for one in values if isinstance(one, Import))


def _of_card(text: str, card: Card, language: str) -> bool:
    """Whether a text is one of the card's packages, an address at one of its hosts, or one of its events."""
    if text in (*card.events.success, *card.events.error):
        return True
    if language == "python":
        if re.fullmatch(r"[A-Za-z_][\w.]*", text) and text.split(".", maxsplit=1)[0] in card.code.python:
            return not _is_shared(card)
    elif text and package_of(text, language)[0] in card.code.npm:
        return True
    if any(text == one or text.startswith((f"{one}.", f"{one}/")) for one in card.code.within):
        return True
    return any(re.search(rf"(^|[/.@]){re.escape(host)}($|[/:?])", text) for host in card.hosts)


def _is_shared(card: Card) -> bool:
    """A package of many services (boto3) names the provider by what is asked of it only."""
    return any("(" in path for path in card.code.calls)


def _imports(file: SourceFile, names: Names) -> Iterator[tuple[SourceFile, str | None]]:
    for scope in _scopes(file):
        for values in scope.names.values():
            for one in values:
                if isinstance(one, Import) and (found := names.module(file, one.module)) is not None:
                    yield found, one.member


def _scopes(file: SourceFile) -> Iterator[Scope]:
    yield file.main.scope
    for function in file.functions:
        yield function.scope


def _functions(site: Site) -> set[str]:
    """The functions around a call, and the class."""
    found = set[str]()
    here: Scope | None = site.scope
    while here is not None:
        if here.function is not None and here.function.name:
            found.add(here.function.name)
        if here.owner is not None:
            found.add(here.owner.name)
        here = here.parent
    return found
