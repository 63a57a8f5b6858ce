"""The names that Tab completes: what the configuration and the cards call things. No service is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from releaseguard.cards.load import Cards
    from releaseguard.cards.spec import Card
    from releaseguard.settings import Settings

_TYPED_AS_IT_STANDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@,+-]*\Z")
"""Names come from a file that anybody may have written, and a shell puts them on its line as they are."""


class NameType(click.types.StringParamType):
    """A text that is the name of something: Tab knows which there are."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Those that begin with ``incomplete``; none where a file cannot be read."""
        from click.shell_completion import CompletionItem

        from releaseguard.errors import ReleaseguardError

        found: list[str] = []
        with suppress(ReleaseguardError, OSError):
            found = sorted({*_NAMES[str(param.name)](_Known(ctx))})
        return [CompletionItem(one) for one in found if one.startswith(incomplete) and _TYPED_AS_IT_STANDS.match(one)]


def complete_names(command: click.Command) -> click.Command:
    """``command``, with Tab for each of its texts that is a name."""
    for param in command.params:
        if param.name in _NAMES and param.type is click.STRING:
            param.type = NameType()
    return command


class _Known:
    """The configuration and its cards, as the words before the cursor name them."""

    def __init__(self, ctx: click.Context) -> None:
        self._config, self._environment = ctx.params.get("config"), ctx.params.get("environment")
        words = [
            word for word in ctx.args if not word.startswith("-")
        ]  # not taken up yet where an option's value lacks
        self.provider = str(ctx.params.get("provider") or "".join(words[:1]))

    @property
    def settings(self) -> Settings:
        """Raises ``ConfigError``."""
        from releaseguard.compose.known import configuration

        return configuration.load(self._config, environment=self._environment, environ=os.environ, needs_log=False)

    @property
    def cards(self) -> Cards:
        """The project's; those that ship where its own cannot be read."""
        from releaseguard.compose.known import configuration
        from releaseguard.errors import ConfigError

        try:
            return configuration.cards_of(self.settings)
        except ConfigError:
            return configuration.cards_in(None)

    @property
    def named_cards(self) -> Iterable[Card]:
        """The card that stands before the cursor; all of them where none does."""
        cards = self.cards
        return [cards.get(self.provider)] if self.provider in cards else cards


def _providers(known: _Known) -> Iterable[str]:
    return known.cards.by_id


def _secrets(known: _Known) -> Iterable[str]:
    return (secret.name for card in known.named_cards for secret in card.secrets)


def _checks(known: _Known) -> Iterable[str]:
    return (check.id for card in known.cards for check in card.checks)


def _events(known: _Known) -> Iterable[str]:
    return (name for card in known.named_cards for name in (*card.events.success, *card.events.error))


def _environments(known: _Known) -> Iterable[str]:
    return known.settings.declared


def _components(known: _Known) -> Iterable[str]:
    return known.settings.components


def _sources(known: _Known) -> Iterable[str]:
    settings = known.settings
    of_places = (names for section in settings.providers.values() for names in section.sources.values())
    return (name for names in (*settings.components.values(), *of_places) for name in names)


def _destinations(known: _Known) -> Iterable[str]:
    sections = known.settings.providers
    chosen = [sections[known.provider]] if known.provider in sections else sections.values()
    return (text.partition(" as ")[0] for section in chosen for text in section.every_destination)


_NAMES: Mapping[str, Callable[[_Known], Iterable[str]]] = {
    "provider": _providers,
    "providers": _providers,
    "removes": _providers,
    "environment": _environments,
    "secret": _secrets,
    "checks": _checks,
    "accepts": _checks,
    "explain": _checks,
    "event": _events,
    "component": _components,
    "source": _sources,
    "skip": _destinations,
    "new_destinations": _destinations,
}
"""What an option or argument is called -> the names that it takes."""
