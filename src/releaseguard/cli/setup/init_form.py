"""The answers of ``init``: the flag, else what is typed, else what the directory lets one guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click
from msgspec import Struct, structs

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.errors import ConfigError, ReleaseguardError, UsageError
from releaseguard.init.answers import ELSEWHERE, ENVIRONMENT_NAME, SQLITE, Answers
from releaseguard.messages import LANGUAGES
from releaseguard.onboarding.part import web_address
from releaseguard_events.places.written import holds_password

if TYPE_CHECKING:
    from releaseguard.cards.load import Cards
    from releaseguard.init.answers import Guess
    from releaseguard.init.parts import OnboardedService, ServiceParts

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class InitFlags:
    """What the command line says; ``None`` where it says nothing."""

    name: str | None
    environment: str | None
    language: str | None
    events_url: str | None
    app_url: str | None
    providers: Sequence[str]
    destinations: Sequence[str]
    services: Mapping[str, str | None]
    """``NAME_FIELD`` -> the answer to a service's own question."""

    @property
    def any(self) -> bool:
        """Whether it says anything."""
        own = (self.name, self.environment, self.language, self.events_url, self.app_url, *self.services.values())
        return bool(any(own) or self.providers or self.destinations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One answer after the other."""

    known: ServiceParts
    cards: Cards
    guess: Guess
    flags: InitFlags
    asks: bool
    has_table: bool
    """Whether the app has a table of events, which is in its database and in no file of ours."""

    def filled(self) -> Answers:
        """Raises ``UsageError`` for a flag that is not valid."""
        flags, backend = self.flags, self.guess.backend
        name = self._answer("name", flags.name, "Project's name", self.guess.name, _name)
        environment = self._answer("environment", flags.environment, "Environment", "production", _environment)
        language = flags.language or ("en" if not self.asks else self._prompt("Language", "en", _language))
        events = backend or (ELSEWHERE if self.has_table else SQLITE)
        events_url = self._answer("events_url", flags.events_url, "Event log", events, self._events_url)
        asked = "The app's base address (empty: none)"
        app_url = self._answer("app_url", flags.app_url, asked, backend or "", _web_address_or_nothing)
        known = self.guess.answers(environment)
        return Answers(
            name=name,
            environment=environment,
            language=language,
            events_url=events_url,
            app_url=app_url or None,
            services={one.name: self._of_service(one, known[one.name]) for one in self.known.services},
            destinations=self._destinations(),
        )

    def ask_workflows(self, flag: bool | None) -> bool:
        """Whether the workflows are wanted: asked for only in a repository whose workflows they would be."""
        if flag is not None or not self.asks or self.guess.repository is None:
            return bool(flag)
        return click.confirm("Write the GitHub workflows too?", default=False, err=True)

    def _of_service(self, service: OnboardedService, known: Struct) -> Struct:
        """What was recognised of a service, with what is answered to its questions."""
        answered = {}
        for question in service.part.questions:
            flag, default = f"{service.name}_{question.field}", getattr(known, question.field)
            given = self.flags.services[flag]
            if question.words:
                answered[question.field] = self._answer(flag, given, question.words, default, question.valid)
            elif given:
                answered[question.field] = given
        return structs.replace(known, **answered)

    def _answer(self, name: str, given: str | None, words: str, default: str, valid: Callable[[str], str]) -> str:
        if given is None:
            return self._prompt(words, default, valid) if self.asks else default
        try:
            return valid(given)
        except ReleaseguardError as error:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(error.what, where=flag, next_step=error.next_step) from None

    def _prompt(self, words: str, default: str, valid: Callable[[str], T]) -> T:
        def converted(typed: str) -> T:
            try:
                return valid(typed)
            except ReleaseguardError as error:  # click says it and asks again
                raise click.UsageError(f"{error.what}. {error.next_step or ''}".strip()) from None

        found: T = click.prompt(words, default=default, value_proc=converted, err=True, show_default=bool(default))
        return found

    def _destinations(self) -> Mapping[str, Sequence[str]]:
        cards = self.cards
        common, own = _sorted_out(self.flags.destinations)
        providers = [*self.flags.providers]
        if not providers and not own and self.asks:
            providers = self._prompt("Providers to rotate (with commas; empty: later)", "", _providers(cards))
        providers = list(dict.fromkeys([*providers, *own]))
        for provider in providers:
            cards.get(provider)
        if common and not providers:
            raise UsageError(
                "a destination is of a provider, and none is named",
                where="--destination",
                next_step="Add --provider P, or write --destination P=URI.",
            )
        chosen = common or ([] if own else self._common(providers))
        return {
            provider: [] if kept_at_provider(cards, provider) else [*own.get(provider, []), *chosen]
            for provider in providers
        }

    def _common(self, providers: Sequence[str]) -> Sequence[str]:
        if not providers or not self.asks:
            return self.guess.destinations
        return self._prompt("Destinations of their secrets (with commas)", ", ".join(self.guess.destinations), _uris)

    def _events_url(self, text: str) -> str:
        """The address; its own text is never in the error, since it may hold a password."""
        url = text.strip()
        if holds_password(url):
            raise UsageError(
                "the address holds a password, and credentials never go into the file",
                next_step="Write ${NAME} in its place, and set NAME in the environment: "
                "postgresql://USER:${RELEASEGUARD_EVENTS_PASSWORD}@HOST/DATABASE (in single quotes, for the shell).",
            )
        if not re.match(r"sqlite:///.|postgres(ql)?://|https?://|\$\{", url):
            raise UsageError(
                "this is not the address of an event log",
                next_step=f"Write sqlite:///file.db, postgresql://... or {self.known.log.example}.",
            )
        return url


def kept_at_provider(cards: Cards, provider: str) -> bool:
    """Push keys and the like: a person changes them there, and no copy of them is ours to write."""
    return all(secret.from_ == "manual" for secret in cards.get(provider).secrets)


def _sorted_out(given: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """The destinations of every provider, and those of one alone."""
    common: list[str] = []
    own: dict[str, list[str]] = {}
    for text in given:
        named = re.fullmatch(r"(?P<provider>[a-z0-9_]+)=(?P<uri>.*)", text)
        uri = _destination(named["uri"] if named else text)
        if named:
            own.setdefault(named["provider"], []).append(uri)
        else:
            common.append(uri)
    return common, own


def _name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable():
        raise UsageError("a name is a line of text", next_step="For instance: lovendo")
    return name


def _environment(text: str) -> str:
    name = text.strip()
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise UsageError(
            f"{text!r} is not the name of an environment", next_step="Letters, digits, '.', '_' and '-': production"
        )
    return name


def _language(text: str) -> str:
    if text.strip() not in LANGUAGES:
        raise UsageError(f"{text!r} is not a language of the playbooks", next_step="Write en or tr.")
    return text.strip()


def _web_address_or_nothing(text: str) -> str:
    return web_address(text) if text.strip() else ""


def _destination(text: str) -> str:
    try:
        ADDRESSES.parse(text)
    except ConfigError as error:
        raise UsageError(error.what, where="--destination", next_step=error.next_step) from None
    return text.strip()


def _uris(text: str) -> Sequence[str]:
    """With commas between them, some of which stand between the targets of one: the next one begins with its kind."""
    return [_destination(part) for part in re.split(r"\s*,\s*(?=[a-z-]+:)", text.strip()) if part]


def _providers(cards: Cards) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        return [cards.get(part.strip()).id for part in text.split(",") if part.strip()]

    return split
