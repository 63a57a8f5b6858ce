"""Which provider a request goes to, by the addresses that it may have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.languages.reader import BASES
from releaseguard.coverage.languages.syntax import (
    Bound,
    Call,
    Const,
    Expr,
    Function,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
    Text,
)
from releaseguard.coverage.languages.within import inside
from releaseguard.coverage.program.frames import Frame
from releaseguard.coverage.program.names import HOLE, Names
from releaseguard.coverage.program.origins import Origin
from releaseguard.coverage.sites.requests import is_mailer, relay, speaks_a_protocol

_HOST = re.compile(r"^\s*(?:https?|wss?|smtps?)://(?:[^/?#@]*@)?([^/?#:]+)", re.IGNORECASE)
_OPEN_BASES = tuple(one for one in BASES if one not in ("endpoint", "azure_endpoint"))
"""Those that may name any host: an endpoint at Azure is the app's own, and says nothing of whose it is."""
_INNER = ("configuration", "options", "defaults")
"""Options that hold such a base in turn."""
_URL = "URL"
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


@dataclass
class RequestAddresses:
    """The addresses of requests in the files of one search."""

    names: Names
    cards: Cards
    hosts: Mapping[str, str]
    _set: dict[tuple[str, int], list[tuple[Expr, Scope]]] = field(default_factory=dict)
    """By package and the call that made a client, 0 for the package as a whole: what its base address is set to."""

    def learn(self, files: Sequence[SourceFile]) -> None:
        """Find the addresses that a client, or a whole package, is given once it is there: ``openai.api_base = x``."""
        for place, value, scope in (one for file in files for one in file.settings):
            origin = self.names.origin(place.object, scope)
            if origin is not None and (origin.package or origin.steps[0].name == _URL):
                makers = [id(step.call) for step in origin.steps if step.call is not None]
                self._set.setdefault((origin.package, makers[-1] if makers else 0), []).append((value, scope))

    def _set_later(self, origin: Origin) -> Sequence[tuple[Expr, Scope]]:
        """The addresses that were set for a client, else for its package."""
        makers = [id(step.call) for step in origin.steps if step.call is not None] if self._set else []
        return next((self._set[key] for one in (*makers, 0) if (key := (origin.package, one)) in self._set), ())

    def of(self, call: Call, scope: Scope, origin: Origin | None, frame: Frame | None) -> set[str]:
        """What a request may be sent to; with a base address put before what has none."""
        found, bases = set[str](), self.bases(origin, scope)
        if speaks_a_protocol(origin):
            return bases
        named = self._named(call, scope, frame)
        for arg in call.args[:2]:
            if not isinstance(arg, Record | Function) and not any(_is_place(text) for text in found):
                found |= self._moved(arg, scope) or self.names.texts(arg, scope, frame)
        found = {text for text in found if text.upper() not in _METHODS} or found
        whole = {text for text in (*found, *named) if _HOST.match(text)}
        parts = {text for text in found if not _HOST.match(text)}
        return whole | ({_joined(base, part) for base in bases for part in (parts or {""})} or parts)

    def _moved(self, expr: Expr, scope: Scope) -> set[str]:
        """The addresses of a ``URL`` that was given another host: ``url.hostname = "api.sendgrid.com"``, and of what is
        made of it, ``new Request(url)``."""
        origin = self.names.origin(expr, scope) if self._set else None
        if origin is None or origin.package or not origin.steps or (made := origin.steps[0].call) is None:
            return set()
        if origin.steps[0].name == "Request" and made.args:
            return self._moved(made.args[0], origin.steps[0].scope or scope)
        texts = {text for value, home in self._set.get(("", id(made)), ()) for text in self.names.texts(value, home)}
        return {text if "://" in text else f"https://{text}" for text in texts}

    def bases(self, origin: Origin | None, scope: Scope) -> set[str]:
        """The addresses that the client was made for."""
        found = set[str]()
        for step in origin.steps if origin is not None else ():
            maker, home = step.call, step.scope or scope
            if maker is None:
                continue
            found |= self._named(maker, home, None)
            first = maker.args[1:2] if maker.last_name == "partial" else maker.args[:1]
            texts = {text for arg in first for text in self.names.texts(arg, home)}
            found |= {text for text in texts if HOLE not in text or known_elsewhere({text})}
            if is_mailer(origin) and (host := relay(maker)) is not None:
                found |= {f"smtp://{text}" for text in self.names.texts(host, home) if "://" not in text}
        for value, home in self._set_later(origin) if origin is not None else ():
            found |= self.names.texts(value, home)
        return found

    def nameless(self, origin: Origin, scope: Scope, card: Card) -> bool:
        """Whether the client's address is known at run time only, and not called after a card (``OPENAI_BASE_URL``)."""
        for step in origin.steps:
            for items in _options(step.call) if step.call is not None and "azure" not in step.name.lower() else ():
                given = [items[key] for key in _OPEN_BASES if key in items]
                if any(self._is_nameless(value, step.scope or scope, card) for value in given):
                    return True
        return any(self._is_nameless(value, home, card) for value, home in self._set_later(origin))

    def _is_nameless(self, value: Expr, scope: Scope, card: Card) -> bool:
        if not is_unknown(self.names.texts(value, scope)):
            return False
        meant = [one for one, _, _ in self.names.meanings(value, scope)]
        if meant and all(isinstance(one, Const) or _is_optional(one) for one in meant):
            return any(self._given(one, home) for one, home, _ in self.names.meanings(value, scope))
        return not self._is_called_after(card, value, scope)

    def _given(self, parameter: Bound, home: Scope) -> bool:
        """Whether somebody gives a parameter a value."""
        passed = self.names.origins.passed
        return isinstance(parameter, Parameter) and passed is not None and any(True for _ in passed.to(parameter, home))

    def _is_called_after(self, card: Card, value: Expr, scope: Scope) -> bool:
        """Whether an address, or what it is taken from, has the card's name in its own."""
        meant = (one for one, _, _ in self.names.meanings(value, scope))
        said = {name for one in (value, *meant) if isinstance(one, Expr) for name in _names_in(one)}
        return any(card.id in name.lower().replace("_", "") for name in said)

    def _named(self, call: Call, scope: Scope, frame: Frame | None) -> set[str]:
        found = set[str]()
        for items in _options(call):
            for key in BASES:
                if (value := items.get(key)) is not None:
                    texts = self.names.texts(value, scope, frame)
                    found |= {f"https://{one}" if "://" not in one and key.startswith("host") else one for one in texts}
            if (service := items.get("service")) is not None:
                found |= self._of_service(self.names.texts(service, scope, frame))
        return found

    def _of_service(self, texts: set[str]) -> set[str]:
        """A mail library knows relays by the provider's name."""
        known = {card.name.lower(): card for card in self.cards}
        return {f"smtp://{known[text.lower()].hosts[0]}" for text in texts if text.lower() in known}

    def provider_of(self, addresses: set[str], *, open_end: bool = False) -> str | None:
        """The card to one of whose hosts or paths some address leads. With an ``open_end`` what follows a host may be
        known at run time only, as in ``f"https://host{path}"``."""
        for address in sorted(addresses):
            if (provider := self.of_host(address, open_end=open_end) or self._of_path(address)) is not None:
                return provider
        return None

    def of_host(self, address: str, *, open_end: bool = False) -> str | None:
        """The card whose host it is, if any."""
        host = match[1].lower() if (match := _HOST.match(address)) else ""
        labels = (host.removesuffix(HOLE) if open_end else host).rstrip(".").split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self.hosts[name] for name in names if name in self.hosts), None)

    def _of_path(self, address: str) -> str | None:
        """By its path, where the host is known at run time only: the project's own address."""
        if not address.startswith(HOLE):
            return None
        path = address.lstrip(HOLE)
        return next((card.id for card in self.cards if any(path.startswith(one) for one in card.code.paths)), None)


