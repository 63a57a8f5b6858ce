"""What one call of ``logIntegrationEvent`` says: for which provider, which event, and with which outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.languages.syntax import Call, Expr, Record, Scope, Text
from releaseguard.coverage.program.frames import Frame
from releaseguard.coverage.program.names import HOLE, Names
from releaseguard.coverage.signature import Signature
from releaseguard.model import OURSELVES
from releaseguard.tomlfile import did_you_mean, nearest

_KEYS = {
    "provider": ("provider", "integration", "service"),
    "event": ("event", "event_name", "eventName", "event_type", "eventType", "name"),
    "outcome": ("outcome", "status", "result"),
}
"""The names of the arguments, in the order in which they stand without names."""
SUCCESSES = ("success", "ok", "succeeded")
ERRORS = ("error", "failure", "failed")


@dataclass(frozen=True)
class Said:
    """What the arguments may be; each is empty where it is not given, and holds a hole where it is not known."""

    providers: frozenset[str]
    events: frozenset[str]
    outcomes: frozenset[str]

    @property
    def unknown(self) -> bool:
        """Whether neither provider nor event can be read."""
        return _open(self.providers) and _open(self.events)


@dataclass(frozen=True)
class Wrong:
    """An event that no card knows, or not with this outcome."""

    rule: str
    provider: str
    message: str
    instead: str | None
    """The name that was probably meant."""
    word: str
    """The name that is wrong."""


@dataclass(frozen=True)
class Language:
    """In which words an app logs: the events of all cards, and its own function where it has one."""

    events: frozenset[str] = frozenset()
    own: Signature | None = None

    def keys(self, call: Call) -> Mapping[str, Sequence[str]]:
        """The names of the arguments of one log, by their role."""
        if self.own is None or call.last_name != self.own.function:
            return _KEYS
        event = (self.own.event,) if self.own.event is not None else ()
        return {"provider": (self.own.provider,), "event": event, "outcome": (self.own.outcome,)}


def read_log(names: Names, call: Call, scope: Scope, frame: Frame | None = None, words: Language = Language()) -> Said:
    """The arguments of one call, by position or by name, or as one object.

    Where the first of them is one of the known ``events``, the app's function takes the event and no provider.
    """
    own = words.own if words.own is not None and call.last_name == words.own.function else None
    said = _said(names, _arguments(names, call, scope, words.keys(call)), scope, frame, words.events)
    if own is None:
        return said
    providers = frozenset(own.providers.get(one, one) for one in said.providers)
    return Said(providers, said.events, frozenset(map(own.outcome_of, said.outcomes)))


def _said(names: Names, given: Mapping[str, Expr], scope: Scope, frame: Frame | None, events: frozenset[str]) -> Said:
    values = {role: _texts(names, given.get(role), scope, frame) for role in _KEYS}
    if values["provider"] and values["provider"] <= events:
        return Said(frozenset(), values["provider"], values["outcome"])
    return Said(values["provider"], values["event"], values["outcome"])


def read_wrapper(names: Names, call: Call, scope: Scope, frame: Frame | None) -> tuple[Said, Said]:
    """What ``withIntegrationLog(provider, { success, error }, call)`` logs where the call is well, and where not."""
    provider, events = _texts(names, call.args[0], scope, frame), call.args[1]
    given: Mapping[str, Expr] = {}
    for value, home, _ in names.meanings(events, scope, frame):
        if isinstance(value, Record):
            given, scope = value.items, home
    return (
        Said(provider, _texts(names, given.get("success"), scope, frame), frozenset({"success"})),
        Said(provider, _texts(names, given.get("error"), scope, frame), frozenset({"error"})),
    )


def place_of(
    names: Names, word: str, call: Call, scope: Scope, frame: Frame | None, words: Language
) -> tuple[str, int, int]:
    """File, line and column of a word that an argument holds, wherever it was given to the function around."""
    for value in _arguments(names, call, scope, words.keys(call)).values():
        for found, home, _ in names.meanings(value, scope, frame):
            if isinstance(found, Text) and names.texts(found, home) == {word} and home.root.file:
                return (home.root.file.path, *found.at)
    return (scope.root.file.path if scope.root.file else "", *call.at)


def _arguments(names: Names, call: Call, scope: Scope, keys: Mapping[str, Sequence[str]]) -> Mapping[str, Expr]:
    positional = list(call.args)
    named = dict(call.named)
    if positional and isinstance(positional[0], Record):
        named |= positional.pop(0).items  # type: ignore[attr-defined]
        positional = []
    given = dict(zip(_order(names, call, scope, keys), positional, strict=False))
    for arg in positional:
        if isinstance(arg, Record):  # an object of options after the names
            named = {**arg.items, **named}
    for role, known in keys.items():
        value = next((named[key] for key in known if key in named), None)
        if value is not None and (role not in given or isinstance(given[role], Record)):
            given[role] = value
    return {role: value for role, value in given.items() if role and not isinstance(value, Record)}


def _order(names: Names, call: Call, scope: Scope, known: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The roles of the arguments by position: as the app's own function names them, else as ours does."""
    own = names.function(call.callee, scope)
    if own is None or not own[0].params:
        return list(known)
    roles = {key: role for role, keys in known.items() for key in keys}
    order = [roles.get(parameter.names[0] if parameter.names else "", "") for parameter in own[0].params]
    return order if "event" in order or "provider" in order else list(known)


