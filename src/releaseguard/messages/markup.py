"""An HTML page in another language: the texts between its tags are said by a phrasebook."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser
from typing import Final

from releaseguard.messages.phrasebook import Phrasebook

_NOT_SAID: Final = frozenset({"style", "script", "code", "pre", "time", "svg"})
"""Elements whose text is no sentence."""


def said(page: str, book: Phrasebook) -> str:
    """The same page in the language of the phrasebook; tags, addresses and commands stay."""
    teller = _Teller(book)
    teller.feed(page)
    teller.close()
    return "".join(teller.written)


class _Teller(HTMLParser):
    """Copies a page of ours, and says its texts."""

    def __init__(self, book: Phrasebook) -> None:
        super().__init__(convert_charrefs=True)
        self._book = book
        self._inside: list[str] = []
        self.written: list[str] = []

    def handle_decl(self, decl: str) -> None:
        self.written.append(f"<!{decl}>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser calls it so
        self._inside += [tag] if tag in _NOT_SAID else []
        written = self.get_starttag_text() or ""
        self.written.append(written.replace('lang="en"', f'lang="{self._book.language}"') if tag == "html" else written)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser calls it so
        self.written.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)
        self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        verbatim = {"style", "script"} & set(self._inside)
        told = data if self._inside else self._book.lines(data)
        self.written.append(told if verbatim else escape(told, quote=False))
