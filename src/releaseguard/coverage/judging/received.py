"""What reaches the app without a call of its own: webhooks of a provider, and events that its library captures by
itself. The function that receives them logs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.judging.central import Central
from releaseguard.coverage.judging.judge import Judge
from releaseguard.coverage.languages.syntax import Call, Expr, Function, Member, Name, Place, SourceFile, Text

_SERVERS = {"serve", "createServer", "Deno"}
_ROUTES = {"post", "all", "route", "use", "get", "api_route"}
_EXPORTED = {"POST", "handler", "default", "webhook"}
_WEBHOOK = re.compile(r"web-?_?hooks?", re.IGNORECASE)


@dataclass(frozen=True)
class Receiver:
    """A function that is given what a provider sends, or the set-up of a library that sends by itself."""

    card: Card
    file: SourceFile
    at: Place
    kind: str
    """``webhook`` or ``captured``."""
    event: str
    """What it should log."""
    logged: bool


def receivers(judge: Judge, cards: Cards, central: Central, files: Sequence[SourceFile]) -> list[Receiver]:
    """Every one of them, in the order of files and lines."""
    found = [*_captured(judge, central), *_webhooks(judge, cards, files)]
    once = {(one.card.id, one.file.path, one.at): one for one in found}
    return sorted(once.values(), key=lambda one: (one.file.path, one.at))


def _captured(judge: Judge, central: Central) -> Iterator[Receiver]:
    for call, file, card, hooks in central.setups:
        for event in card.events.success[:1]:
            logged = any(judge.says(card.id, hook.function)["success"] == "logged" for hook in hooks)
            yield Receiver(card, file, call.at, "captured", event, logged)


def _webhooks(judge: Judge, cards: Cards, files: Sequence[SourceFile]) -> Iterator[Receiver]:
    wanted = [(card, event) for card in cards for event in card.events.success if "webhook" in event]
    for file in files:
        for card, event in wanted:
            for function, at in _handlers(file, card):
                logged = judge.says(card.id, function)["success"] in ("logged", "unknown")
                yield Receiver(card, file, at, "webhook", event, logged)


def _handlers(file: SourceFile, card: Card) -> Iterator[tuple[Function, Place]]:
    """The functions of a file that are given a card's webhook: by the route, by the file's name, by what they check."""
    by_route = [
        (call, function) for call, function in _served(file, _ROUTES) if _names_webhook(_first_text(call), card)
    ]
    if by_route:
        yield from ((function, call.at) for call, function in by_route)
    elif _names_webhook(file.path, card) or _mentions(file, card):
        servers = [(function, call.at) for call, function in _served(file, _SERVERS)]
        yield from servers or ((one, one.at) for one in _exported(file))


def _served(file: SourceFile, names: set[str]) -> Iterator[tuple[Call, Function]]:
    for call, scope in file.calls:
        if call.last_name not in names:
            continue
        for arg in call.args:
            if isinstance(arg, Function):
                yield call, arg
            elif isinstance(arg, Name) and (found := scope.lookup(arg.id)) is not None:
                yield from ((call, one) for one in found[1] if isinstance(one, Function))
    yield from _decorated(file, names)


def _decorated(file: SourceFile, names: set[str]) -> Iterator[tuple[Call, Function]]:
    """``@app.post("/webhooks/sendgrid")`` above a function."""
    for call, scope in file.calls:
        route = call.callee
        if isinstance(route, Call) and route.last_name in names and call.args and isinstance(call.args[0], Name):
            found = scope.lookup(call.args[0].id)
            yield from ((route, one) for one in (found[1] if found else ()) if isinstance(one, Function))


def _exported(file: SourceFile) -> Iterator[Function]:
    for name, value in file.exports.items():
        values: Sequence[object] = file.main.scope.names.get(value.id, ()) if isinstance(value, Name) else (value,)
        if name in _EXPORTED or _WEBHOOK.search(name):
            yield from (one for one in values if isinstance(one, Function))


def _first_text(call: Call) -> str:
    first = next(iter(call.args), None)
    return "".join(one for one in first.pieces if isinstance(one, str)) if isinstance(first, Text) else ""


def _names_webhook(path: str, card: Card) -> bool:
    return bool(_WEBHOOK.search(path)) and bool(re.search(rf"(?<![a-z0-9]){card.id}(?![a-z0-9])", path.lower()))


def _mentions(file: SourceFile, card: Card) -> bool:
    """Whether what only a receiver of the webhook needs is named: its key, its header, its library."""
    wanted = set(card.code.webhooks)
    if any(piece in wanted for text in file.texts for piece in text.pieces if isinstance(piece, str)):
        return True
    return any(_name_of(part) in wanted for call, _ in file.calls for part in call.parts)


def _name_of(expr: Expr) -> str:
    return expr.id if isinstance(expr, Name) else expr.name if isinstance(expr, Member) else ""
