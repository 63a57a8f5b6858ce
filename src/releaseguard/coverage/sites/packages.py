"""Which calls are uses by the package that they come from, or else by the name of the client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import Card
from releaseguard.coverage.languages.syntax import (
    Call,
    Expr,
    Import,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
    Text,
)
from releaseguard.coverage.program.modules import package_of
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.program.origins import Origin, Step
from releaseguard.coverage.program.passed import handed_on
from releaseguard.coverage.sites.values import ProviderUse

_PATTERN_STEP = re.compile(r"""([A-Za-z_*][A-Za-z0-9_]*)(?:\(["']([^"']*)["']\))?""")
_WORDS = {"sendgrid": ("sendgrid", "sgmail"), "aws_rekognition": ("rekognition",)}
"""What a client is called where it is not called after the card."""
_MODEL_MAKERS = ("init_chat_model", "initChatModel", "init_embeddings", "initEmbeddings")
"""Functions of LangChain that make a model by its name, and by its provider's where that is given too."""
_ANY_MODEL = ("", "ai", "@ai-sdk/provider", "@ai-sdk/provider-utils")
"""Packages whose types say that something is a model, and not whose."""
_OF_THE_APP = (".", "#", "~", "@/", "$")
"""What an import begins with that means the app's own, or what its framework makes."""
_ITSELF = ("this", "self", "cls")
_DEEPEST = 3
"""Steps into a package of Python that a card may name."""


