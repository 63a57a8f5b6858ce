"""Where a program uses a provider: calls of its packages, and requests to its hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.languages.syntax import (
    Call,
    Expr,
    Function,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
    Text,
    inside,
)
from releaseguard.coverage.program.frames import Frame, bound_frame
from releaseguard.coverage.program.names import HOLE, Names
from releaseguard.coverage.program.origins import Origin, Step
from releaseguard.coverage.program.passed import PROMISES, Callers

LOG_NAMES = ("logIntegrationEvent", "log_integration_event")
_VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "fetch", "stream", "urlopen", "send"}
_GLOBALS = {"fetch", "WebSocket", "EventSource", "sendBeacon", "open", "$fetch"}
_HTTP_PACKAGES = {
    "axios", "got", "ky", "ky-universal", "node-fetch", "cross-fetch", "isomorphic-fetch", "isomorphic-unfetch",
    "unfetch", "undici", "superagent", "ofetch", "needle", "request", "wretch", "redaxios", "phin", "bent",
    "fetch-retry", "http", "https", "http2", "expo", "ws", "requests", "httpx", "httpx2", "aiohttp", "urllib",
    "urllib3", "websockets", "treq", "pycurl", "niquests",
}  # fmt: skip
_PATTERN_STEP = re.compile(r"""([A-Za-z_*][A-Za-z0-9_]*)(?:\(["']([^"']*)["']\))?""")
_HOST = re.compile(r"^\s*(?:https?|wss?)://(?:[^/?#@]*@)?([^/?#:]*)", re.IGNORECASE)
_BASES = ("baseURL", "baseUrl", "base_url", "prefixUrl", "host", "hostname", "url", "uri")
_DEEPEST = 3
"""Functions around a request that are looked through for its address."""


@dataclass(eq=False)
class Site:
    """One use of a provider."""

    provider: str
    call: Call
    """The whole of it: ``client.from("x").select()`` is one."""
    scope: Scope
    file: SourceFile
    event: str | None
    """The success event that its card names for it."""
    is_request: bool = False
    """Whether it is a request to a host, and no call of a package."""
    ends: set[int] = field(default_factory=set)
    """Where the request leaves, inside a function that is given the address; by the nodes' ids."""

    @property
    def at(self) -> tuple[str, int, int]:
        """File, line and column."""
        return (self.file.path, *self.call.at)


@dataclass(frozen=True)
class Unseen:
    """A request whose address is known at run time only."""

    file: SourceFile
    call: Call


@dataclass
class Found:
    """All that was found in the app's files."""

    sites: list[Site] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    logs: list[tuple[Call, Scope]] = field(default_factory=list)


@dataclass(frozen=True)
class _Use:
    provider: str
    event: str | None
    is_request: bool = False


