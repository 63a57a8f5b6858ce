"""Whether the success and the error of one call are logged: in the function that makes it, or by all that call that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from releaseguard.cards.load import Cards
from releaseguard.coverage.flow.walk import Walk
from releaseguard.coverage.languages.syntax import Call, Function, Scope
from releaseguard.coverage.logs import Said, Wrong, mistakes, outcomes_for, place_of, read_log
from releaseguard.coverage.program.frames import Frame
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.sites import Callers, Finder, Site
from releaseguard.coverage.values import OUTCOMES

OUTWARD = 4
"""Functions around a call that are asked whether they log it."""
_ORDER = ("logged", "wrong", "unknown", "missing")
"""From the best to the worst."""


@dataclass(frozen=True)
class SiteVerdict:
    """How each outcome of one call is logged."""

    status: Mapping[str, str]
    """``logged``, ``missing``, ``wrong`` (under a name that no card knows) or ``unknown`` (a name made at run time)."""
    others: frozenset[str]
    """Providers for which something is logged in its place."""
    unknown_at: tuple[str, int, int] | None = None


@dataclass
class _Heard:
    """What one walk came across."""

    status: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, "missing"))
    others: set[str] = field(default_factory=set)
    unknown_at: tuple[str, int, int] | None = None

    def note(self, outcome: str, status: str) -> None:
        """Keep the better of what is known."""
        self.status[outcome] = min(self.status[outcome], status, key=_ORDER.index)


@dataclass
class Judge:
    """Follows calls; keeps the mistakes in logs that it passes."""

    names: Names
    cards: Cards
    finder: Finder
    callers: Callers
    worth: set[int]
    wrong: dict[tuple[tuple[str, int, int], str, str], Wrong] = field(default_factory=dict)

    @cached_property
    def events(self) -> frozenset[str]:
        """The events of all cards."""
        return frozenset(event for card in self.cards for event in (*card.events.success, *card.events.error))

    def verdict(self, site: Site) -> SiteVerdict:
        """Whether a call's success and its error are logged."""
        heard = self._around(site, _function(site.scope), (), OUTWARD)
        return SiteVerdict(heard.status, frozenset(heard.others), heard.unknown_at)

    def _around(self, site: Site, function: Function, seen: Sequence[int], depth: int) -> _Heard:
        heard = self._walk(site, function)
        if depth == 0 or all(status == "logged" for status in heard.status.values()):
            return heard
        outward = self._outward(function, (*seen, id(function)))
        further = [self._around(site, one, (*seen, id(function)), depth - 1) for one in outward]
        for outcome in OUTCOMES:
            if further:  # every one of them has to log it
                worst = max((one.status[outcome] for one in further), key=_ORDER.index)
                heard.note(outcome, worst)
        for one in further:
            heard.others |= one.others
            heard.unknown_at = heard.unknown_at or one.unknown_at
        return heard

    def _outward(self, function: Function, seen: Sequence[int]) -> Sequence[Function]:
        """Who calls a function; for one without a name, the function it stands in."""
        reached = [_function(scope) for _, scope in self.callers.get(id(function), ())]
        if not reached and function.scope.parent is not None and not _bound(function):
            reached = [_function(function.scope.parent)]
        return list({id(one): one for one in reached if id(one) not in seen}.values())

    def _walk(self, site: Site, function: Function) -> _Heard:
        heard = _Heard()
        card = self.cards.get(site.provider)

        def reached(call: Call, scope: Scope, frame: Frame | None, state: frozenset[str]) -> None:
            if state - {"before"}:
                said = read_log(self.names, call, scope, frame, self.events)
                self._remember(said, call, scope, frame)
                self._hear(heard, said, outcomes_for(said, card), state, site.provider)
                if said.unknown and heard.unknown_at is None and scope.root.file:
                    heard.unknown_at = (scope.root.file.path, *call.at)

        target = id(site.call)
        floats = site.is_request and site.file.language == "typescript" and target not in site.file.awaited
        walk = Walk(self.names, target, site.ends, self.finder.is_log, self.worth, reached, floats)
        walk.root(function)
        return heard

    def _hear(self, heard: _Heard, said: Said, outcomes: frozenset[str], state: frozenset[str], provider: str) -> None:
        after_success = bool(state & {"done", "good", "either"})
        after_error = bool(state & {"bad", "either"})
        chosen = {"success", "error"} <= outcomes  # one log that tells the two apart by itself
        if "success" in outcomes and after_success:
            heard.note("success", "logged")
        if "error" in outcomes and (after_error or chosen):
            heard.note("error", "logged")
        if "unknown" in outcomes:
            for outcome, there in (("success", after_success), ("error", after_error or after_success)):
                if there:
                    heard.note(outcome, "unknown")
        if not outcomes:
            self._hear_wrong(heard, said, after_success, after_error, provider)

    def _hear_wrong(self, heard: _Heard, said: Said, after_success: bool, after_error: bool, provider: str) -> None:
        """A log that says nothing of this provider: under a wrong name, or of another one."""
        wrongs = [one for one in mistakes(said, self.cards) if one.provider == provider]
        for outcome, there in (("success", after_success), ("error", after_error)):
            if wrongs and there:
                heard.note(outcome, "wrong")
        if not wrongs and (after_success or after_error):
            heard.others |= {one for one in said.providers if one in self.cards and one != provider}

    def _remember(self, said: Said, call: Call, scope: Scope, frame: Frame | None) -> None:
        for one in mistakes(said, self.cards):
            place = place_of(self.names, one.word, call, scope, frame)
            self.wrong.setdefault((place, one.rule, one.message), one)

    def check_logs(self, logs: Sequence[tuple[Call, Scope]]) -> None:
        """Remember the mistakes of every log, also of one that no call reaches."""
        for call, scope in logs:
            self._remember(read_log(self.names, call, scope, None, self.events), call, scope, None)


def _function(scope: Scope) -> Function:
    if scope.function is None:
        raise ValueError("a scope without a function")
    return scope.function


def _bound(function: Function) -> bool:
    """Whether it has a name by which others could call it."""
    parent = function.scope.parent
    named = parent.names.get(function.name, ()) if parent else ()
    return any(one is function for one in named) or function.scope.owner is not None
