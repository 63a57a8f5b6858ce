"""Every sentence that stands in the sources and that a user can read has its translation.

A text of the sources counts as a sentence where it has three words or more, one of which is a word that only English
has. What it is put together from while a command runs stands here as ``3``, which fits every kind of place; that the
pieces themselves are said is for the tests that run commands. What no user reads is left out by rule:

- what a programmer sees alone: errors of misuse (``ValueError`` and its like), docstrings;
- what programs read: statements of a database, patterns, what a writer counts and logs for the app it runs in;
- what has another way into Turkish: help (``test_helps``), the catalog of pages (``test_catalogs``), and templates.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import releaseguard
import releaseguard_events
from releaseguard.messages import phrasebook

TURKISH: Final = phrasebook.phrasebook("tr")
PACKAGES: Final = tuple(Path(package.__file__ or "").parent for package in (releaseguard, releaseguard_events))
ENGLISH: Final = frozenset(
    re.findall(
        r"\w+",
        "the is of has have had not that which with from was were are been be there this these those cannot can it its "
        "they them their no and or for to as what who when where only nobody nothing than then does do did may must if "
        "into before after over under while whose still already without but so yet other another every any each since "
        "until because by",
    )
)
"""Words that are none in Turkish, and no name of ours."""
TYPED: Final = re.compile(
    r"`[^`]*`|\"[^\"]*\"|'[^' ]*'|--[\w-]+(?: (?:stdin|generate|infisical)\b)*|\$\{\w+\}|\b\w+://\S+|\b\w*[_/=.]\w[\w./=-]*"
    r"|\breleaseguard [a-z-]+(?: [a-z-]+)?|\[[\w. ]+\]|\([A-Z][A-Z ,]+\b[^)]*\)|secrets: write|read and write"
    r"|not null default now\(\)|timedatectl set-ntp true"
)
"""What is copied as it stands."""

UNREAD_CALLS: Final = re.compile(
    r"(?:execute|executemany|fetch\w*)$|^(?:re\.compile|re\.sub|click\.\w+|command|dollar_quoted|literal|words|log\.\w+|message"
    r"|localizer\.phrase|msgspec\.Meta|cast|self\._drops\.add|self\.lose|logging\.getLogger.*|overload|TypedDict)$"
    r"|(?:Value|Type|Attribute|Key|Runtime|Assertion|Lookup|NotImplemented)Error$"
)
"""Calls whose texts no user reads, or whose texts are said in another way."""
STATEMENT: Final = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|CASE|COALESCE|BETWEEN|GLOB|GRANT|UNION|RAISE|CAST|NULL|IN|LIKE"
    r"|AND|OR|IS|SET LOCAL|ON CONFLICT|DO NOTHING)\b|\bselect\b|\bcross join\b|\.is\.null|string_agg|->>|#>>|\(\?"
)
UNREAD_FILES: Final = {
    "sandbox/": "stand-ins of services answer as these do, in English",
    "eventlog/schema/": "statements of the database",
    "cards/rules.py": "what is wrong with a card is for who writes one, who has read its page",
    "init/text.py": "what a new configuration says of itself",
    "init/own_table.py": "what a new configuration says of itself",
    "init/components.py": "what a new workflow says of itself",
    "report/health/prometheus.py": "a format for programs",
    "cli/main.py": "help",
    "coverage/learning.py": "the heading of a file that is written for programmers",
    "scrub/": "words that a text is searched for",
}
"""Where texts are for programs and files, with the reason."""
KNOWN: Final = tomllib.loads(Path(__file__).with_name("sentences.toml").read_text(encoding="utf-8"))
PUT_TOGETHER: Final = KNOWN["put_together"]
NOT_SAID: Final = KNOWN["not_said"]


class Sentence(NamedTuple):
    file: str
    line: int
    text: str


@cache
def sentences() -> tuple[Sentence, ...]:
    found = []
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            name = path.relative_to(package).as_posix()
            if not any(name.startswith(part) for part in UNREAD_FILES):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                found += [Sentence(f"{package.name}/{name}", line, text) for line, text in texts_of(tree)]
    return tuple(found)


def texts_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text that no docstring and no call of :data:`UNREAD_CALLS` holds, whole, with its line."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Call) and UNREAD_CALLS.search(ast.unparse(node.func)):
            continue
        if (text := filled(node)) is None:
            yield from texts_of(node)
            continue
        yield getattr(node, "lineno", 0), text
        for place in ast.walk(node):
            if isinstance(place, ast.FormattedValue):
                yield from texts_of(place)


def filled(node: ast.AST) -> str | None:
    """A text with ``3`` in its places; ``None`` where the node is none."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_in_place, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            before, after = filled(left), filled(right)
            return None if before is None and after is None else (before or "3") + (after or "3")
    return None


def _in_place(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    return "'3'" if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") else "3"


def is_english(text: str) -> bool:
    bare = TYPED.sub(" ", text)
    words = re.findall(r"[A-Za-zÇĞİÖŞÜçğıöşü'’]+", bare)
    return len(words) >= 3 and not ENGLISH.isdisjoint(words)


def is_piece(text: str) -> bool:
    """Of a sentence that is put together elsewhere: it ends, or begins, in the middle."""
    return text != text.strip() or text.startswith((",", ";", ":")) or "\n" in text.strip()


def in_a_report(text: str) -> Iterator[str]:
    """How the text may come out: whole, without the sentence that may precede it, or without the ends that may follow
    its words."""
    yield text
    yield re.sub(r"^3 (?=[A-Z])", "", text)
    yield re.sub(r"(?<=[a-z)])3+(?=[.,;:]|$)", "", re.sub(r"^3 (?=[A-Z])", "", text))


def test_every_sentence_that_a_user_can_read_has_a_translation() -> None:
    english = [
        f"{one.file}:{one.line}: {one.text}"
        for one in sentences()
        if is_english(one.text)
        and not is_piece(one.text)
        and not STATEMENT.search(one.text)
        and one.text not in NOT_SAID
        and all(is_english(TURKISH.lines(text)) for text in in_a_report(PUT_TOGETHER.get(one.text, one.text)))
    ]
    assert not english, "\n".join(english)


def test_an_exception_is_a_sentence_that_is_there_and_has_no_translation_of_its_own() -> None:
    there = {one.text for one in sentences()}
    assert not sorted({*PUT_TOGETHER, *NOT_SAID} - there)
    assert not [text for text in {*PUT_TOGETHER, *NOT_SAID} if not is_english(TURKISH.lines(text))]
