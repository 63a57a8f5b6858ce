"""One search from end to end: read, find the calls, judge each, and say what is missing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from releaseguard.cards.load import Cards
from releaseguard.coverage.findings import Findings
from releaseguard.coverage.judging.around import Reach
from releaseguard.coverage.judging.central import Central
from releaseguard.coverage.judging.judge import Judge
from releaseguard.coverage.judging.received import receivers
from releaseguard.coverage.learning import completed
from releaseguard.coverage.program.passed import passed_in
from releaseguard.coverage.reading.cache import opened
from releaseguard.coverage.reading.sources import Progress, ReadSources, read_sources
from releaseguard.coverage.signature import OURS, Signature
from releaseguard.coverage.sites.finder import WRAPPERS, Finder
from releaseguard.coverage.values import REMARKS, ProviderCoverage, Report
from releaseguard.errors import UsageError

DEEPEST = 5_000
"""Functions inside one another while a program is followed."""


@dataclass(frozen=True)
class Asked:
    """How a search is made."""

    own: Signature | None = None
    """The app's own function that logs, where it is not ours."""
    told: frozenset[str] = frozenset(REMARKS)
    """Rules whose findings fail nothing."""
    cache: Path | None = None
    """The folder in which what was read is remembered."""

    @property
    def logs(self) -> tuple[str, ...]:
        """The names of all functions that log."""
        return tuple(dict.fromkeys((*OURS, *((self.own.function,) if self.own is not None else ()))))


def search(path: Path, cards: Cards, progress: Progress = lambda _done, _all: None, asked: Asked = Asked()) -> Report:
    """Look for unlogged and untested provider calls in a folder or file.

    ``progress`` is told how many of how many files were read. Raises ``UsageError`` where there is no such path.
    """
    if not path.exists():
        raise UsageError("there is no such file or folder", where=str(path), next_step="Name the app's folder.")
    cache = opened(asked.cache)
    with _roomy():
        sources = read_sources(path, cards, (*asked.logs, *WRAPPERS), progress, cache)
        cache.close()
        return _searched(sources, cards, _completed(asked, path))


def _completed(asked: Asked, path: Path) -> Asked:
    """With what else the app's own function has to be given, so that a suggested line is a whole one."""
    if asked.own is None:
        return asked
    folder = path if path.is_dir() else path.parent
    return replace(asked, own=completed(folder, asked.own))


@contextmanager
def _roomy() -> Iterator[None]:
    """Many small nodes that all live until the end: looking through them again and again frees none; and long chains
    of names are followed by functions that call themselves."""
    collecting, deepest = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()
    sys.setrecursionlimit(max(deepest, DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(deepest)
        if collecting:
            gc.enable()


def _searched(sources: ReadSources, cards: Cards, asked: Asked) -> Report:
    names = sources.names
    passed = passed_in(names, sources.app)
    names.origins.passed = passed
    finder = Finder(names, cards, sources.app, asked.logs)
    found = finder.find(passed.callers)
    calls = ((one, scope) for file in sources.app for one, scope in file.calls)
    reach = Reach(passed.callers, [scope for _, scope in found.logs], calls, passed.decorations)
    central = Central(names, cards, finder)
    central.learn(sources.app)
    judge = Judge(names, cards, finder, reach, central, asked.own)
    received = receivers(judge, cards, central, sources.app)
    return Findings(cards, sources, found, judge, received, asked.own, asked.told).report()


def providers(path: Path, cards: Cards) -> Mapping[str, ProviderCoverage]:
    """The providers that the app under ``path`` calls, each with its calls, how many are logged, and its tests.

    A provider of the cards that is not called is not in it. Raises ``UsageError`` where there is no such path.
    """
    return {one.provider: one for one in search(path, cards).providers}
