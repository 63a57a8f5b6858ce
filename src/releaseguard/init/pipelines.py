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
    """The project that most steps of the repository's workflows name; ``None`` where none names one.

    A project is at one host: a step that says which speaks for those that forgot to.
    """
    slugs: Counter[str] = Counter()
    hosts: Counter[tuple[str, str]] = Counter()
    for path in islice(sorted((root / ".github" / "workflows").glob("*.y*ml")), MOST_FILES):
        for step in _ACTION.split(_read(path))[1:]:
            slug, domain = _given(step, "project-slug"), _given(step, "domain")
            if slug and (not domain or _HOST.fullmatch(domain)):
                slugs[slug] += 1
                hosts[slug, domain.rstrip("/")] += bool(domain)
    if not slugs:
        return None
    slug = slugs.most_common(1)[0][0]
    said = [(count, host) for (named, host), count in hosts.items() if named == slug and count]
    return VaultGuess(slug, max(said)[1] if said else USUAL)


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
