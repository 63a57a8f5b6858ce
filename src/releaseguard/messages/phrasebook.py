"""Sentences that rooms compose in English, said in another language.

A sentence is made where its facts are, in more than a hundred modules. Its translation is found where it leaves: by its
shape, in a file of shapes (``phrases/tr.toml``), and what stands in a placeholder is translated in turn. A sentence
without a translation is said in English; nothing is ever left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from releaseguard.messages.typed import sparing

_PLACE: Final = re.compile(r"\{(\w+)\}")
_NUMBER: Final = r"(\d[\d.,]*)"
_NAME: Final = r"(\S+?)(?<!\.)"
_CLAUSE: Final = r"((?:(?!; |\. |  )[^\n])+?)(?<!\.)"
"""Anything within one clause of one column; a full stop ends the sentence around it."""
_FACT: Final = r"((?:(?!; |\. |: |  )[^\n])+?)(?<!\.)"
"""What begins a sentence and is said as it is: nothing that stands before the sentence."""
_MOMENT: Final = r"(\d{4}-\S+(?: \S+)?)"
_FILLED_BY: Final = {"n": _NUMBER, "m": _NUMBER, "moment": _MOMENT} | dict.fromkeys(
    ("name", "provider", "variable", "environment", "id", "release", "lane", "state"), _NAME
)
"""What stands in the places of some names; in all others a clause."""
_KEPT: Final = frozenset(
    {*_FILLED_BY, "value", "text", "path", "file", "uri", "command", "host", "table", "column", "service", "setting"}
    | {"option", "flow", "flag", "flags", "card", "secret", "event"}
)
"""Places of facts: what stands there is said as it is, be it a word that the language knows or not."""
_QUOTED: Final = re.compile(r"(['`])\{(\w+)\}\1")
"""A place whose text is given as somebody typed it."""
_VERSION: Final = "ersion "
_NUMERAL: Final = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_SEPARATED: Final = str.maketrans(".,", ",.")
_SHARE: Final = re.compile(r"(\d+)(?:\.(\d+))?%")
_SEPARATORS: Final = (" | ", ". ", "; ", ": ", ", or ", ", and ", ", ", " and ", " or ")
"""Where a sentence of several is taken apart, the widest first."""
_BETWEEN_CLAUSES: Final = frozenset({"; ", ". ", ": ", ", "})
_LONGEST_RUN: Final = 4
"""Clauses, at most, that are looked for as one."""
_ADDRESSED: Final = re.compile(r"(\S+:\S*[^\s,]) (?!or |and )(.+)")
"""A sentence about a place, whose address comes first; a list of addresses is none."""
_JOINED: Final = {"tr": {", or ": ", ya da ", ", and ": ", ve ", " and ": " ve ", " or ": " ya da "}}
_A_NAME: Final = 3
"""Words, at most, of what is listed."""
_AROUND: Final = ((re.compile(r" *(?:- |> )"), ""), (re.compile(r"\*\*(?=[^*]+\*\*$)"), "**"))
_CELLS: Final = re.compile(r"( {2,})")
"""Between the columns of a line."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence with places, ``{name}``, and the same in the other language; places may change their order."""

    english: str
    other: str

    @property
    def anchor(self) -> str:
        """The longest text between places: a sentence without it is not of this shape."""
        return max(re.split(r"\{\w+\}", self.english), key=len)

    def filled(self, text: str) -> Mapping[str, str] | None:
        """What stands in the places of ``text``; ``None`` where it is of another shape."""
        found = _shape(self.english).fullmatch(text)
        return None if found is None else dict(zip(_PLACE.findall(self.english), found.groups(), strict=True))

    @property
    def kept(self) -> frozenset[str]:
        """The places whose text is not a sentence: names, numbers, and what somebody typed."""
        return _KEPT | {quoted[2] for quoted in _QUOTED.finditer(self.english)}

    def said(self, facts: Mapping[str, str]) -> str:
        """The sentence in the other language."""
        return _PLACE.sub(lambda place: facts[place[1]], self.other)


