"""Which files can matter: those that speak of a provider, of a request or of a log, what they import, and what imports
them. A file that does none of it, and leads to none that does, is counted and not read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from releaseguard.cards.load import Cards
from releaseguard.coverage.program.modules import Places
from releaseguard.coverage.reading.tree import Tree, read

_IMPORTS = re.compile(rb"""(?:\bfrom|\bimport|\brequire|\bimport\s*\()\s*\(?\s*['"]([^'"\n]+)['"]""")
_PYTHON_IMPORTS = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+\(?([^\n#]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_ASKING = (
    b"fetch(", b"$fetch", b"axios", b"requests", b"httpx", b"aiohttp", b"urllib", b"urlopen", b"sendbeacon",
    b"websocket", b"eventsource", b"xmlhttprequest", b"superagent", b"undici", b"nodemailer", b"smtplib",
    b"https.request", b"http.request",
)  # fmt: skip
"""What asks for an address that may be any, in lower case."""


def chosen(tree: Tree, cards: Cards, logs: Sequence[str]) -> set[str]:
    """The names of the files that have to be read."""
    words, names = _words(cards, logs), [*tree.sources, *tree.tests]
    places = Places(names, tree.aliases)
    speaking: set[str] = set()
    imports: dict[str, list[str]] = {}
    for name in names:
        content = read(tree, name)
        if content is None:
            continue
        small = name.lower().encode() + b"\n" + content.lower()
        if any(word in small for word in words):
            speaking.add(name)
        imports[name] = list(_imported(name, content, places))
    edges = _edge_functions(speaking)
    speaking |= {name for name in tree.tests if name not in speaking and edges and _speaks_of(tree, name, edges)}
    outward = _closure(speaking, _turned(imports))
    inward = _closure(speaking, imports)
    return outward | inward | {one for name in outward for one in imports.get(name, ())}


def _words(cards: Cards, logs: Sequence[str]) -> list[bytes]:
    """What a file that speaks of a provider has in it, in lower case; nothing that holds another one."""
    found = {log.lower() for log in logs} | {card.id for card in cards if "_" not in card.id}
    for card in cards:
        found |= {one.lower() for one in (*card.code.npm, *card.code.python, *card.code.paths, *card.code.webhooks)}
        found |= {one.lower() for path in card.code.calls for one in _paths(path)}
        found |= set(card.hosts) if len(card.hosts) < 10 else {host.split(".")[0].split("-")[0] for host in card.hosts}
    return [*_ASKING, *_shortest(frozenset(found))]


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


def _closure(names: Iterable[str], further: dict[str, list[str]]) -> set[str]:
    pending, found = list(names), set[str]()
    while pending:
        one = pending.pop()
        if one not in found:
            found.add(one)
            pending += further.get(one, ())
    return found


def _edge_functions(speaking: set[str]) -> list[bytes]:
    """The names of edge functions, by which a test may call them."""
    found = {match[1] for name in speaking if (match := re.search(r"(?:^|/)functions/([^/_][^/]*)/", name))}
    return [one.encode() for one in found]


def _speaks_of(tree: Tree, name: str, words: Sequence[bytes]) -> bool:
    content = read(tree, name)
    return content is not None and any(word in content for word in words)


__all__ = ["chosen"]