class Packages:
    """The packages of all cards."""

    def __init__(self, cards: Cards, names: Names) -> None:
        self.cards, self.names = cards, names
        self._known: dict[tuple[str, str], list[tuple[Card, str, str]]] = {}
        self._given: dict[str, list[tuple[Card, str]]] = {}
        self._ends: dict[str, list[tuple[Card, str, str]]] = {}
        for card in cards:
            paths = [(card, path, event) for path, event in card.code.calls.items()]
            for language, packages in (("typescript", card.code.npm), ("python", card.code.python)):
                parts = [one for one in card.code.within if ("/" in one) == (language == "typescript")]
                for package in (*packages, *parts):
                    self._known.setdefault((language, package), []).extend(paths)
            for package, functions in card.code.given_to.items():
                self._given.setdefault(package, []).extend((card, one) for one in functions)
            for path in paths:
                steps = _PATTERN_STEP.findall(path[1])
                if "*" not in path[1]:
                    self._ends.setdefault(steps[-1][0], []).append(path)

    def cards_of(self, origin: Origin | None, language: str) -> list[Card]:
        """The cards to whose packages a value belongs."""
        known = self._of_package(origin, language) if origin else ()
        return list({card.id: card for card, _, _ in known if not _is_other(card, origin)}.values())

    def _of_package(self, origin: Origin, language: str) -> Iterator[tuple[Card, str, str]]:
        """What the cards say of a package, or of the part of it that a value comes from."""
        for name in _spoken(origin, language):
            yield from self._known.get((language, name), ())

    def imported(self, files: Iterable[SourceFile]) -> set[str]:
        """The cards a package of which some file imports by name."""
        found = set[str]()
        for file in files:
            bound = {one for values in file.main.scope.names.values() for one in values if isinstance(one, Import)}
            for one in bound:
                known = self._known.get((file.language, package_of(one.module, file.language)[0]), ())
                found |= {card.id for card, _, _ in known}
        return found

    def use(self, origin: Origin, call: Call, scope: Scope) -> ProviderUse | None:
        """What a call of a package's function is a use of, by the cards of its package."""
        language = scope.root.file.language if scope.root.file else "typescript"
        whole = origin.called(call, scope)
        for card, path, event in self._of_package(origin, language):
            if not _is_other(card, origin) and self.matches(path, whole.steps, scope) and not _gathered(card, whole):
                return _use(card, event, language, whole)
        return self._use_of_given(origin, whole, call, scope, language)

    def _use_of_given(
        self, origin: Origin, whole: Origin, call: Call, scope: Scope, language: str
    ) -> ProviderUse | None:
        """A function of another package that is given something which a card's package made."""
        for card, path in self._given.get(origin.package, ()):
            if self.matches(path, whole.steps, scope) and card.code.models and self._is_model_of(card, whole, scope):
                return _use(card, next(iter(card.events.success), None), language, whole)
            if self.matches(path, whole.steps, scope):
                for given, there in _given(whole, call, scope):
                    maker = self.names.origin(given, there)
                    if card in self.cards_of(maker, language):
                        event = card.events.success[0] if card.events.success else None
                        return replace(_use(card, event, language, whole), client=maker)
        return None

    def of_unknown_model(self, origin: Origin, call: Call, scope: Scope) -> Sequence[str]:
        """Whose use a function of another package may be that is given a model which is known at run time only."""
        whole = origin.called(call, scope)
        cards = [
            card.id for card, path in self._given.get(origin.package, ()) if self.matches(path, whole.steps, scope)
        ]
        calls = [call, *(step.call for step in whole.steps if step.call is not None)]
        options = (
            given for one in calls for given in (one.named, *(arg.items for arg in one.args if isinstance(arg, Record)))
        )
        model = next((one["model"] for one in options if "model" in one), None)
        if not cards or model is None or isinstance(model, Text):
            return ()
        maker = self.names.origin(model, scope)
        return cards if maker is None or maker.package in _ANY_MODEL else ()

    def _is_model_of(self, card: Card, origin: Origin, scope: Scope) -> bool:
        """Whether it is a model that was made by a name of the provider's."""
        for step in origin.steps:
            if step.name in _MODEL_MAKERS and step.call is not None:
                return self._is_made_for(card, step.call, step.scope or scope)
        return False

    def _is_made_for(self, card: Card, made: Call, scope: Scope) -> bool:
        options = next((one.items for one in made.args if isinstance(one, Record)), made.named)
        whose = options.get("model_provider") or options.get("modelProvider")
        if whose is not None:
            return any(text.split("_")[-1] == card.id for text in self.names.texts(whose, scope))
        given = [one for one in (*made.args[:1], made.named.get("model")) if one is not None]
        begins = (*card.code.models, f"{card.id}:", f"azure_{card.id}:")
        return any(text.startswith(begins) for one in given for text in self.names.texts(one, scope))

    def by_name(self, call: Call, scope: Scope, origin: Origin | None) -> ProviderUse | None:
        """A use by what the client is called, where nobody can tell which it is: ``ctx.mail.send(x)``; or the function
        that made it, where no package has that: a framework brings it, or a file that is not here."""
        steps, makers = self._path(call), [*_homeless(origin)]
        language = scope.root.file.language if scope.root.file else "typescript"
        for card, path, event in self._ends.get(call.last_name, ()):
            wanted = _PATTERN_STEP.findall(path)
            holders = [step.name for step in steps[: len(steps) - len(wanted)]] + makers
            if self.matches(path, steps, scope) and any(_is_called_after(card, name) for name in holders):
                return _use(card, event, language, origin)
        return None

    def maybe(self, call: Call, scope: Scope) -> Sequence[str]:
        """Whose use a call may be, by two or more names of its path."""
        steps = self._path(call)
        found = [
            card.id
            for card, path, _ in self._ends.get(call.last_name, ())
            if len(_PATTERN_STEP.findall(path)) > 1 and len(steps) > len(_PATTERN_STEP.findall(path))
            if self.matches(path, steps, scope)
        ]
        return list(dict.fromkeys(found))

    def _path(self, call: Call) -> Sequence[Step]:
        steps: list[Step] = []
        expr: Expr = call
        while isinstance(expr, Call | Member):
            if isinstance(expr, Member):
                steps.append(Step(expr.name))
                expr = expr.object
            else:
                callee = expr.callee
                if isinstance(callee, Member):
                    steps.append(Step(callee.name, expr))
                    expr = callee.object
                else:
                    expr = callee
        if isinstance(expr, Name):
            steps.append(Step(expr.id))
        return steps[::-1]

    def matches(self, path: str, steps: Sequence[Step], scope: Scope) -> bool:
        """Whether some steps end with a card's path."""
        if path == "default":
            drawn = bool(steps) and (made := steps[-1].call) is not None and made.component
            return drawn and all(step.name in ("", "default") for step in steps)
        wanted = _PATTERN_STEP.findall(path)
        own = [step for step in steps if step.name]
        if len(own) < len(wanted):
            return False
        for (name, first), step in zip(reversed(wanted), reversed(own), strict=False):
            if name not in ("*", step.name):
                return False
            if first and not (step.call and step.call.args and first in self.names.texts(step.call.args[0], scope)):
                return False
        return True