def _is_place(text: str) -> bool:
    """Whether it is an address, or a path at one: what is given after it are options."""
    return "/" in text and not text.startswith(HOLE)


def known_elsewhere(addresses: set[str]) -> bool:
    """Whether an address names a host in full, whoever's it is."""
    return any((match := _HOST.match(one)) and HOLE not in match[1] for one in addresses)


def is_unknown(addresses: set[str]) -> bool:
    """Whether the host of some address is known at run time only; a path without a host is the app's own."""
    for address in addresses:
        host = match[1] if (match := _HOST.match(address)) else ""
        if address.startswith(HOLE) or HOLE in host:
            return True
    return not addresses


def where_addresses_are(call: Call, scope: Scope, origin: Origin) -> Iterator[tuple[Expr, Scope]]:
    """The values that make an address: of the call, and of those that made its client."""
    for one, where in ((call, scope), *((step.call, step.scope or scope) for step in origin.steps if step.call)):
        for arg in one.args[:2]:
            yield arg, where
        for key in BASES:
            if key in one.named:
                yield one.named[key], where


def _is_optional(value: Bound) -> bool:
    """Whether it is a parameter that is nothing where nothing is given."""
    return isinstance(value, Parameter) and isinstance(value.default, Const)


def _names_in(expr: Expr) -> Iterator[str]:
    """The names that stand in an expression, those of variables of the environment among them."""
    for one in inside(expr):
        if isinstance(one, Member):
            yield one.name
        elif isinstance(one, Name):
            yield one.id
        elif isinstance(one, Text):
            yield from (piece for piece in one.pieces if isinstance(piece, str))


def _options(call: Call) -> Iterator[Mapping[str, Expr]]:
    for items in (call.named, *(arg.items for arg in call.args if isinstance(arg, Record))):
        yield items
        for key in _INNER:
            if isinstance(inner := items.get(key), Record):
                yield inner.items


def _joined(base: str, part: str) -> str:
    if part and not part.startswith("/") and not base.endswith(("/", HOLE)):
        return f"{base}/{part}"
    return base + part
