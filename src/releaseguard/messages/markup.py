"""An HTML page told in another way: the texts between its tags, and those that only a screen reader reads, by a
phrasebook for instance."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape
from html.parser import HTMLParser
from typing import Final

from releaseguard.messages.phrasebook import Phrasebook

_NO_WORDS: Final = frozenset({"style", "script", "code", "pre"})
"""Elements whose text is for programs, or for copying."""
_NOT_SAID: Final = _NO_WORDS | {"time", "svg"}
"""Elements whose text is not a sentence."""
_READ_ALOUD: Final = re.compile(r'(?<= aria-label=")[^"]*')
"""What a drawing says in words; a quotation mark in it is written as a reference."""


def said(page: str, book: Phrasebook) -> str:
    """The same page in the language of the phrasebook; tags, addresses and commands stay."""
    teller = _Teller(book.lines, _NOT_SAID, book.language)
    teller.feed(page)
    teller.close()
    return "".join(teller.written)


def retold(page: str, tell: Callable[[str], str]) -> str:
    """The same page with each text as ``tell`` has it; commands stay."""
    teller = _Teller(tell, _NO_WORDS)
    teller.feed(page)
    teller.close()
    return "".join(teller.written)


class _Teller(HTMLParser):
    """Copies a page of ours, and tells its texts."""

    def __init__(self, tell: Callable[[str], str], kept: frozenset[str], language: str | None = None) -> None:
        super().__init__(convert_charrefs=True)
        self._tell, self._kept, self._language = tell, kept, language
        self._inside: list[str] = []
        self.written: list[str] = []

    def handle_decl(self, decl: str) -> None:
        self.written.append(f"<!{decl}>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser calls it so
        self._inside += [tag] if tag in self._kept else []
        written = self._tag()
        translated = tag == "html" and self._language is not None
        self.written.append(written.replace('lang="en"', f'lang="{self._language}"') if translated else written)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser calls it so
        self.written.append(self._tag())

    def _tag(self) -> str:
        """The tag as it stands, what is read aloud told like any text."""
        return _READ_ALOUD.sub(lambda said: escape(self._tell(unescape(said[0]))), self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)
        self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        verbatim = {"style", "script"} & set(self._inside)
        told = data if self._inside else self._tell(data)
        self.written.append(told if verbatim else escape(told, quote=False))
