"""The app's own tests that name a provider, where its checkout is available."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_TEST = re.compile(r"(?:^|[._-])(?:tests?|spec|e2e)(?:[._-]|$)", re.IGNORECASE)
_CODE = frozenset({".py", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".yaml", ".yml"})
_NOT_THE_APPS = frozenset({"node_modules", "dist", "build", "vendor", "venv", "site-packages"})
MOST_FILES = 20_000
LARGEST = 500_000
"""The size in bytes above which a file was not written by a person."""


def tests_naming(root: Path, provider: str) -> Sequence[str] | None:
    """The test files under ``root`` that name ``provider``, sorted; ``None`` where ``root`` is not a git checkout."""
    if not (root / ".git").exists():
        return None
    name = re.compile(re.escape(provider).replace("_", "[_ -]?"), re.IGNORECASE)
    return sorted(str(path.relative_to(root)) for path in _tests(root) if _names(path, root, name))


def _tests(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _NOT_THE_APPS)
        inside = any(_TEST.search(part) for part in Path(folder).relative_to(root).parts)
        for file in sorted(files):
            seen += 1
            if seen > MOST_FILES:
                return
            if Path(file).suffix in _CODE and (inside or _TEST.search(file)):
                yield Path(folder, file)


def _names(path: Path, root: Path, name: re.Pattern[str]) -> bool:
    if name.search(str(path.relative_to(root))):
        return True
    try:
        return path.stat().st_size <= LARGEST and bool(name.search(path.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False
