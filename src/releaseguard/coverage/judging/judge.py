"""Whether the success and the error of one call are logged: in the function that makes it, or by all that call that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from releaseguard.cards.load import Cards
from releaseguard.coverage.flow.states import DONE, State
from releaseguard.coverage.flow.walk import Walk
from releaseguard.coverage.judging.around import Around, Reach
from releaseguard.coverage.judging.central import Central
from releaseguard.coverage.languages.syntax import Call, Decoration, Function, Scope
from releaseguard.coverage.logs import Language, Said, Wrong, mistakes, outcomes_for, place_of, read_log, read_wrapper
from releaseguard.coverage.program.frames import Frame
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.signature import Signature
from releaseguard.coverage.sites.finder import Finder
from releaseguard.coverage.sites.values import ProviderUse, Site
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
    unlooked: bool = False
    """Whether a success is logged although nobody looked whether it was one."""


@dataclass
class _Heard:
    """What one walk came across."""

    status: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, "missing"))
    others: set[str] = field(default_factory=set)
    unknown_at: tuple[str, int, int] | None = None
    too_wide: bool = False
    unlooked: bool = False

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
    central: Central
    own: Signature | None = None
    wrong: dict[tuple[tuple[str, int, int], str, str], Wrong] = field(default_factory=dict)

    @cached_property
    def words(self) -> Language:
        """In which words the app logs."""
        events = frozenset(event for card in self.cards for event in (*card.events.success, *card.events.error))
        return Language(events, self.own)

    def verdict(self, site: Site) -> SiteVerdict:
        """Whether a call's success and its error are logged."""
        around = self.reach.around(function_of(site.scope))
        heard = {id(one): self._walk(site, one, around) for one in around.functions}
        self._hear_hooks(site, heard[id(around.functions[0])], around)
        status = around.settled({one: said.status for one, said in heard.items()}, ORDER)
        others = {one for said in heard.values() for one in said.others}
        unknown_at = next((one.unknown_at for one in heard.values() if one.unknown_at), None)
        cut = any(one.too_wide for one in heard.values())
        if around.cut and "missing" in status.values():
            status, cut = {one: "unknown" if said == "missing" else said for one, said in status.items()}, True
        if site.use.background:
            status["error"] = "logged"
        return SiteVerdict(status, frozenset(others), unknown_at, cut, any(one.unlooked for one in heard.values()))

    def _walk(self, site: Site, function: Function, around: Around) -> _Heard:
        heard = _Heard()
        decorations = [one for one in self.reach.decorations(function)[-1:] if self._decorator_is_heard(*one)]
        for start in ([function] if self.reach.is_heard(function) else []) + decorations:
            walk = self._walker(heard, site.use, around, id(site.call), site.ends, _floats(site))
            walk.root(start) if isinstance(start, Function) else walk.decorated(*start)
            if walk.cut:
                heard.seal()
        return heard

    def _decorator_is_heard(self, call: Call, scope: Scope) -> bool:
        """Whether some decorator of a function logs."""
        decorator = call.callee.callee if isinstance(call.callee, Call) else call.callee
        if any(self.reach.is_heard(one) for one in self.names.functions(decorator, scope)):
            return True
        inner = call.args[0]
        return isinstance(inner, Decoration) and self._decorator_is_heard(inner, scope)

    def _hear_hooks(self, site: Site, heard: _Heard, around: Around) -> None:
        """What is logged in a central place, that hears of every call of this client."""
        for hook in self.central.hooks(site):
            if not self.reach.is_heard(hook.function):
                continue
            if hook.request is not None:
                made = self._walker(heard, replace(site.use, quiet=True), around, id(hook.request), set(), False)
                made.root(hook.function)
            else:
                self._walker(heard, site.use, around, 0, set(), False).begin(hook.function, hook.state)

    def says(self, provider: str, function: Function, state: State = DONE) -> Mapping[str, str]:
        """What a function logs of a provider, where it begins with the call in a ``state``."""
        heard = _Heard()
        if self.reach.is_heard(function):
            around = self.reach.around(function)
            self._walker(heard, ProviderUse(provider, None), around, 0, set(), False).begin(function, state)
        return heard.status

    def _walker(
        self, heard: _Heard, use: ProviderUse, around: Around, target: int, ends: set[int], floats: bool
    ) -> Walk:
        card = self.cards.get(use.provider)

        def reached(call: Call, scope: Scope, frame: Frame | None, state: State) -> None:
            if state - {"before"}:
                said = read_log(self.names, call, scope, frame, self.words)
                self._remember(said, call, scope, frame)
                self._hear(heard, said, outcomes_for(said, card), state, use)
                if said.unknown and heard.unknown_at is None and scope.root.file:
                    heard.unknown_at = (scope.root.file.path, *call.at)

        def wrapped(call: Call, scope: Scope, frame: Frame | None, done: State, failed: State) -> None:
            for said, state in zip(read_wrapper(self.names, call, scope, frame), (done, failed), strict=True):
                self._hear(heard, said, outcomes_for(said, card), state, use)

        finder = self.finder
        return Walk(
            self.names, target, ends, finder.is_log, finder.is_wrapper, around.follows, reached, wrapped,
            self.reach.may_raise, floats,
        )  # fmt: skip

    def _hear(self, heard: _Heard, said: Said, outcomes: frozenset[str], state: State, use: ProviderUse) -> None:
        looked = bool(state & {"good", "either"})
        after_success = looked or (not use.quiet and "done" in state)
        after_error = bool(state & {"bad", "either"})
        chosen = {"success", "error"} <= outcomes  # one log that tells the two apart by itself
        also_failed = "bad" in state and not chosen
        if "success" in outcomes and not also_failed and (after_success or (chosen and "done" in state)):
            heard.note("success", "logged")
        elif "success" in outcomes and state & {"done", "good", "either"}:  # logged whether it failed or not
            heard.unlooked = True
        if "error" in outcomes and (after_error or chosen):
            heard.note("error", "logged")
        if "unknown" in outcomes:
            for outcome, there in (("success", after_success), ("error", after_error or after_success)):
                if there:
                    heard.note(outcome, "unknown")
        if not outcomes:
            self._hear_wrong(heard, said, after_success, after_error, use.provider)

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
            place = place_of(self.names, one.word, call, scope, frame, self.words)
            self.wrong.setdefault((place, one.rule, one.message), one)

    def check_logs(self, logs: Mapping[int, tuple[Call, Scope]]) -> None:
        """Remember the mistakes of every log, also of one that no call reaches."""
        for call, scope in logs.values():
            self._remember(read_log(self.names, call, scope, None, self.words), call, scope, None)


def _floats(site: Site) -> bool:
    """Whether a failure of the call comes where nobody waits, if it is a statement by itself."""
    call = site.call
    makes = call.component or call.last_name[:1].isupper()  # a map that is drawn is waited for by nobody
    return site.file.language == "typescript" and not (call.awaited or makes or site.use.background)


def function_of(scope: Scope) -> Function:
    """The function whose scope this is."""
    if scope.function is None:
        raise ValueError("a scope without a function")
    return scope.function
