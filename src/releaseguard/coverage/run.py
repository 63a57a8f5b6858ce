"""One search from end to end: read, find the calls, judge each, and say what is missing."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from releaseguard import readable
from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage import files
from releaseguard.coverage.around import Reach
from releaseguard.coverage.judge import Judge, SiteVerdict
from releaseguard.coverage.languages.reader import ADDRESSED
from releaseguard.coverage.languages.sources import read_source
from releaseguard.coverage.languages.syntax import Call, Record, SourceFile
from releaseguard.coverage.logs import Wrong
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.program.passed import passed_in
from releaseguard.coverage.sites import Finder, Found, Site
from releaseguard.coverage.tested import Script, tests_of
from releaseguard.coverage.values import OUTCOMES, RULES, CoverageFinding, ProviderCoverage, Report, Waived
from releaseguard.errors import UsageError
from releaseguard.tomlfile import did_you_mean

_WAIVER = re.compile(r"^(?P<rule>[a-z][a-z-]*)(?:\s+(?P<provider>[a-z][a-z0-9_]*))?\s*(?:--|:|—)\s*(?P<reason>\S.*)$")

DEEPEST = 5_000
"""Functions inside one another while a program is followed."""


@dataclass
class _Sources:
    app: list[SourceFile] = field(default_factory=list)
    tests: list[SourceFile] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    names: Names = field(default_factory=lambda: Names((), {}, {}))
    unread: Sequence[tuple[str, str]] = ()


def search(path: Path, cards: Cards, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Report:
    """Look for unlogged and untested provider calls in a folder or file.

    ``progress`` is told how many of how many files were read. Raises ``UsageError`` where there is no such path.
    """
    if not path.exists():
        raise UsageError("there is no such file or folder", where=str(path), next_step="Name the app's folder.")
    with _roomy():
        return _searched(_read(path, progress), cards)


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


def _searched(sources: _Sources, cards: Cards) -> Report:
    passed = passed_in(sources.names, sources.app)
    sources.names.origins.passed = passed
    callers = passed.callers
    finder = Finder(sources.names, cards, sources.app)
    found = finder.find(callers)
    calls = [one for file in sources.app for one in file.calls]
    reach = Reach(callers, [scope for _, scope in found.logs], calls)
    judge = Judge(sources.names, cards, finder, reach)
    return _Findings(cards, sources, found, judge).report()


def providers(path: Path, cards: Cards) -> Mapping[str, ProviderCoverage]:
    """The providers that the app under ``path`` calls, each with its calls, how many are logged, and its tests.

    A provider of the cards that is not called is not in it. Raises ``UsageError`` where there is no such path.
    """
    return {one.provider: one for one in search(path, cards).providers}


def _read(path: Path, progress: Callable[[int, int], None]) -> _Sources:
    tree = files.survey(path)
    sources = _Sources()
    every = [*((name, sources.app) for name in tree.sources), *((name, sources.tests) for name in tree.tests)]
    for number, (name, kept) in enumerate(every, 1):
        if (content := files.read(tree, name)) is not None and (file := _parsed(name, content, tree)) is not None:
            kept.append(file)
        progress(number, len(every))
    for name in tree.scripts:
        if (content := files.read(tree, name)) is not None:
            lines = [line for line in content.decode().splitlines() if not line.lstrip().startswith("#")]
            sources.scripts.append(Script(name, "\n".join(lines)))
    sources.names = Names([*sources.app, *sources.tests], tree.aliases, tree.renamed)
    sources.unread = tree.unread
    return sources


def _parsed(name: str, content: bytes, tree: files.Tree) -> SourceFile | None:
    try:
        file = read_source(name, content)
    except RecursionError:
        tree.unread.append((name, "is nested too deeply"))
        return None
    if file.broken_at is not None:
        what = f"line {file.broken_at} cannot be understood; what stands around it may not have been seen"
        tree.unread.append((name, what))
    return file


@dataclass
class _Findings:
    """What is said of one search."""

    cards: Cards
    sources: _Sources
    found: Found
    judge: Judge

    def report(self) -> Report:
        """Everything, the findings in the order of files and lines."""
        self.judge.check_logs({id(call): (call, scope) for call, scope in self.found.logs})
        verdicts = [(site, self._verdict(site)) for site in self.found.sites]
        findings = [one for site, verdict in verdicts for one in self._of_call(site, verdict)]
        findings += [self._of_log(place, one) for (place, _, _), one in self.judge.wrong.items()]
        findings += [self._unseen(one.file, one.call) for one in self.found.unseen]
        rows = [
            self._row(card, verdicts) for card in self.cards if any(site.provider == card.id for site, _ in verdicts)
        ]
        findings += [self._untested(row) for row in rows if not row.tested]
        findings += [CoverageFinding(name, 1, 1, "not-read", None, (), what) for name, what in self.sources.unread]
        open_, waived, bad = _Waivers(self.sources.app).apply(findings)
        rows = [_with_waived(row, waived) for row in rows]
        every = sorted([*open_, *bad], key=lambda one: (one.file, one.line, one.column, one.rule))
        return Report(every, waived, rows, len(self.sources.app), len(self.sources.tests) + len(self.sources.scripts))

    def _verdict(self, site: Site) -> SiteVerdict:
        try:
            return self.judge.verdict(site)
        except RecursionError:
            return SiteVerdict(dict.fromkeys(OUTCOMES, "unknown"), frozenset(), None)

    def _of_call(self, site: Site, verdict: SiteVerdict) -> Iterator[CoverageFinding]:
        card = self.cards.get(site.provider)
        missing = tuple(one for one in OUTCOMES if verdict.status[one] == "missing")
        unknown = tuple(one for one in OUTCOMES if verdict.status[one] == "unknown")
        if missing:
            message = f"{card.name} is called, and its {' and its '.join(missing)} {_is(missing)} not logged"
            if verdict.others:
                names = ", ".join(sorted(verdict.others))
                message += f"; what is logged here is of {names}"
            fix = self._fix(site, card, missing)
            yield CoverageFinding(*site.at, "not-logged", card.id, missing, f"{message}.", fix)
        if unknown and verdict.too_wide:
            what = (
                f"{card.name} is called where more functions lead than are followed (or one of them is too long): whether "
                f"its {' and its '.join(unknown)} {_is(unknown)} logged was not judged."
            )
            yield CoverageFinding(*site.at, "too-wide", card.id, unknown, what)
        elif unknown:
            at = verdict.unknown_at
            where = f" ({at[0]}:{at[1]})" if at else ""
            what = f"{card.name}'s {' and '.join(unknown)} may be logged{where}, with names that are made at run time."
            yield CoverageFinding(*site.at, "unknown-log", card.id, unknown, what)

    def _fix(self, site: Site, card: Card, missing: Sequence[str]) -> str:
        known = [one for one in (site.event, *card.events.success) if one and one in card.events.success]
        events = {"success": next(iter(known), ""), "error": next(iter(card.events.error), "")}
        python = site.file.language == "python"
        return "\n".join(_line(python, self._by_name, card.id, events[one], one) for one in missing)

    @property
    def _by_name(self) -> bool:
        """Whether the app's own logs give one object, so that a line to add looks like its neighbours."""
        objects = sum(1 for call, _ in self.found.logs if call.args and isinstance(call.args[0], Record))
        return objects * 2 > len(self.found.logs)

    def _of_log(self, place: tuple[str, int, int], wrong: Wrong) -> CoverageFinding:
        provider = wrong.provider if wrong.provider in self.cards else None
        return CoverageFinding(*place, wrong.rule, provider, (), wrong.message, wrong.instead)

    def _unseen(self, file: SourceFile, call: Call) -> CoverageFinding:
        what = "The address of this request is known at run time only: whether it goes to a provider was not judged."
        return CoverageFinding(file.path, *call.at, "unknown-address", None, (), what)

    def _row(self, card: Card, verdicts: Sequence[tuple[Site, SiteVerdict]]) -> ProviderCoverage:
        mine = [(site, verdict) for site, verdict in verdicts if site.provider == card.id]
        sites = [site for site, _ in mine]
        covered = sum(all(status == "logged" for status in verdict.status.values()) for _, verdict in mine)
        tests = tests_of(card, sites, self.sources.names, self.sources.tests, self.sources.scripts)
        places = [(site.file.path, site.call.at[0]) for site in sites]
        return ProviderCoverage(card.id, card.name, len(sites), covered, 0, tests, places)

    def _untested(self, row: ProviderCoverage) -> CoverageFinding:
        file, line = row.places[0]
        card = self.cards.get(row.provider)
        what = (
            f"{row.name} is called in {readable.count(row.calls, 'place')}, and no test names it: neither its "
            f"events, nor its package, nor the function that calls it."
        )
        event = next(iter(card.events.success), row.provider)
        fix = f"A test of the function around this call that expects the event {event}."
        return CoverageFinding(file, line, 1, "not-tested", row.provider, ("test",), what, fix)