def _texts(names: Names, value: Expr | None, scope: Scope, frame: Frame | None) -> frozenset[str]:
    return frozenset() if value is None else frozenset(names.texts(value, scope, frame))


def _open(values: frozenset[str]) -> bool:
    return not values or any(HOLE in value for value in values)


def outcomes_for(said: Said, card: Card) -> frozenset[str]:
    """``success``, ``error``: what the event says about the card's provider; ``unknown`` where it may be either."""
    events = said.events & {*card.events.success, *card.events.error}
    if card.id not in said.providers and not (_open(said.providers) and (events or _open(said.events))):
        return frozenset()
    found = {"success" for event in events if event in card.events.success}
    found |= {"error" for event in events if event in card.events.error}
    if _open(said.events) and not events:
        found |= {"success" for one in said.outcomes if one in SUCCESSES}
        found |= {"error" for one in said.outcomes if one in ERRORS}
        if card.id not in said.providers or not found:
            return frozenset({"unknown"})
    if len(found) == 1 and (stated := _stated(said)) and stated not in found:
        return frozenset()
    return frozenset(found)


def _stated(said: Said) -> str | None:
    """The outcome, where it is one."""
    if len(said.outcomes) != 1:
        return None
    (one,) = said.outcomes
    return "success" if one in SUCCESSES else "error" if one in ERRORS else None


def mistakes(said: Said, cards: Cards) -> Iterator[Wrong]:
    """What is wrong with it whatever call it stands for."""
    for provider in sorted(said.providers):
        if HOLE in provider or provider == OURSELVES:
            continue
        if provider not in cards:
            near = nearest(provider, cards.by_id)
            what = f"{provider!r} is not a provider: no card knows it. {did_you_mean(provider, cards.by_id)}"
            yield Wrong("unknown-provider", near or provider, what, near, provider)
        elif len(said.providers) == 1:
            yield from _wrong_events(said, cards.get(provider), cards)


def _wrong_events(said: Said, card: Card, cards: Cards) -> Iterator[Wrong]:
    own = [*card.events.success, *card.events.error]
    for event in sorted(said.events):
        if HOLE in event or event == card.id:
            continue
        if event not in own:
            owner = next((one.name for one in cards if event in (*one.events.success, *one.events.error)), None)
            whose = f"is an event of {owner}, not of {card.name}" if owner else f"is not on the card of {card.name}"
            near = nearest(event, own)
            yield Wrong(
                "unknown-event", card.id, f"{event!r} {whose}. {did_you_mean(event, own)}", near or own[0], event
            )
        elif len(said.events) == 1 and (stated := _stated(said)):
            meant = "success" if event in card.events.success else "error"
            if stated != meant:
                what = f"{event!r} is an event of {meant}, and is logged with the outcome {stated!r}"
                yield Wrong("wrong-outcome", card.id, what, meant, next(iter(said.outcomes)))
