"""Whether the success and the error of one call are logged: in the function that makes it, or by all that call that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from releaseguard.cards.load import Cards
from releaseguard.coverage.around import Around, Reach
from releaseguard.coverage.flow.walk import Walk
from releaseguard.coverage.languages.syntax import Call, Function, Scope
from releaseguard.coverage.logs import Said, Wrong, mistakes, outcomes_for, place_of, read_log
from releaseguard.coverage.program.frames import Frame
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.sites import Finder, Site
from releaseguard.coverage.values import OUTCOMES

ORDER = ("logged", "wrong", "unknown", "missing")
"""From the best to the worst."""


@dataclass(frozen=True)
class SiteVerdict:
    """How each outcome of one call is logged."""

    status: Mapping[str, str]
    """``logged``, ``missing``, ``wrong`` (under a name that no card knows) or ``unknown``."""
    others: frozenset[str]
    """Providers for which something is logged in its place."""
    unknown_at: tuple[str, int, int] | None = None
    too_wide: bool = False
    """Whether it was given up, since more functions lead there than are followed."""


@dataclass
class _Heard:
    """What one walk came across."""

    status: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, "missing"))
    others: set[str] = field(default_factory=set)
    unknown_at: tuple[str, int, int] | None = None
    too_wide: bool = False

    def note(self, outcome: str, status: str) -> None:
        """Keep the better of what is known."""
        self.status[outcome] = min(self.status[outcome], status, key=ORDER.index)

    def seal(self) -> None:
        """What a walk that was cut off did not find may be there."""
        self.too_wide = True
        for outcome in OUTCOMES:
            self.note(outcome, "unknown")


@dataclass
class Judge:
    """Follows calls; keeps the mistakes in logs that it passes."""

    names: Names
    cards: Cards
    finder: Finder
    reach: Reach
    wrong: dict[tuple[tuple[str, int, int], str, str], Wrong] = field(default_factory=dict)

    @cached_property
    def events(self) -> frozenset[str]:
        """The events of all cards."""
        return frozenset(event for card in self.cards for event in (*card.events.success, *card.events.error))

    def verdict(self, site: Site) -> SiteVerdict:
        """Whether a call's success and its error are logged."""
        around = self.reach.around(function_of(site.scope))
        heard = {id(one): self._walk(site, one, around) for one in around.functions}
        status = around.settled({one: said.status for one, said in heard.items()}, ORDER)
        others = {one for said in heard.values() for one in said.others}
        unknown_at = next((one.unknown_at for one in heard.values() if one.unknown_at), None)
        cut = any(one.too_wide for one in heard.values())
        if around.cut and "missing" in status.values():
            status, cut = {one: "unknown" if said == "missing" else said for one, said in status.items()}, True
        return SiteVerdict(status, frozenset(others), unknown_at, cut)

    def _walk(self, site: Site, function: Function, around: Around) -> _Heard:
        heard = _Heard()
        if not self.reach.is_heard(function):
            return heard
        card = self.cards.get(site.provider)

        def reached(call: Call, scope: Scope, frame: Frame | None, state: frozenset[str]) -> None:
            if state - {"before"}:
                said = read_log(self.names, call, scope, frame, self.events)
                self._remember(said, call, scope, frame)
                self._hear(heard, said, outcomes_for(said, card), state, site.provider)
                if said.unknown and heard.unknown_at is None and scope.root.file:
                    heard.unknown_at = (scope.root.file.path, *call.at)

        floats = site.is_request and site.file.language == "typescript" and not site.call.awaited
        walk = Walk(self.names, id(site.call), site.ends, self.finder.is_log, around.follows, reached, floats)
        walk.root(function)
        if walk.cut:
            heard.seal()
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

    def check_logs(self, logs: Mapping[int, tuple[Call, Scope]]) -> None:
        """Remember the mistakes of every log, also of one that no call reaches."""
        for call, scope in logs.values():
            self._remember(read_log(self.names, call, scope, None, self.events), call, scope, None)


def function_of(scope: Scope) -> Function:
    """The function whose scope this is."""
    if scope.function is None:
        raise ValueError("a scope without a function")
    return scope.function