@cache
def _shape(english: str) -> re.Pattern[str]:
    """The texts between the places stand as they are."""
    texts = _PLACE.split(english)
    filled = {texts[1]: _FACT} if not texts[0] and texts[1] in _KEPT else {}
    filled |= _FILLED_BY
    return re.compile(
        "".join(re.escape(text) if index % 2 == 0 else filled.get(text, _CLAUSE) for index, text in enumerate(texts))
    )


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The shapes of one language. ``say`` is a function of its text alone."""

    language: str
    words: dict[str, str]
    """Sentences without a place."""
    phrases: tuple[tuple[str, Phrase], ...]
    """By what every sentence of the shape holds; those that say most come first."""
    known: dict[str, str] = field(default_factory=dict, repr=False)
    """What was said before: reasons and names come again."""

    def learn(self, pairs: Mapping[str, str]) -> None:
        """Texts that are given in both languages elsewhere, by the English one: those of cards."""
        self.words.update(_unended(pair) for pair in pairs.items())
        self.known.clear()

    def say(self, text: str) -> str:
        """One sentence, or several."""
        if text not in self.known:
            self.known[text] = sparing(text, self._sentence)
        return self.known[text]

    def lines(self, text: str) -> str:
        """A printed text: line by line and column by column, whose widths are kept where that is possible."""
        return sparing(text, lambda spared: "\n".join(map(self._line, spared.split("\n"))))

    def document(self, value: Any) -> Any:
        """A document for people: each sentence in it. A single word is a name, or a state that a page looks at."""
        match value:
            case str():
                return self.say(value) if " " in value else value
            case dict():
                return {key: self.document(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.document(inner) for inner in value]
            case _:
                return value

    def _line(self, line: str) -> str:
        """What makes it an item of a list, or heavy, in Markdown stays around it. The heading of a table is one phrase:
        each of its words may elsewhere be a name."""
        for before, after in _AROUND:
            if (found := before.match(line)) and line.endswith(after) and len(line) > len(found[0]):
                inner = line[len(found[0]) : len(line) - len(after)]
                return f"{found[0]}{self._line(inner)}{after}"
        cells = _CELLS.split(line)
        said = [cell if index % 2 else self.say(cell) for index, cell in enumerate(cells)]
        if heading := self.words.get("  ".join(cells[::2])):
            said[::2] = heading.split("  ")
        for index in range(1, len(cells) - 1, 2):
            if cells[index - 1]:
                said[index] = " " * max(2, len(cells[index]) + len(cells[index - 1]) - len(said[index - 1]))
        return "".join(said)

    def _sentence(self, text: str) -> str:
        bare = text.strip(" ")
        if bare != text and text not in self.words:
            return text.replace(bare, self.say(bare)) if bare else text
        whole = self._whole(text)
        return self._in_parts(text) if whole is None else whole

    def _whole(self, text: str) -> str | None:
        """What is known as one; ``None`` where it has to be taken apart."""
        if text in self.words:
            return self.words[text]
        if share := _SHARE.fullmatch(text):
            return f"%{share[1]}" + (f",{share[2]}" if share[2] else "")
        for phrase, facts in self._shapes(text):
            return phrase.said({place: self._in_place(phrase, place, fact) for place, fact in facts.items()})
        if text.endswith(".") and not text.endswith("..") and (ended := self._whole(text[:-1])) is not None:
            return f"{ended}."
        return None

    def _in_place(self, phrase: Phrase, place: str, fact: str) -> str:
        """Counts, whose places have names of one letter, have the other language's separators; a version is a name."""
        if len(place) == 1 and _VERSION not in phrase.english and (number := _NUMERAL.fullmatch(fact)):
            return number[0].translate(_SEPARATED)
        return fact if place in phrase.kept else self.say(fact)

    def _shapes(self, text: str) -> Iterator[tuple[Phrase, Mapping[str, str]]]:
        for anchor, phrase in self.phrases:
            if anchor in text and (facts := phrase.filled(text)) is not None:
                yield phrase, facts

    def _in_parts(self, text: str) -> str:
        """A sentence of no known shape: its clauses, each by itself; brackets and stops stay where they are."""
        for ending in (".", ":", ","):
            if text.endswith(ending) and len(text) > 1 and ". " not in text:
                return self.say(text[:-1]) + ending
        if not any(stop in text for stop in ("; ", ". ")) and (addressed := _ADDRESSED.fullmatch(text)):
            return f"{addressed[1]} {self.say(addressed[2])}"
        opening = _bracket(text)
        if opening is not None and not any(stop in text[:opening] for stop in ("; ", ". ")):
            head, _, rest = text[:opening].rpartition(": ")
            if head and (known := self._whole(rest + text[opening:])) is not None:
                return f"{self.say(head)}: {known}"
            return f"{self.say(text[:opening])}({self.say(text[opening + 1 : -1])})"
        for separator in _SEPARATORS:
            if separator in text:
                return self._joined([*self._runs(text.split(separator), separator)], separator)
        return text

    def _runs(self, parts: list[str], separator: str) -> Iterator[str]:
        """The clauses, and those together that are known as one: a sentence is taken apart at the fewest places."""
        while parts:
            lengths = range(min(len(parts), _LONGEST_RUN), 1, -1) if separator in _BETWEEN_CLAUSES else ()
            run = next((n for n in lengths if self._is_one(separator.join(parts[:n]), separator)), 1)
            yield separator.join(parts[:run])
            parts = parts[run:]

    def _is_one(self, text: str, separator: str) -> bool:
        """Whether a phrase says these clauses, and not one of them with the others in its place."""
        phrase = next((phrase for phrase, _ in self._shapes(text)), None)
        return text in self.words or (phrase is not None and separator in phrase.english)

    def _joined(self, parts: Sequence[str], separator: str) -> str:
        """The clauses of a sentence; the words between names are said too, in a sentence nobody knows they are not."""
        said = [self.say(part) for part in parts]
        known = said != parts or all(len(part.split()) <= _A_NAME for part in parts)
        return (_JOINED.get(self.language, {}).get(separator, separator) if known else separator).join(said)


def _bracket(text: str) -> int | None:
    """Where the bracket opens that ends a text, at its beginning or behind a blank; ``None`` where none ends it."""
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        depth += (text[index] == ")") - (text[index] == "(")
        if depth == 0:
            return index if text.endswith(")") and (index == 0 or text[index - 1] == " ") else None
    return None


@cache
def phrasebook(language: str) -> Phrasebook:
    """The phrasebook of a language; that of English is empty."""
    pairs = dict(map(_unended, read(language)))
    shaped = [Phrase(english, other) for english, other in pairs.items() if _PLACE.search(english)]
    shaped.sort(key=lambda phrase: len(_PLACE.sub("", phrase.english)), reverse=True)
    return Phrasebook(
        language,
        {english: other for english, other in pairs.items() if not _PLACE.search(english)},
        tuple((phrase.anchor, phrase) for phrase in shaped),
    )


def _unended(pair: tuple[str, str]) -> tuple[str, str]:
    """Without the full stop at the end of both: a sentence may be followed by others."""
    english, other = pair
    ended = all(text.endswith(".") and not text.endswith("..") for text in pair)
    return (english[:-1], other[:-1]) if ended else pair


def read(language: str) -> Iterator[tuple[str, str]]:
    """Every phrase of a language's file with its translation."""
    if language == "en":
        return
    text = Path(__file__).with_name("phrases").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    for section in tomllib.loads(text).values():
        yield from section.items()
