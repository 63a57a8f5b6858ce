"""Looks for the uses of providers in the files of one search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from releaseguard.cards.load import Cards
from releaseguard.coverage.languages.syntax import (
    Call,
    Class,
    Expr,
    Function,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
)
from releaseguard.coverage.languages.within import inside
from releaseguard.coverage.program.frames import Frame, bound_frame
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.program.origins import Origin
from releaseguard.coverage.program.passed import PROMISES
from releaseguard.coverage.signature import OURS
from releaseguard.coverage.sites.addresses import RequestAddresses, is_unknown, known_elsewhere, where_addresses_are
from releaseguard.coverage.sites.packages import Packages, is_given_field, is_open
from releaseguard.coverage.sites.requests import is_quiet, makes_requests, may_make_requests, needs_address
from releaseguard.coverage.sites.values import Callers, Found, ProviderUse, Site, Unseen

WRAPPERS = ("withIntegrationLog",)
"""Functions of our own that run a function they are given, and log how it ended."""
WRITER = "createIntegrationLog"
"""What the file exports that is our writer, copied into the app: its requests are the log's own."""
_RAISE = ("throwOnError", "raise_for_status", "error_for_status")
"""What makes an error of a refusal, where the call goes on."""
_DEEPEST = 3
"""Functions around a request that are looked through for its address."""
_Way = Sequence[tuple[Call, Scope]]