def root_of(call: Call) -> Expr:
    """What a call's path begins with: ``a`` of ``a.b().c()``."""
    expr: Expr = call
    while isinstance(expr, Call | Member):
        expr = expr.callee if isinstance(expr, Call) else expr.object
    return expr


def is_given_field(call: Call, scope: Scope, names: Names) -> bool:
    """Whether a call's path begins with a field of the object's own that somebody gave it: ``self.client.table(x)``."""
    expr: Expr = call
    while isinstance(expr, Call | Member):
        inner = expr.callee if isinstance(expr, Call) else expr.object
        if isinstance(expr, Member) and isinstance(inner, Name) and inner.id in _ITSELF:
            return any(isinstance(value, Parameter) for value, _, _ in names.meanings(expr, scope))
        expr = inner
    return False


def is_open(call: Call, scope: Scope, names: Names) -> bool:
    """Whether nobody can tell what a call's path begins with: a parameter, or something of a call that is not known."""
    root = root_of(call)
    if not isinstance(root, Name) or (found := scope.lookup(root.id)) is None:
        return False
    if root.id in _ITSELF:
        return False
    values = [value for value, _, _ in names.meanings(root, scope)]
    return any(isinstance(one, Parameter | Call) for one in values) or any(
        isinstance(one, Parameter) for one in found[1]
    )


def _use(card: Card, event: str | None, language: str, origin: Origin | None) -> ProviderUse:
    quiet = card.code.returns_errors and language == "typescript"
    return ProviderUse(card.id, event, False, quiet, card.code.background, origin)


def _given(whole: Origin, call: Call, scope: Scope) -> Iterator[tuple[Expr, Scope]]:
    calls = [(call, scope), *((step.call, step.scope or scope) for step in whole.steps if step.call is not None)]
    for one, where in calls:
        for arg in (*one.args, *one.named.values()):
            for inner in handed_on(arg):
                yield inner, where


def _spoken(origin: Origin, language: str) -> Iterator[str]:
    """A package, and the path in it, as cards say them: ``langchain/llms/openai``, ``langchain.llms.OpenAI``."""
    yield origin.package
    if language == "typescript":
        if origin.module != origin.package:
            yield origin.module.removesuffix(".js")
        return
    path = origin.package
    for step in origin.steps[:_DEEPEST]:
        path = f"{path}.{step.name}"
        yield path


def _is_other(card: Card, origin: Origin | None) -> bool:
    """Whether it belongs to what a card's package has and is not the provider's, by a module or a path of names."""
    if origin is None or not card.code.other:
        return False
    path, inner = origin.package, [origin.module]
    for step in origin.steps[:_DEEPEST]:
        path = f"{path}.{step.name}"
        inner.append(path)
    return any(one == other or one.startswith(f"{other}/") for one in inner for other in card.code.other)


def _gathered(card: Card, origin: Origin) -> bool:
    """Whether a call is only put beside others, and sent by another: ``redis.pipeline().set()``."""
    *before, last = (step.name for step in origin.steps)
    return any(name in card.code.gathers and last != card.code.gathers[name] for name in before)


def _homeless(origin: Origin | None) -> Iterator[str]:
    """The functions that made a client and are of no package, and of no file of the search."""
    if origin is not None and (not origin.package or origin.package.startswith(_OF_THE_APP)):
        yield from (step.name for step in origin.steps[:1] if step.call is not None)


def _is_called_after(card: Card, name: str) -> bool:
    words = _WORDS.get(card.id, (card.id,))
    return any(word in name.lower().replace("_", "") for word in words)