class Finder:
    """Looks for uses in the files of one search."""

    def __init__(self, names: Names, cards: Cards, files: Sequence[SourceFile]) -> None:
        self.names, self.cards, self.files = names, cards, files
        self._packages: dict[tuple[str, str], list[tuple[Card, str, str]]] = {}
        for card in cards:
            for language, packages in (("typescript", card.code.npm), ("python", card.code.python)):
                for package in packages:
                    known = self._packages.setdefault((language, package), [])
                    known += [(card, path, event) for path, event in card.code.calls.items()]
        self._hosts = cards.denied_hosts()

    def find(self, callers: Callers) -> Found:
        """Every use in the app, those of one file in the order of its lines."""
        found = Found()
        for file in self.files:
            used: dict[int, tuple[Call, Scope, _Use]] = {}
            for call, scope in file.calls:
                if self.is_log(call, scope):
                    found.logs.append((call, scope))
                elif not _inside_log(scope):
                    self._look_at(call, scope, used, found, callers)
            found.sites += [
                Site(use.provider, call, scope, file, use.event, use.is_request) for call, scope, use in used.values()
            ]
        found.sites = _once(found.sites)
        found.unseen = list({id(one.call): one for one in found.unseen}.values())
        return found

    def is_log(self, call: Call, scope: Scope) -> bool:
        """Whether it is ``logIntegrationEvent``, under whatever name it was imported."""
        if call.last_name in LOG_NAMES:
            return True
        if not isinstance(call.callee, Name) or scope.lookup(call.callee.id) is None:
            return False
        for value, _, _ in self.names.meanings(call.callee, scope):
            known = getattr(value, "member", None) or getattr(value, "name", None) or getattr(value, "id", None)
            if known in LOG_NAMES:
                return True
        return False

    def _look_at(
        self, call: Call, scope: Scope, used: dict[int, tuple[Call, Scope, _Use]], found: Found, callers: Callers
    ) -> None:
        inner = [one for one in _chain(call) if id(one) in used]
        if inner:  # `.eq()` after `.select()`: the same use goes on
            used[id(call)] = (call, scope, used.pop(id(inner[0]))[2])
            return
        origin = self.names.origin(call.callee, scope)
        if origin is not None and (use := self._of_package(origin, call, scope)) is not None:
            used[id(call)] = (call, scope, use)
        elif _makes_requests(origin):
            self._request(call, scope, origin, used, found, callers)
        elif (
            _may_make_requests(call)
            and self.names.function(call.callee, scope) is None
            and (use := self._provider_of(self._addresses(call, scope, origin, None))) is not None
        ):
            used[id(call)] = (call, scope, use)

    def _of_package(self, origin: Origin, call: Call, scope: Scope) -> _Use | None:
        language = scope.root.file.language if scope.root.file else "typescript"
        whole = origin.called(call, scope)
        for card, path, event in self._packages.get((language, origin.package), ()):
            if _matches(path, whole.steps, self.names, scope):
                return _Use(card.id, event)
        return None

    def _request(
        self,
        call: Call,
        scope: Scope,
        origin: Origin | None,
        used: dict[int, tuple[Call, Scope, _Use]],
        found: Found,
        callers: Callers,
    ) -> None:
        addresses = self._addresses(call, scope, origin, None)
        if (use := self._provider_of(addresses)) is not None:
            used[id(call)] = (call, scope, use)
        elif (
            origin is not None
            and _unknown(addresses)
            and not self._through(call, scope, origin, found, callers, [(call, scope)])
        ):
            found.unseen.append(Unseen(_file(scope), call))

    def _through(
        self,
        call: Call,
        scope: Scope,
        origin: Origin,
        found: Found,
        callers: Callers,
        way: Sequence[tuple[Call, Scope]],
    ) -> bool:
        """Whether the address is a parameter, so that those decide who call the function around."""
        outermost = way[-1][1]
        around = _giver(outermost)
        if around is None or len(way) > _DEEPEST or not self._depends(call, scope, origin, way):
            return False
        reached = [one for one in callers.get(id(around), ()) if one[0] is not call]
        for outer, there in reached:
            frame = self._frames([*way, (outer, there)])
            addresses = self._addresses(call, scope, origin, frame)
            use = self._provider_of(addresses)
            if use is not None and not _inside_log(there):
                found.sites.append(Site(use.provider, outer, there, _file(there), use.event, True, {id(call)}))
            elif use is None and _unknown(addresses):
                further = [*way, (outer, there)]
                if not self._through(call, scope, origin, found, callers, further):
                    found.unseen.append(Unseen(_file(there), outer))
        return bool(reached)

    def _frames(self, way: Sequence[tuple[Call, Scope]]) -> Frame | None:
        """The parameters of the functions on the way inward, each given by the call outside of it."""
        frame: Frame | None = None
        for (outer, there), (_, inner) in zip(reversed(way), reversed(way[:-1]), strict=False):
            if (around := _giver(inner)) is not None:
                frame = bound_frame(around, None, outer, there, frame)
        return frame

    def _depends(self, call: Call, scope: Scope, origin: Origin, way: Sequence[tuple[Call, Scope]]) -> bool:
        frame = self._frames(way)
        for expr, where in _where_addresses_are(call, scope, origin):
            for part in inside(expr):
                if isinstance(part, Name | Member) and any(
                    isinstance(value, Parameter) for value, _, _ in self.names.meanings(part, where, frame)
                ):
                    return True
        return False

    def _addresses(self, call: Call, scope: Scope, origin: Origin | None, frame: Frame | None) -> set[str]:
        """What a request may be sent to; with a base address put before what has none."""
        found, bases = set[str](), set[str]()
        made = [step.call for step in origin.steps if step.call is not None] if origin else []
        for maker in made:
            bases |= self._named_addresses(maker, origin.scope or scope if origin else scope, None)
            bases |= {text for arg in maker.args[:1] for text in self.names.texts(arg, scope) if HOLE not in text}
        named = self._named_addresses(call, scope, frame)
        for arg in call.args[:2]:
            if not isinstance(arg, Record | Function):
                found |= self.names.texts(arg, scope, frame)
        found = {text for text in found if text.upper() not in _METHODS} or found
        whole = {text for text in (*found, *named) if _HOST.match(text)}
        parts = {text for text in found if not _HOST.match(text)}
        return whole | ({base + part for base in bases for part in (parts or {""})} or parts)

    def _named_addresses(self, call: Call, scope: Scope, frame: Frame | None) -> set[str]:
        found = set[str]()
        for items in (call.named, *(arg.items for arg in call.args if isinstance(arg, Record))):
            for key in _BASES:
                if (value := items.get(key)) is not None:
                    texts = self.names.texts(value, scope, frame)
                    found |= {f"https://{one}" if "://" not in one and key.startswith("host") else one for one in texts}
        return found

    def _provider_of(self, addresses: set[str]) -> _Use | None:
        for address in sorted(addresses):
            if (provider := self.provider_of_address(address)) is not None:
                card = self.cards.get(provider)
                return _Use(provider, card.events.success[0] if card.events.success else None, True)
        return None

    def provider_of_address(self, address: str) -> str | None:
        """The card whose host it is, if any."""
        host = match[1].lower().rstrip(".") if (match := _HOST.match(address)) else ""
        labels = host.split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._hosts[name] for name in names if name in self._hosts), None)


