"""One file's text into the tree, by the language that its name tells."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from releaseguard.coverage.languages.python import PythonReader
from releaseguard.coverage.languages.syntax import SourceFile
from releaseguard.coverage.languages.typescript import TypeScriptReader
from releaseguard.errors import NotInstalled

if TYPE_CHECKING:
    from tree_sitter import Parser


def read_source(path: str, content: bytes) -> SourceFile:
    """Read one file, whose name says in which language."""
    if path.endswith(".py"):
        return PythonReader(path, "python", content).read(_parser("python").parse(content).root_node)
    # JSX and TypeScript's `<T>value` exclude one another; JavaScript has the first alone.
    dialect = "typescript" if path.endswith((".ts", ".mts", ".cts")) else "tsx"
    return TypeScriptReader(path, "typescript", content).read(_parser(dialect).parse(content).root_node)


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
