"""One file's text into the tree, by the language that its name tells."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from releaseguard.coverage.languages.python import PythonReader
from releaseguard.coverage.languages.syntax import SourceFile
from releaseguard.coverage.languages.typescript import TypeScriptReader
from releaseguard.errors import NotInstalled

if TYPE_CHECKING:
    from tree_sitter import Parser


_SCRIPT = re.compile(rb"<script\b(?P<with>[^>]*)>(?P<code>.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_FRONT = re.compile(rb"\A\s*---\r?\n(?P<code>.*?)\n---", re.DOTALL)
_LINE = re.compile(rb"[^\r\n]")
_AMPERSAND = re.compile(rb"(?<!&)&(?!&)")
_TYPES = rb"<[^<>`]{0,400}(?:%s[^<>`]{0,400}){0,20}>"
_TAG_TYPES = re.compile(rb"(?<=[\w$)\]])" + _TYPES % (_TYPES % (_TYPES % rb"=>")) + rb"(?=\s*`)")
_MODULE = rb"import\(\s*(['\"])[^'\"\n]*\%d\s*\)"
_TYPE_OF_MODULE = re.compile(rb"(?<=\btypeof )" + _MODULE % 1 + rb"|" + _MODULE % 2 + rb"(?=\.[A-Z])")
_ALL_TYPES = re.compile(rb"(?<=\bexport )type(?= \*)")
_NEXT_MEMBER = re.compile(rb"(?<=[\w)\]}>\"'`])(\r?\n[ \t]*)[ \t](?=in\w*\??:|<[A-Z][^<>\n]*>\()")
_OVERRIDE = re.compile(rb"\boverride\b(?! [\w\[#*])")
_COMPONENTS = (".vue", ".svelte", ".astro")


def read_source(path: str, content: bytes) -> SourceFile:
    """Read one file, whose name says in which language."""
    if path.endswith(".py"):
        return PythonReader(path, "python", content).read(_parser("python").parse(content).root_node)
    if path.endswith(_COMPONENTS):
        content = scripts_of(path, content)
    # JSX and TypeScript's `<T>value` exclude one another; JavaScript has the first alone.
    dialect = "typescript" if path.endswith((".ts", ".mts", ".cts", *_COMPONENTS)) else "tsx"
    root = _parser(dialect).parse(content).root_node
    if root.has_error and (again := without_odd_types(content)) != content:
        content, root = again, _parser(dialect).parse(again).root_node
    if root.has_error and dialect == "tsx" and _AMPERSAND.search(content):
        # A bare `&` is valid text in JSX, which the grammar does not know; `|` is, and joins values and types as well.
        again = _AMPERSAND.sub(b"|", content)
        if not (other := _parser(dialect).parse(again).root_node).has_error:
            content, root = again, other
    return TypeScriptReader(path, "typescript", content).read(root)


def without_odd_types(content: bytes) -> bytes:
    """The text, each thing where it stood, without types that the grammar does not know: those of a tagged text
    (``sql<Row[]>`...` ``), that of a module (``original<typeof import("x")>()``, ``import("x").Row``), and all of
    another file's (``export type * from "x"``). None says anything. Where lines end without a semicolon, a member whose
    name begins with ``in``, or that is called with types of its own, is told from the one before; and a variable may be
    called ``override``."""
    named = _TYPE_OF_MODULE.sub(lambda match: b"_" + _LINE.sub(b" ", match[0][1:]), _ALL_TYPES.sub(b"    ", content))
    named = _OVERRIDE.sub(b"overridE", _NEXT_MEMBER.sub(rb"\1;", named))
    return _TAG_TYPES.sub(lambda match: _LINE.sub(b" ", match[0]), named) if b"`" in named else named


def scripts_of(path: str, content: bytes) -> bytes:
    """The scripts of a component's file, each where it stands; everything else is blank."""
    kept = bytearray(_LINE.sub(b" ", content))
    found = [*_SCRIPT.finditer(content), *(_FRONT.finditer(content) if path.endswith(".astro") else ())]
    for match in found:
        start, end = match.span("code")
        kept[start:end] = content[start:end]
    return bytes(kept)


@cache
def _parser(dialect: str) -> Parser:
    """The parser of a language, made once: tree-sitter is loaded by a run that reads source, and by no other."""
    try:
        import tree_sitter_python
        import tree_sitter_typescript
        from tree_sitter import Language, Parser
    except ImportError:
        raise NotInstalled("Reading an app's source", "coverage") from None
    if dialect == "python":
        return Parser(Language(tree_sitter_python.language()))
    grammars = {"typescript": tree_sitter_typescript.language_typescript, "tsx": tree_sitter_typescript.language_tsx}
    return Parser(Language(grammars[dialect]()))
