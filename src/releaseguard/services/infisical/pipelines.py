"""What the app's own workflows and files tell of the vault: project, host, environment and folder of its secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from releaseguard.ci.job import FOLDER, WORKFLOWS
from releaseguard.onboarding.folder import first_files, texts_in

_STEP = re.compile(r"^\s*-\s", re.MULTILINE)
_ACTION = re.compile(r"^\s*uses:\s*[\"']?infisical/secrets-action@", re.IGNORECASE | re.MULTILINE)
_INPUT = r"^\s*{}:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^#\n]*?)[ \t]*(?:#.*)?$"
_COMMAND = re.compile(r"(?<![\w#/.-])infisical\s+(?:run|export|secrets)\b(?:\\\n|[^\n;|])*")
_OPTION = r"--{}[= ]\s*[\"']?([^\s\"']+)"
_HOST = re.compile(r"https://(?:app|eu|us)\.infisical\.com/?(?:api/?)?")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_FOLDER = re.compile(r"/?(?:[A-Za-z0-9_-]+/?)*")
USUAL: Final = "https://app.infisical.com"
"""Where the action and the command line go that are given no domain."""
_PRODUCTION: Final = ("prod", "production", "prd", "live")
"""What the slug of production's environment is called, the vault's own default first."""


class VaultGuess(Struct, frozen=True):
    """A project at Infisical, as workflows name it; what nothing tells is empty."""

    slug: str
    url: str
    project_id: str = ""
    """Where only the id is known."""
    environment: str = ""
    """The slug of production there, where steps name one of the usual."""
    path: str = "/"
    """The folder that most steps for production read."""
    others: Sequence[str] = ()
    """Further folders that steps read, in order."""


class _VaultStep(Struct, frozen=True):
    """One place that reads the vault. Empty: not said, or only known when it runs."""

    slug: str = ""
    project_id: str = ""
    host: str = ""
    environment: str = ""
    path: str = ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it goes to a server that is not Infisical's own."""
        return bool(self.host) and not _HOST.fullmatch(self.host)


def vault_of(root: Path) -> VaultGuess | None:
    """The project that most steps of the repository's workflows name, else that of its ``.infisical.json``.

    ``None`` where neither names one. A project is at one host: a step that says which speaks for those that forgot to.
    """
    uses = [use for text in _texts(root) for use in _uses(text) if not use.is_elsewhere]
    named = Counter(use.slug for use in uses if use.slug)
    slug = named.most_common(1)[0][0] if named else ""
    own = [use for use in uses if use.slug == slug or not (use.slug or use.project_id)]
    ids = Counter(use.project_id for use in uses if use.project_id)
    project_id = "" if slug else (ids.most_common(1)[0][0] if ids else _workspace(root))
    if not (slug or project_id):
        return None
    environment = _most(own, "environment", _PRODUCTION)
    folders = Counter(use.path for use in own if use.path and use.environment in {environment, ""})
    path = max(folders, key=lambda folder: (folders[folder], -len(folder), folder), default="/")
    others = tuple(sorted({use.path for use in own if use.path} - {path}))
    hosts = Counter(use.host for use in own if use.host and use.slug == slug)
    url = re.sub(r"/(?:api/?)?$", "", max((count, host) for host, count in hosts.items())[1]) if hosts else USUAL
    return VaultGuess(slug, url, project_id, environment, path, others)


def _most(uses: Sequence[_VaultStep], part: str, known: Sequence[str]) -> str:
    """The value of ``part`` that most uses have, of those that are ``known``; of as many the first known."""
    counts = Counter(getattr(use, part) for use in uses)
    return max(known, key=lambda one: (counts[one], -known.index(one))) if any(counts[one] for one in known) else ""


def _texts(root: Path) -> Iterator[str]:
    actions = root / FOLDER / "actions"
    files = [*(root / WORKFLOWS).glob("*.y*ml"), *actions.glob("*/action.y*ml")]
    yield from (text for _, text in first_files(files))


def _uses(text: str) -> Iterator[_VaultStep]:
    for step in _STEP.split(text):
        if _ACTION.search(step):
            yield _VaultStep(
                slug=_plain(_input(step, "project-slug")),
                host=_known(_input(step, "domain")).rstrip("/"),
                environment=_plain(_input(step, "env-slug")),
                path=_folder(_input(step, "secret-path")),
            )
        for command in _COMMAND.findall(step):
            yield _VaultStep(
                project_id=_plain(_option(command, "projectId")),
                host=_known(_option(command, "domain")).rstrip("/"),
                environment=_plain(_option(command, "env")),
                path=_folder(_option(command, "path")),
            )


def _input(step: str, name: str) -> str:
    match = re.search(_INPUT.format(re.escape(name)), step, re.MULTILINE)
    return match[1].strip("\"'") if match else ""


def _option(command: str, name: str) -> str:
    match = re.search(_OPTION.format(name), command)
    return match[1] if match else ""


def _known(text: str) -> str:
    """The text, unless it is known only when the workflow runs."""
    return "" if "$" in text else text


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else ""


def _folder(text: str) -> str:
    """A folder from the root on; the root where none is said, and nothing where it is known only when it runs."""
    if not _FOLDER.fullmatch(text):
        return ""
    return "/" + text.strip("/")


def _workspace(root: Path) -> str:
    """The project's id as ``infisical init`` leaves it."""
    [named] = texts_in(root / ".infisical.json", "workspaceId")
    return _plain(named)