def _is(missing: Sequence[str]) -> str:
    return "is" if len(missing) == 1 else "are"


def _line(python: bool, by_name: bool, provider: str, event: str, outcome: str) -> str:
    if python:
        return f'log_integration_event("{provider}", "{event}", "{outcome}")'
    if by_name:
        return f"logIntegrationEvent({{ provider: '{provider}', event: '{event}', outcome: '{outcome}' }});"
    return f"logIntegrationEvent('{provider}', '{event}', '{outcome}');"


def _with_waived(row: ProviderCoverage, waived: Sequence[Waived]) -> ProviderCoverage:
    count = sum(one.finding.provider == row.provider and one.finding.rule == "not-logged" for one in waived)
    return ProviderCoverage(row.provider, row.name, row.calls, row.covered, count, row.tests, row.places)


@dataclass
class _Waiver:
    file: str
    line: int
    rule: str
    provider: str | None
    reason: str
    used: bool = False


class _Waivers:
    """The comments that waive findings: ``releaseguard: RULE [PROVIDER] -- reason``, beside the line or above it."""

    def __init__(self, app: Iterable[SourceFile]) -> None:
        self.waivers: list[_Waiver] = []
        self.bad: list[CoverageFinding] = []
        for file in app:
            for comment in file.comments:
                match = _WAIVER.match(comment.text)
                if match is None or match["rule"] not in RULES:
                    self.bad.append(_bad(file.path, comment.line, _what_is_bad(comment.text)))
                else:
                    self.waivers.append(
                        _Waiver(
                            file.path, comment.line + comment.alone, match["rule"], match["provider"], match["reason"]
                        )
                    )

    def apply(
        self, findings: Sequence[CoverageFinding]
    ) -> tuple[list[CoverageFinding], list[Waived], list[CoverageFinding]]:
        """The findings that stay, those that are waived, and what is wrong with the comments."""
        stay, waived = [], []
        for finding in findings:
            waiver = next((one for one in self.waivers if _fits(one, finding)), None)
            if waiver is None:
                stay.append(finding)
            else:
                waiver.used = True
                waived.append(Waived(finding, waiver.reason))
        unused = [one for one in self.waivers if not one.used]
        bad = [
            _bad(one.file, one.line, f"Nothing of the kind {one.rule} is found here: remove the comment.")
            for one in unused
        ]
        return stay, waived, [*self.bad, *bad]


def _fits(waiver: _Waiver, finding: CoverageFinding) -> bool:
    if waiver.rule != finding.rule or waiver.provider not in (None, finding.provider):
        return False
    if finding.rule == "not-tested":  # of the provider, and of no one line
        return waiver.provider is not None or (waiver.file, waiver.line) == (finding.file, finding.line)
    return (waiver.file, waiver.line) == (finding.file, finding.line)


def _bad(file: str, line: int, what: str) -> CoverageFinding:
    return CoverageFinding(file, line, 1, "bad-waiver", None, (), what)


def _what_is_bad(text: str) -> str:
    rule = text.split(maxsplit=1)[0] if text.split() else ""
    if rule in RULES:
        return f"A waiver gives its reason: {ADDRESSED} {rule} -- why. It waives nothing so."
    return f"There is no rule {rule!r} to waive. {did_you_mean(rule, RULES)}"
