"""Names and values in a text: the name says what the value after it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from releaseguard_events.scrub.folded import BLANK
from releaseguard_events.scrub.keys import NAME_LIKE, kind_of_key, looks_like_a_name, names_a_secret
from releaseguard_events.scrub.values import HARD, is_random, is_said

_PAIR: Final = re.compile(
    r"(?<!\w)(?P<name>(?:[^\W\d]\w{0,30}+[ ](?=[^\W\d])){0,2}+[^\W\d][\w.-]{0,60}+)(?:\\?[\"'\]]){0,3}+"
    r"(?:[ \t]{0,3}+(?:=>|:=|={1,2}|:|%3[Dd])[ \t]{0,3}+|(?P<close>>)|[ ]{1,2}+(?=[\"']))"
)
_OPTION: Final = re.compile(r"(?<![\w-])--?(?P<name>[a-z][\w-]{1,40}+)[ =](?=[^\s-])")
_VALUE: Final = re.compile(
    r"(?P<quote>\\?[\"'`])(?P<inner>(?:(?!(?P=quote))[^\n]){1,2000}+)"
    r"|(?P<bare>(?:[^\s\"'<>&,;)\]}]|[,;)\]}](?![\s\"'<>,;)\]}]|$|[\w.-]{1,30}+=)|&(?![\w.\[\]-]{1,40}+(?:[=&\s]|$)))"
    r"{1,300}+)"
)
_NAMED: Final = re.compile(
    r"[^\W\d_a-zçğışöü][\w.'’-]{0,40}+(?:[ ](?:[^\W\d_a-zçğışöü][\w.'’/:-]{0,40}+|\d{1,5}[\w/]{0,5}+)){0,9}+"
)


def pairs(text: str) -> Iterator[tuple[int, int, str]]:
    """Values whose name, before ``=`` or ``:``, says what they are."""
    for match in _PAIR.finditer(text):
        if match["close"] and text[match.start() - 1 : match.start()] != "<":
            continue
        kind = kind_of_key(match["name"])
        if kind is not None and (kind != "secret" or " " not in match["name"] or names_a_secret(match["name"])):
            yield from _value_of(text, match, kind)


def options(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _OPTION.finditer(text):
        if kind_of_key(match["name"]) == "secret":
            yield from _value_of(text, match, "secret")


_LONGEST_STATUS: Final = 3
"""The most digits of a status: ``SENDGRID_API_KEY: 404 Not Found``."""
_GROUPS: Final = re.compile(rf"(?:[ {BLANK}](?:\(?\d[\d().-]{{0,12}}+|[A-Z]{{1,3}}(?=[ ]?\d))){{0,6}}+")


def _value_of(text: str, pair: re.Match[str], kind: str) -> Iterator[tuple[int, int, str]]:
    value = _VALUE.match(text, pair.end())
    if value is None:
        return
    bare = value["bare"] is not None
    if bare and pair["name"].lower().endswith("authorization"):
        return  # a scheme stands before what is secret, and a rule of its own knows that
    said, (start, end) = value[0] if bare else value["inner"], value.span("bare" if bare else "inner")
    stops = text[pair.end("name") : pair.end()]
    prose = bare and ":" in stops and stops[-1].isspace()
    if kind == "secret":
        surely = prose is False and stops.strip(" \t\"'\\]") != ""
        if _is_secret_value(pair["name"], said, text[end : end + 2], surely=surely):
            yield start, end, kind
    elif kind in ("person", NAME_LIKE):
        yield from _person(text, start, end, kind, prose=prose)
    elif kind != "email" and any(character.isdigit() for character in said):  # mail is recognised wherever it stands
        groups = _GROUPS.match(text, end) if bare else None
        yield start, groups.end() if groups else end, kind


def _is_secret_value(name: str, value: str, after: str, *, surely: bool) -> bool:
    """Whether the value is a secret; ``surely`` says that the text is a name and a value, and not a sentence about the
    name."""
    if is_said(value) or not any(map(str.isalnum, value)):
        return False
    if surely or is_random(value):
        return surely or not (value.isdigit() and len(value) <= _LONGEST_STATUS)
    hard = any(word in name.lower() for word in HARD)
    return hard and not (after[:1] == " " and after[1:].isalpha())


def _person(text: str, start: int, end: int, kind: str, *, prose: bool) -> Iterator[tuple[int, int, str]]:
    if prose:
        named = _NAMED.match(text, start)
        end = named.end() if named is not None else end
        if named is None and not text[start].isdigit():
            return
    said = text[start:end]
    if not is_said(said) and (kind == "person" or looks_like_a_name(said)):
        yield start, end, "person"
