"""Which files can matter: those that speak of a provider, of a request or of a log, what they import, and what imports
them. A file that does none of it, and leads to none that does, is counted and not read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from releaseguard.cards.load import Cards
from releaseguard.coverage.judging.around import OUTWARD
from releaseguard.coverage.program.modules import Places
from releaseguard.coverage.reading.tree import Tree, read

_IMPORTS = re.compile(rb"""(?:\bfrom|\bimport|\brequire|\bimport\s*\()\s*\(?\s*['"]([^'"\n]+)['"]""")
_PYTHON_IMPORTS = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+\(?([^\n#]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
CALLERS = OUTWARD
"""Imports against their direction."""
TELLING = 9
"""Letters from which on the name of a function that is given a client is not an everyday word."""
USED = 2
"""Imports of constants and helpers."""
_ASKING = (
    b"fetch(", b"$fetch", b"axios", b"requests.", b"import requests", b"httpx",
    b"aiohttp", b"urllib", b"urlopen",
    b"sendbeacon",
    b"websocket", b"eventsource", b"xmlhttprequest", b"superagent", b"undici", b"nodemailer", b"smtplib",
    b"https.request", b"http.request", b"expo-file-system", b"blob-util", b"fetch-blob", b"react-native-fs",
)  # fmt: skip
"""What asks for an address that may be any, in lower case."""


@dataclass(frozen=True)
class Chosen:
    """The files that have to be read, by name."""

    needed: frozenset[str]
    mentions: frozenset[str]
    """Tests among them that no file of the app imports: only what they mention is kept."""


def chosen(tree: Tree, cards: Cards, logs: Sequence[str]) -> Chosen:
    """The files that have to be read."""
    words, names = _words(cards, logs), [*tree.sources, *tree.tests]
    places = Places(names, tree.aliases)
    speaking, asking = set[str](), set[str]()
    imports: dict[str, list[str]] = {}
    for name in names:
        content = read(tree, name)
        if content is None:
            continue
        small = name.lower().encode() + b"\n" + content.lower()
        if any(word in small for word in words):
            speaking.add(name)
        elif any(word in small for word in _ASKING):
            asking.add(name)
        imports[name] = list(_imported(name, content, places))
    edges = _edge_functions(speaking)
    speaking |= {name for name in tree.tests if name not in speaking and edges and _speaks_of(tree, name, edges)}
    tests = frozenset(tree.tests) - _reached(tree.sources, imports)  # what the app imports is a part of it
    return Chosen(frozenset(_around(speaking, asking, imports, tests)), tests)


def _around(speaking: set[str], asking: set[str], imports: dict[str, list[str]], tests: frozenset[str]) -> set[str]:
    """These, and who may call them, what they use, and all that lies between two that speak of a provider or ask
    for an address: however many files hand a client on, none of them is where it is lost.

    A test counts where it speaks or imports what does; what calls a test, or what it calls, says nothing of the app.
    """
    users = _turned(imports)
    of_app = {name: [one for one in others if one not in tests] for name, others in users.items()}
    app = speaking - tests
    callers = _within(app, of_app, CALLERS)
    ends = app | (asking - tests)
    between = _reached(ends, imports) & _reached(ends, of_app)
    used = _within(ends, imports, USED)
    wrapped = _within(asking - tests, of_app, 1)
    helpers = _within(_within(app, of_app, 1), imports, 1)
    return speaking | callers | between | used | wrapped | helpers | (_within(app, users, 1) & tests)


def _words(cards: Cards, logs: Sequence[str]) -> Sequence[bytes]:
    """What a file that speaks of a provider has in it, in lower case; nothing that holds another one."""
    found = {log.lower() for log in logs} | {card.id for card in cards if "_" not in card.id}
    for card in cards:
        code = card.code
        found |= {one.lower() for one in (*code.npm, *code.python, *code.paths, *code.addresses, *code.webhooks)}
        found |= {one.lower() for path in card.code.calls for one in _paths(path)}
        begun = (path.split(".")[0] for named in code.given_to.values() for path in named)
        found |= {one.lower() for one in begun if len(one) >= TELLING}
        found |= set(card.hosts) if len(card.hosts) < 10 else {host.split(".")[0].split("-")[0] for host in card.hosts}
    return _shortest(frozenset(found))


@lru_cache(maxsize=4)
def _shortest(words: frozenset[str]) -> Sequence[bytes]:
    """Without those that hold another one: a text that has them has that."""
    return [one.encode() for one in words if not any(other in one for other in words if other != one)]


def _paths(path: str) -> Iterator[str]:
    """How a path of two or more names looks in the text: ``messages.create``, ``.from('x').select``."""
    first, _, rest = path.partition(".")
    if rest and "*" not in path and "(" not in path:
        yield from (path, f".{first}('", f'.{first}("', f".{first}(`")


def _imported(name: str, content: bytes, places: Places) -> Iterator[str]:
    language = "python" if name.endswith(".py") else "typescript"
    for module in set(_modules(language, content)):
        if (found := places.find(language, name, module)) is not None and found != name:
            yield found


def _modules(language: str, content: bytes) -> Iterator[str]:
    if language == "typescript":
        yield from (match[1].decode("utf-8", "replace") for match in _IMPORTS.finditer(content))
        return
    for match in _PYTHON_IMPORTS.finditer(content):
        if match[1]:
            module = match[1].decode()
            yield module
            joiner = "" if module.endswith(".") else "."
            for one in match[2].decode("utf-8", "replace").replace("(", "").split(","):
                yield f"{module}{joiner}{one.split(' as ')[0].strip()}"
        else:
            yield from (one.split(" as ")[0].strip() for one in (match[3] or b"").decode().split(","))


def _turned(imports: dict[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, others in imports.items():
        for one in others:
            found.setdefault(one, []).append(name)
    return found


def _within(names: Iterable[str], further: dict[str, list[str]], steps: int) -> set[str]:
    """These, and what is reached from them in so many steps."""
    found, last = set(names), set(names)
    for _ in range(steps):
        last = {one for name in last for one in further.get(name, ())} - found
        found |= last
    return found


def _reached(names: Iterable[str], further: dict[str, list[str]]) -> set[str]:
    """These, and what is reached from them in any number of steps."""
    found = set(names)
    last = list(found)
    while last:
        new = {one for name in last for one in further.get(name, ())} - found
        found |= new
        last = list(new)
    return found


def _edge_functions(speaking: set[str]) -> list[bytes]:
    """The names of edge functions, by which a test may call them."""
    found = {match[1] for name in speaking if (match := re.search(r"(?:^|/)functions/([^/_][^/]*)/", name))}
    return [form.encode() for one in found for form in (f"'{one}'", f'"{one}"', f"`{one}`", f"/v1/{one}")]


def _speaks_of(tree: Tree, name: str, words: Sequence[bytes]) -> bool:
    content = read(tree, name)
    return content is not None and any(word in content for word in words)


__all__ = ["Chosen", "chosen"]
