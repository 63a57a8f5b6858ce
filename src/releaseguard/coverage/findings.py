"""What is said of one search: findings with the lines to add, and the count of each provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from releaseguard import readable
from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.judging.judge import Judge, SiteVerdict
from releaseguard.coverage.judging.pings import is_ping
from releaseguard.coverage.judging.received import Receiver
from releaseguard.coverage.languages.syntax import Record
from releaseguard.coverage.logs import Wrong
from releaseguard.coverage.reading.sources import ReadSources
from releaseguard.coverage.signature import Signature
from releaseguard.coverage.sites.values import Found, Site, Unseen
from releaseguard.coverage.tested import tests_of
from releaseguard.coverage.values import (
    OUTCOMES,
    REMARKS,
    CallPlace,
    ClientPlace,
    CoverageFinding,
    ProviderCoverage,
    Received,
    Report,
)
from releaseguard.coverage.waivers import Waivers

SHARED = 5
"""Calls of one client from which on it is named as the place to log them all."""


@dataclass
class Findings:
    """What is said of one search."""

    cards: Cards
    sources: ReadSources
    found: Found
    judge: Judge
    received: Sequence[Receiver] = ()
    own: Signature | None = None
    told: frozenset[str] = frozenset(REMARKS)
    """Rules whose findings fail nothing."""

    def report(self) -> Report:
        """Everything, the findings in the order of files and lines."""
        self.judge.check_logs({id(call): (call, scope) for call, scope in self.found.logs})
        verdicts = [(site, self._verdict(site)) for site in self.found.sites if not is_ping(site)]
        findings = [one for site, verdict in verdicts for one in self._of_call(site, verdict)]
        findings += [self._of_ping(site) for site in self.found.sites if is_ping(site)]
        findings += [self._of_log(place, one) for (place, _, _), one in self.judge.wrong.items()]
        findings += [self._unseen(one) for one in self.found.unseen]
        findings += [self._unreceived(one) for one in self.received if not one.logged]
        called = {site.provider for site, _ in verdicts}
        rows = [self._row(card, verdicts) for card in self.cards if card.id in called]
        findings += [self._untested(row) for row in rows if not row.tested]
        unread = self.sources.unread
        findings += [CoverageFinding(one.name, one.line, 1, "not-read", None, (), one.what) for one in unread]
        calls = [CallPlace(one.provider, one.use.event, *one.at[:2]) for one, _ in verdicts]
        return self._waived(findings, rows, calls)

    def _waived(
        self, findings: Sequence[CoverageFinding], rows: Sequence[ProviderCoverage], calls: Sequence[CallPlace]
    ) -> Report:
        open_, waived, bad = Waivers(self.sources.app).apply(findings)
        every = sorted([*open_, *bad], key=lambda one: (one.file, one.line, one.column, one.rule))
        tests = len(self.sources.tests) + len(self.sources.scripts)
        received = [Received(one.card.id, one.kind, one.file.path, one.at[0], one.logged) for one in self.received]
        return Report(every, waived, rows, self.sources.files, tests, received, self.told, calls)

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
            if verdict.unlooked and "success" in missing:
                message += "; a success is logged without a look at ok, status or error, which a refused key passes too"
            if verdict.others:
                names = ", ".join(sorted(verdict.others))
                message += f"; what is logged here is of {names}"
            fix = self._fix(site, card, missing)
            yield CoverageFinding(*site.at, "not-logged", card.id, missing, f"{message}.", fix)
        if unknown and verdict.too_wide:
            what = (
                f"{card.name} is called where more functions lead than are followed, or one too long: whether its "
                f"{' and its '.join(unknown)} {_is(unknown)} logged was not judged."
            )
            yield CoverageFinding(*site.at, "too-wide", card.id, unknown, what)
        elif unknown:
            at = verdict.unknown_at
            where = f" ({at[0]}:{at[1]})" if at else ""
            what = f"{card.name}'s {' and '.join(unknown)} may be logged{where}, with names that are made at run time."
            yield CoverageFinding(*site.at, "unknown-log", card.id, unknown, what)

    def _fix(self, site: Site, card: Card, missing: Sequence[str]) -> str:
        known = [one for one in (site.use.event, *card.events.success) if one and one in card.events.success]
        events = {"success": next(iter(known), ""), "error": next(iter(card.events.error), "")}
        python = site.file.language == "python"
        return "\n".join(self._line(python, card.id, events[one], one) for one in missing)

    def _line(self, python: bool, provider: str, event: str, outcome: str) -> str:
        """A log to add, in the words of the app's own where it has some."""
        if self.own is not None:
            return self.own.line(provider, event, outcome, python)
        return _line(python, self._by_name, provider, event, outcome)

    @property
    def _by_name(self) -> bool:
        """Whether the app's own logs give one object, so that a line to add looks like its neighbours."""
        objects = sum(1 for call, _ in self.found.logs if call.args and isinstance(call.args[0], Record))
        return objects * 2 > len(self.found.logs)

    def _of_log(self, place: tuple[str, int, int], wrong: Wrong) -> CoverageFinding:
        provider = wrong.provider if wrong.provider in self.cards else None
        return CoverageFinding(*place, wrong.rule, provider, (), wrong.message, wrong.instead)

    def _of_ping(self, site: Site) -> CoverageFinding:
        card = self.cards.get(site.provider)
        what = (
            f"{card.name} is called, and nothing but its state is read: whether a provider works is told by the events "
            f"of its real use, and never by a call for that alone."
        )
        return CoverageFinding(*site.at, "status-ping", card.id, (), what, "Read the event log in its place.")

    def _unreceived(self, one: Receiver) -> CoverageFinding:
        what = f"A webhook of {one.card.name} is received here, and not logged."
        if one.kind == "captured":
            what = f"From here on {one.card.name}'s library captures events by itself, and none of them is logged: its "
            what += f"{' or '.join(one.card.code.hooks)} is given each of them."
        line = self._line(one.file.language == "python", one.card.id, one.event, "success")
        return CoverageFinding(one.file.path, *one.at, "not-received", one.card.id, ("success",), what, line)

    def _unseen(self, one: Unseen) -> CoverageFinding:
        names = " or ".join(self.cards.get(each).name for each in one.providers)
        whom = names or "a provider"
        what = f"The address of this request is known at run time only: whether it goes to {whom} was not judged."
        if one.callers:
            first = min((file.path, call.at[0]) for file, call in one.callers)
            what = (
                f"The address of this request is known at run time only, and {len(one.callers)} calls lead here "
                f"(the first at {first[0]}:{first[1]}): whether they go to a provider was not judged."
            )
        if one.rule == "unknown-client":
            what = f"This looks like a call of {names}, of a client that is known at run time only: it was not judged."
        whose = one.providers[0] if one.rule == "unknown-address" and len(one.providers) == 1 else None
        return CoverageFinding(one.file.path, *one.call.at, one.rule, whose, (), what)

    def _row(self, card: Card, verdicts: Sequence[tuple[Site, SiteVerdict]]) -> ProviderCoverage:
        mine = [(site, verdict) for site, verdict in verdicts if site.provider == card.id]
        sites = [site for site, _ in mine]
        covered = sum(all(status == "logged" for status in verdict.status.values()) for _, verdict in mine)
        tests = tests_of(card, sites, self.sources.names, self.sources.tests, self.sources.scripts)
        places = [(site.file.path, site.call.at[0]) for site in sites]
        return ProviderCoverage(card.id, card.name, len(sites), covered, tests, places, _clients(mine))

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


def _clients(mine: Sequence[tuple[Site, SiteVerdict]]) -> Sequence[ClientPlace]:
    """The clients of several calls that lack a log: one place that such calls go through can log them all."""
    lacking = [site for site, verdict in mine if "missing" in verdict.status.values()]
    counted = Counter(maker for site in lacking if (maker := site.maker) is not None)
    return [ClientPlace(*place, calls) for place, calls in counted.most_common() if calls >= SHARED]


def _is(missing: Sequence[str]) -> str:
    return "is" if len(missing) == 1 else "are"


def _line(python: bool, by_name: bool, provider: str, event: str, outcome: str) -> str:
    if python:
        return f'log_integration_event("{provider}", "{event}", "{outcome}")'
    if by_name:
        return f"logIntegrationEvent({{ provider: '{provider}', event: '{event}', outcome: '{outcome}' }});"
    return f"logIntegrationEvent('{provider}', '{event}', '{outcome}');"