class Finder:
    """Looks for uses in the files of one search."""

    def __init__(self, names: Names, cards: Cards, files: Sequence[SourceFile], logs: Sequence[str] = OURS) -> None:
        self.names, self.cards, self.files, self.logs = names, cards, files, tuple(logs)
        self.packages = Packages(cards, names)
        self._imported = self.packages.imported(files)
        self.addresses = RequestAddresses(names, cards, cards.denied_hosts())
        self.addresses.learn(files)

    def find(self, callers: Callers) -> Found:
        """Every use in the app, those of one file in the order of its lines."""
        found = Found()
        for file in self.files:
            if WRITER in file.exports:
                continue
            used: dict[int, tuple[Call, Scope, ProviderUse]] = {}
            for call, scope in file.calls:
                if self.is_log(call, scope) or self.is_wrapper(call, scope):
                    found.logs.append((call, scope))
                elif not self._inside_log(scope):
                    self._look_at(call, scope, used, found, callers)
            found.sites += [Site(use, call, scope, file) for call, scope, use in used.values()]
        found.sites = _once(found.sites)
        found.unseen = list({id(one.call): one for one in found.unseen}.values())
        return found

    def is_log(self, call: Call, scope: Scope) -> bool:
        """Whether it is the function that logs, under whatever name it was imported."""
        if call.last_name in self.logs:
            return True
        if not isinstance(call.callee, Name) or scope.lookup(call.callee.id) is None:
            return False
        for value, _, _ in self.names.meanings(call.callee, scope):
            known = getattr(value, "member", None) or getattr(value, "name", None) or getattr(value, "id", None)
            if known in self.logs:
                return True
        return False

    def is_wrapper(self, call: Call, scope: Scope) -> bool:
        """Whether it runs a function and logs how that ended: ``withIntegrationLog(provider, events, function)``."""
        if call.last_name not in WRAPPERS or len(call.args) < 3:
            return False
        return any(isinstance(one, Record) for one, _, _ in self.names.meanings(call.args[1], scope))

    def _look_at(
        self, call: Call, scope: Scope, used: dict[int, tuple[Call, Scope, ProviderUse]], found: Found, callers: Callers
    ) -> None:
        inner = [one for one in _chain(call) if id(one) in used]
        if inner:  # `.eq()` after `.select()`: the same use goes on
            known = used.pop(id(inner[0]))[2]
            used[id(call)] = (call, scope, replace(known, quiet=known.quiet and call.last_name not in _RAISE))
            return
        origin = self.names.origin(call.callee, scope)
        if origin is not None and (use := self._of_package(origin, call, scope)) is not None:
            if self._is_nameless(use, scope):
                found.unseen.append(Unseen(_file(scope), call, "unknown-address", (use.provider,)))
            else:
                used[id(call)] = (call, scope, use)
        elif makes_requests(origin):
            self._request(call, scope, origin, used, found, callers)
        elif self.names.function(call.callee, scope) is None:
            self._guess(call, scope, origin, used, found)

    def _guess(
        self,
        call: Call,
        scope: Scope,
        origin: Origin | None,
        used: dict[int, tuple[Call, Scope, ProviderUse]],
        found: Found,
    ) -> None:
        """What a call may be where it cannot be told which client it is of."""
        if may_make_requests(call, origin, scope):
            addresses = self.addresses.of(call, scope, origin, None)
            if not call.last_name.startswith("send"):  # what has a relay's address gets nothing from there
                addresses = {one for one in addresses if not one.startswith("smtp")}
            if (use := self._request_use(addresses, origin, call)) is not None:
                used[id(call)] = (call, scope, use)
                return
        if origin is not None and self.packages.cards_of(origin, _file(scope).language):
            return
        if origin is not None and (whose := self.packages.of_unknown_model(origin, call, scope)):
            found.unseen.append(Unseen(_file(scope), call, "unknown-client", whose))
            return
        if (use := self.packages.by_name(call, scope, origin)) is not None:
            used[id(call)] = (call, scope, use)
        elif origin is None and (whose := self._perhaps(call, scope)):
            found.unseen.append(Unseen(_file(scope), call, "unknown-client", whose))

    def _perhaps(self, call: Call, scope: Scope) -> Sequence[str]:
        """Whose use a call may be by its path; of a field, which is mostly another's, only what the app imports."""
        whose = self.packages.maybe(call, scope)
        if not whose or is_open(call, scope, self.names):
            return whose
        given = is_given_field(call, scope, self.names)
        return [one for one in whose if one in self._imported] if given else ()

    def _of_package(self, origin: Origin, call: Call, scope: Scope) -> ProviderUse | None:
        use = self.packages.use(origin, call, scope)
        if use is None:
            return None
        maker = use.client or origin
        bases = {one for one in self.addresses.bases(maker, scope) if "://" in one}
        if not known_elsewhere(bases) or (provider := self.addresses.provider_of(bases)) == use.provider:
            return use
        if provider is None and not self.cards.get(use.provider).code.imitated:
            return use  # its own at another address: a domain of the app's, a proxy, one that the app runs itself
        return self._request_use(bases, maker, call)

    def _is_nameless(self, use: ProviderUse, scope: Scope) -> bool:
        """Whether it may as well be another's, who answers as the provider does."""
        card, maker = self.cards.get(use.provider), use.client or use.origin
        if not card.code.imitated or maker is None:
            return False
        return not known_elsewhere(self.addresses.bases(maker, scope)) and self.addresses.nameless(maker, scope, card)

    def _request_use(
        self, addresses: set[str], origin: Origin | None, call: Call, *, open_end: bool = False
    ) -> ProviderUse | None:
        if (provider := self.addresses.provider_of(addresses, open_end=open_end)) is None:
            return None
        card = self.cards.get(provider)
        event = card.events.success[0] if card.events.success else None
        return ProviderUse(provider, event, True, is_quiet(origin, call), False, origin)

    def _request(
        self,
        call: Call,
        scope: Scope,
        origin: Origin | None,
        used: dict[int, tuple[Call, Scope, ProviderUse]],
        found: Found,
        callers: Callers,
    ) -> None:
        addresses = self.addresses.of(call, scope, origin, None)
        unseen: list[Unseen] = []
        if (use := self._request_use(addresses, origin, call)) is not None:
            used[id(call)] = (call, scope, use)
        elif (
            origin is not None
            and is_unknown(addresses)
            and needs_address(origin)
            and not self._through(call, scope, origin, found, callers, [(call, scope)], unseen)
        ):
            if (use := self._request_use(addresses, origin, call, open_end=True)) is not None:
                used[id(call)] = (call, scope, use)
            else:
                found.unseen.append(Unseen(_file(scope), call))
        found.unseen += _told_once(Unseen(_file(scope), call), unseen)

    def _through(
        self,
        call: Call,
        scope: Scope,
        origin: Origin,
        found: Found,
        callers: Callers,
        way: _Way,
        unseen: list[Unseen],
    ) -> bool:
        """Whether the address is a parameter, so that those decide who call the function around; of which nothing is
        known of it either is ``unseen``."""
        outermost = way[-1][1]
        around = _giver(outermost)
        if around is None or len(way) > _DEEPEST or not self._depends(call, scope, origin, way):
            return False
        reached = [one for one in callers.get(id(around), ()) if one[0] is not call]
        for outer, there in reached:
            frame = self._frames([*way, (outer, there)])
            addresses = self.addresses.of(call, scope, origin, frame)
            use = self._request_use(addresses, origin, call, open_end=True)
            if use is not None and not self._inside_log(there):
                found.sites.append(Site(use, outer, there, _file(there), {id(call)}))
            elif use is None and is_unknown(addresses):
                further = [*way, (outer, there)]
                if not self._through(call, scope, origin, found, callers, further, unseen):
                    unseen.append(Unseen(_file(there), outer))
        return bool(reached)

    def _frames(self, way: _Way) -> Frame | None:
        """The parameters of the functions on the way inward, each given by the call outside of it."""
        frame: Frame | None = None
        for (outer, there), (_, inner) in zip(reversed(way), reversed(way[:-1]), strict=False):
            if (around := _giver(inner)) is not None:
                frame = bound_frame(around, None, outer, there, frame)
                frame.owner = self._owner(outer, there)
        return frame

    def _owner(self, call: Call, scope: Scope) -> Class | None:
        """The class of the object whose method is called."""
        callee = call.callee
        found = self.names.origins.classes(callee.object, scope) if isinstance(callee, Member) else ()
        return next((owner for owner, _ in found), None)

    def _depends(self, call: Call, scope: Scope, origin: Origin, way: _Way) -> bool:
        frame = self._frames(way)
        for expr, where in where_addresses_are(call, scope, origin):
            for part in inside(expr):
                if isinstance(part, Name | Member) and any(
                    isinstance(value, Parameter) for value, _, _ in self.names.meanings(part, where, frame)
                ):
                    return True
        return False

    def _inside_log(self, scope: Scope) -> bool:
        """Whether this is the code of the logging function itself: it is the log, and is not logged."""
        here: Scope | None = scope
        while here is not None:
            if here.function is not None and here.function.name in (*self.logs, *WRAPPERS):
                return True
            here = here.parent
        return False


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


def _told_once(request: Unseen, callers: Sequence[Unseen]) -> Sequence[Unseen]:
    """What is said of callers that leave an address unknown: of several, one thing, at the request that they share."""
    each = {id(one.call): one for one in callers}
    return [replace(request, callers=[(one.file, one.call) for one in each.values()])] if len(each) > 1 else callers


def _once(sites: Sequence[Site]) -> list[Site]:
    """One site for each call, in the order of files and lines."""
    by_call: dict[tuple[int, str], Site] = {}
    for site in sites:
        known = by_call.setdefault((id(site.call), site.provider), site)
        known.ends |= site.ends
    return sorted(by_call.values(), key=lambda site: site.at)
