"""An app's files, read into the small tree: those that can matter, side by side, and from the cache where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from releaseguard.cards.load import Cards
from releaseguard.coverage.languages.mentions import Mentions, mentions_of
from releaseguard.coverage.languages.syntax import SourceFile
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.reading.cache import Cache
from releaseguard.coverage.reading.chosen import chosen
from releaseguard.coverage.reading.parsing import parsed
from releaseguard.coverage.reading.tree import Tree, UnreadPath, read, survey
from releaseguard.coverage.tested import Script

Progress = Callable[[int, int], None]


@dataclass
class ReadSources:
    """What was read of an app."""

    app: list[SourceFile] = field(default_factory=list)
    tests: list[Mentions] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    names: Names = field(default_factory=lambda: Names((), (), {}))
    unread: Sequence[UnreadPath] = ()
    files: int = 0
    """Files of the app, with those that speak of no provider and lead to none that does."""


def read_sources(path: Path, cards: Cards, logs: Sequence[str], progress: Progress, cache: Cache) -> ReadSources:
    """Read what lies under ``path``."""
    tree = survey(path)
    files = chosen(tree, cards, logs)
    lost = {one.name for one in tree.unread}
    sources = ReadSources(files=sum(name not in lost for name in tree.sources))
    every = [name for name in (*tree.sources, *tree.tests) if name in files.needed]
    read_ = parsed(tree, every, files.mentions, cache, progress)
    sources.app = [one for name in tree.sources if isinstance(one := read_.get(name), SourceFile)]
    tests = [one for name in tree.tests if (one := read_.get(name)) is not None]
    sources.tests = [one if isinstance(one, Mentions) else mentions_of(one) for one in tests]
    used = [one for one in tests if isinstance(one, SourceFile)]
    sources.scripts = _scripts(tree)
    held = {name: f"https://{card.hosts[0]}" for card in cards for name in card.code.addresses}
    known = (*tree.sources, *tree.tests)
    sources.names = Names([*sources.app, *used], tree.aliases, tree.renamed, held, known)
    sources.unread = list(dict.fromkeys(tree.unread))  # a file may be looked at more than once
    return sources


def _scripts(tree: Tree) -> list[Script]:
    found = []
    for name in tree.scripts:
        if (content := read(tree, name)) is not None:
            lines = [line for line in content.decode().splitlines() if not line.lstrip().startswith("#")]
            found.append(Script(name, "\n".join(lines)))
    return found
