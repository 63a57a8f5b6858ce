"""The language that one run of a command speaks: known from ``--lang`` or the configuration, and needed where an error
becomes words, after the command is over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from releaseguard.messages.typed import sparing

if TYPE_CHECKING:
    from releaseguard.messages.phrasebook import Phrasebook

ENGLISH: Final = "en"
_LANGUAGE: ContextVar[str] = ContextVar("language", default=ENGLISH)


_NOUNS: Final = (
    "events rows errors names files characters successes seconds failures days copies checks bytes steps secrets "
    "releases fields requests projects problems places objects minutes commands cards calls columns chains tests others"
)
_ONE: Final = (
    rf"(?<![\w.,:/#-])(?P<all>[Aa]ll )?1 (?P<noun>{_NOUNS.replace(' ', '|')})\b"
    r"(?P<verb> (?:are|were|have)\b)?(?P<column> {2})?"
)
"""What sentences count, where there is one of it: they are written for many."""


def agreed(text: str) -> str:
    """``1 event``, ``the one check`` in an English text; columns keep their width."""
    return sparing(text, lambda spared: re.sub(_ONE, _singular, spared)) if "1 " in text else text


def _singular(found: re.Match[str]) -> str:
    noun = found["noun"]
    one = noun[:-3] + "y" if noun.endswith("ies") else noun[:-2] if noun.endswith("sses") else noun[:-1]
    number = {"All ": "The one", "all ": "the one"}.get(found["all"], "1")
    verb = {" are": " is", " were": " was", " have": " has"}.get(found["verb"], "")
    said = f"{number} {one}{verb}"
    return said.ljust(len(found[0]) - 2) + found["column"] if found["column"] else said


def speak(language: str) -> None:
    """From here on say everything in ``language``."""
    _LANGUAGE.set(language)


def language() -> str:
    """What is spoken now."""
    return _LANGUAGE.get()


def learn(texts: Iterable[Mapping[str, str]]) -> None:
    """Say texts that are given by language as they are given."""
    if language() != ENGLISH:
        _book().learn({one[ENGLISH]: one[language()] for one in texts if {ENGLISH, language()} <= one.keys()})


def sentence(text: str) -> str:
    """A sentence, or several, in the language that is spoken."""
    return agreed(text) if language() == ENGLISH else _book().say(text)


def lines(text: str) -> str:
    """A printed text in the language that is spoken."""
    return agreed(text) if language() == ENGLISH else _book().lines(text)


def document(value: Any) -> Any:
    """A document for people with its sentences in the language that is spoken."""
    return value if language() == ENGLISH else _book().document(value)


def page(text: str) -> str:
    """An HTML page in the language that is spoken."""
    if language() == ENGLISH:
        return agreed(text)
    from releaseguard.messages.markup import said

    return said(text, _book())


def _book() -> Phrasebook:
    from releaseguard.messages.phrasebook import phrasebook

    return phrasebook(language())
