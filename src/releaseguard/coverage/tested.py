"""Which tests name a provider: its events, its package, its hosts, or the function of the app that calls it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Card
from releaseguard.coverage.languages.mentions import Mentions
from releaseguard.coverage.languages.syntax import Scope
from releaseguard.coverage.program.modules import package_of
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.sites.values import Site

_EDGE = re.compile(r"(?:^|/)functions/([^/_][^/]*)/")


@dataclass(frozen=True)
class Script:
    """A test that is not a program: its name, and its lines without comments."""

    path: str
    text: str


def tests_of(
    card: Card, sites: Sequence[Site], names: Names, tests: Sequence[Mentions], scripts: Sequence[Script]
) -> Sequence[str]:
    """The test files that name the provider."""
    found = [file.path for file in tests if file.runs and _names_it(file, card, sites, names)]
    events = (*card.events.success, *card.events.error)
    word = re.compile(rf"(?<![a-z0-9]){re.escape(card.id)}(?![a-z0-9])", re.IGNORECASE)
    found += [
        one.path
        for one in scripts
        if word.search(one.path) or word.search(one.text) or any(e in one.text for e in events)
    ]
    return found


def _names_it(file: Mentions, card: Card, sites: Sequence[Site], names: Names) -> bool:
    said = file.texts | {one.module for one in file.imports}
    if any(_of_card(text, card, file.language) for text in said):
        return True
    imported = [(names.module(file, one.module), one.member) for one in file.imports]
    if any(
        site.file is found and (member in (None, "default") or member in _functions(site))
        for found, member in imported
        for site in sites
    ):
        return True
    edges = {match[1] for site in sites if (match := _EDGE.search(site.file.path))}
    if edges and any(text == edge or f"/v1/{edge}" in text for text in said for edge in edges):
        return True
    stem = posixpath.basename(file.path).lower()
    words = re.split(r"[^a-z0-9]+", stem)
    return "e2e" in file.path and set(card.id.split("_")) <= set(words)


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
