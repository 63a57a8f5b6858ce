"""What the app's own workflows tell of the vault: the project that they take their secrets from."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

MOST_FILES: Final = 200
LARGEST: Final = 1 << 20

_ACTION = re.compile(r"uses:\s*[\"']?infisical/secrets-action@", re.IGNORECASE)
_INPUT = r"^\s*{}:\s*[\"']?([A-Za-z0-9:/._-]+)[\"']?\s*(?:#.*)?$"
_HOST = re.compile(r"https://(?:app|eu|us)\.infisical\.com/?")
USUAL: Final = "https://app.infisical.com"
"""Where the action goes that is given no domain."""


@dataclass(frozen=True, slots=True)
class VaultGuess:
    """A project at Infisical, as workflows name it."""

    slug: str
    url: str


def vault_of(root: Path) -> VaultGuess | None:
    """The project that most steps of the repository's workflows name; ``None`` where none names one."""
    found: Counter[VaultGuess] = Counter()
    for path in islice(sorted((root / ".github" / "workflows").glob("*.y*ml")), MOST_FILES):
        for step in _ACTION.split(_read(path))[1:]:
            slug, domain = _given(step, "project-slug"), _given(step, "domain")
            if slug and (not domain or _HOST.fullmatch(domain)):
                found[VaultGuess(slug, (domain or USUAL).rstrip("/"))] += 1
    return found.most_common(1)[0][0] if found else None


def _given(step: str, name: str) -> str:
    """An input of the step: up to where the next step begins."""
    own = re.split(r"^\s*-\s", step, maxsplit=1, flags=re.MULTILINE)[0]
    match = re.search(_INPUT.format(re.escape(name)), own, re.MULTILINE)
    return match[1] if match else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""
