"""Central places: what a client was given when it was made, and hears of every call that goes through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.flow.keys import BAD_KEYS, LATE_KEYS
from releaseguard.coverage.flow.states import BAD, DONE, State
from releaseguard.coverage.languages.syntax import Call, Expr, Function, Member, Name, Record, Scope, SourceFile
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.program.origins import Origin
from releaseguard.coverage.sites.finder import Finder
from releaseguard.coverage.sites.requests import makes_requests
from releaseguard.coverage.sites.values import Site


@dataclass(frozen=True)
class Hook:
    """A function that hears of calls, and how a call may stand where it begins."""

    function: Function
    state: State
    request: Call | None = None
    """The request that it makes itself, where it stands in the place of ``fetch``."""


@dataclass
class Central:
    """The central places of one search."""

    names: Names
    cards: Cards
    finder: Finder
    _of_clients: dict[int | str, list[Hook]] = field(default_factory=dict)
    """By the call that made a client, else by its package."""
    _of_kinds: dict[str, list[Hook]] = field(default_factory=dict)
    """Those of any client of a package: for one of which the type alone is known."""
    _of_cards: dict[str, list[Hook]] = field(default_factory=dict)
    setups: list[tuple[Call, SourceFile, Card, Sequence[Hook]]] = field(default_factory=list)
    """Where a package begins to send by itself, with the functions that are given what it sends."""

    def learn(self, files: Sequence[SourceFile]) -> None:
        """Find interceptors, and hooks of packages that are set up once."""
        for file in files:
            for call, scope in file.calls:
                if call.last_name == "use" and isinstance(call.callee, Member):
                    self._intercept(call, call.callee, scope)
                elif call.last_name in self._setups:
                    self._set_up(call, scope, file)

    @property
    def _setups(self) -> set[str]:
        return {"init", *(name for card in self.cards for name in card.code.setup)}

    def _intercept(self, call: Call, callee: Member, scope: Scope) -> None:
        """``client.interceptors.response.use(done, failed)``."""
        response = callee.object
        if not isinstance(response, Member) or response.name != "response" or not isinstance(response.object, Member):
            return
        origin = self.names.origin(response.object.object, scope)
        for arg, state in zip(call.args, (DONE, BAD), strict=False):
            for hook in self._hooks(None, arg, scope):
                for key in _keys(origin):
                    self._of_clients.setdefault(key, []).append(Hook(hook.function, state))
                if origin is not None:
                    self._of_kinds.setdefault(origin.package, []).append(Hook(hook.function, state))

    def _set_up(self, call: Call, scope: Scope, file: SourceFile) -> None:
        origin = self.names.origin(call.callee, scope)
        for card in self.finder.packages.cards_of(origin, file.language):
            hooks = [
                hook
                for options in (call.named, *(arg.items for arg in call.args if isinstance(arg, Record)))
                for key, value in options.items()
                if key in card.code.hooks
                for hook in self._hooks(key, value, scope)
            ]
            self._of_cards.setdefault(card.id, []).extend(hooks)
            if call.last_name in card.code.setup:
                self.setups.append((call, file, card, hooks))

    def hooks(self, site: Site) -> Iterator[Hook]:
        """The functions that hear of a call, wherever it is made."""
        origin = site.use.origin
        if not site.is_request:
            yield from self._of_cards.get(site.provider, ())
        for key in _keys(origin):
            yield from self._of_clients.get(key, ())
        if origin is not None and _is_known_by_type(origin):
            yield from self._of_kinds.get(origin.package, ())
        for step in origin.steps if origin is not None else ():
            if step.call is not None:
                for options in (step.call.named, dict(enumerate(step.call.args))):
                    for key, value in options.items():
                        yield from self._hooks(str(key), value, step.scope or site.scope)

    def _hooks(self, key: str | None, value: Expr, scope: Scope) -> Iterator[Hook]:
        """The functions that an option holds, at any depth, by the key that they stand under."""
        if isinstance(value, Record):
            for inner, one in value.items.items():
                yield from self._hooks(inner, one, scope)
        elif type(value) is Expr:
            for one in value.parts:
                yield from self._hooks(key, one, scope)
        elif isinstance(value, Name | Member | Function | Call):
            for function in self.names.functions(value, scope):
                yield Hook(function, _begins(key or ""), self._request_in(function))

    def _request_in(self, function: Function) -> Call | None:
        file = function.scope.root.file
        for call, scope in file.calls if file is not None else ():
            if _is_inside(scope, function) and makes_requests(self.names.origin(call.callee, scope)):
                return call
        return None


def _keys(origin: Origin | None) -> Sequence[int | str]:
    """What tells a client: the calls that made it, else its package, else the name of a global."""
    if origin is None:
        return ()
    return [id(step.call) for step in origin.steps if step.call is not None] or [origin.package or origin.steps[0].name]


def _is_known_by_type(origin: Origin) -> bool:
    return any(step.name[:1].isupper() and step.call is None for step in origin.steps[:1])


def _begins(key: str) -> State:
    return DONE | BAD if LATE_KEYS.search(key) else BAD if BAD_KEYS.search(key) else DONE


def _is_inside(scope: Scope, function: Function) -> bool:
    here: Scope | None = scope
    while here is not None:
        if here.function is function:
            return True
        here = here.parent
    return False


__all__ = ["Central", "Hook"]
