"""The language that one run of a command speaks: known from ``--lang`` or the configuration, and needed where an error
becomes words, after the command is over."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from releaseguard.messages.phrasebook import Phrasebook

ENGLISH: Final = "en"
_LANGUAGE: ContextVar[str] = ContextVar("language", default=ENGLISH)


def speak(language: str) -> None:
    """From here on say everything in ``language``."""
    _LANGUAGE.set(language)


def language() -> str:
    """What is spoken now."""
    return _LANGUAGE.get()


def sentence(text: str) -> str:
    """A sentence, or several, in the language that is spoken."""
    return text if language() == ENGLISH else _book().say(text)


def lines(text: str) -> str:
    """A printed text in the language that is spoken."""
    return text if language() == ENGLISH else _book().lines(text)


def document(value: Any) -> Any:
    """A document for people with its sentences in the language that is spoken."""
    return value if language() == ENGLISH else _book().document(value)


def page(text: str) -> str:
    """An HTML page in the language that is spoken."""
    if language() == ENGLISH:
        return text
    from releaseguard.messages.markup import said

    return said(text, _book())


def _book() -> Phrasebook:
    from releaseguard.messages.phrasebook import phrasebook

    return phrasebook(language())