_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def _where_addresses_are(call: Call, scope: Scope, origin: Origin) -> Iterator[tuple[Expr, Scope]]:
    for one, where in ((call, scope), *((step.call, origin.scope or scope) for step in origin.steps if step.call)):
        for arg in one.args[:2]:
            yield arg, where
        for key in _BASES:
            if key in one.named:
                yield one.named[key], where


def _unknown(addresses: set[str]) -> bool:
    """Whether the host of some address is known at run time only; a path without a host is the app's own."""
    for address in addresses:
        host = match[1] if (match := _HOST.match(address)) else ""
        if address.startswith(HOLE) or HOLE in host:
            return True
    return not addresses


def _makes_requests(origin: Origin | None) -> bool:
    """Whether it is known to send one: a global of the language, or a package that does nothing else."""
    if origin is None:
        return False
    last = next((step.name for step in reversed(origin.steps) if step.name), "")
    if origin.package == "":
        return (last in _GLOBALS or (len(origin.steps) > 1 and last in _VERBS)) and _first_is_fetch(origin)
    return origin.package in _HTTP_PACKAGES and last in {*_VERBS, "", "default", "ws_connect", origin.package}


def _may_make_requests(call: Call) -> bool:
    """Whether it looks like one: enough where it is given a provider's address, and never told where it is not."""
    return bool(call.args) and (call.last_name in _VERBS or "fetch" in call.last_name.lower())


def _first_is_fetch(origin: Origin) -> bool:
    return origin.steps[0].name in {
        "fetch", "$fetch", "window", "globalThis", "self", "global", "navigator", "WebSocket", "EventSource",
        "XMLHttpRequest", "axios",
    }  # fmt: skip


def _matches(path: str, steps: Sequence[Step], names: Names, scope: Scope) -> bool:
    wanted = _PATTERN_STEP.findall(path)
    own = [step for step in steps if step.name]
    if len(own) < len(wanted):
        return False
    for (name, first), step in zip(reversed(wanted), reversed(own), strict=False):
        if name not in ("*", step.name):
            return False
        if first and not (step.call and step.call.args and first in names.texts(step.call.args[0], scope)):
            return False
    return True


def _chain(call: Call) -> Iterator[Call]:
    """The calls that this one goes on from: ``a.b()`` of ``a.b().c.d()``."""
    expr: Expr = call.callee
    if isinstance(expr, Member) and expr.name in PROMISES:
        return
    while isinstance(expr, Member):
        expr = expr.object
        if isinstance(expr, Call):
            yield expr
            expr = expr.callee
            if isinstance(expr, Member) and expr.name in PROMISES:
                return


def _inside_log(scope: Scope) -> bool:
    """Whether this is the code of ``logIntegrationEvent`` itself: it is the log, and is not logged."""
    here: Scope | None = scope
    while here is not None:
        if here.function is not None and here.function.name in LOG_NAMES:
            return True
        here = here.parent
    return False


def _giver(scope: Scope) -> Function | None:
    """The function around that somebody calls by a name."""
    here: Scope | None = scope
    while here is not None and here.parent is not None:
        if here.function is not None and here.function.name:
            return here.function
        here = here.parent
    return None


def _file(scope: Scope) -> SourceFile:
    file = scope.root.file
    if file is None:
        raise ValueError("a scope outside of any file")
    return file


def _once(sites: Sequence[Site]) -> list[Site]:
    """One site for each call, in the order of files and lines."""
    by_call: dict[tuple[int, str], Site] = {}
    for site in sites:
        known = by_call.setdefault((id(site.call), site.provider), site)
        known.ends |= site.ends
    return sorted(by_call.values(), key=lambda site: site.at)


__all__ = ["LOG_NAMES", "PROMISES", "Callers", "Finder", "Found", "Site", "Text", "Unseen"]
