"""What a first configuration says, and what the directory lets one guess of it. No process is started for it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from releaseguard.init.pipelines import VaultGuess, vault_of

SQLITE = "sqlite:///releaseguard.db"
ELSEWHERE = "${RELEASEGUARD_EVENTS_URL}"
"""An address that only the environment knows: of the app's own database, say."""
INFISICAL = "https://app.infisical.com"
ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""It stands in the workflows too, where other characters mean something."""

_GITHUB_REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^/@\s]*@)?github\.com(?::\d+)?/|(?:[^/@\s:]+@)?github\.com:)"
    r"/?(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]*)/(?P<repo>[A-Za-z0-9._-]+?)(?:\.git)?/?"
)
_REF = re.compile(r"[a-z]{20}")
_SLUGS = {"production": "prod", "development": "dev"}
LARGEST = 1 << 20
"""Bytes of a file that is looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Everything that the written file says otherwise than by default. No credential is among it."""

    name: str
    environment: str = "production"
    language: str = "en"
    events_url: str = SQLITE
    infisical_url: str = INFISICAL
    infisical_project: str = ""
    infisical_slug: str = ""
    """Of the project, where its id is not known."""
    infisical_environment: str = "prod"
    infisical_path: str = "/"
    """The folder there that secrets stand in."""
    infisical_folders: Sequence[str] = ()
    """Further folders that the app's workflows read: a provider's may stand in one of them."""
    vercel_team: str | None = None
    app_url: str | None = None
    destinations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Provider -> its destinations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a project's own files tell; nothing of it is asked of a service."""

    name: str
    repository: str | None = None
    """``OWNER/REPO`` at GitHub."""
    vercel_project: str | None = None
    vercel_team: str | None = None
    supabase_ref: str | None = None
    vault: VaultGuess | None = None
    root: Path | None = None
    """The top of the git repository."""

    @property
    def destinations(self) -> Sequence[str]:
        """Where a provider's secret is likely to be."""
        found = (
            self.repository and f"github:{self.repository}",
            self.vercel_project and f"vercel:{self.vercel_project}/production",
            self.supabase_ref and f"supabase:{self.supabase_ref}",
        )
        return [uri for uri in found if uri]

    @property
    def supabase_url(self) -> str | None:
        return f"https://{self.supabase_ref}.supabase.co" if self.supabase_ref else None


def slug_of(environment: str) -> str:
    """What Infisical most likely calls an environment."""
    return _SLUGS.get(environment, environment)


def guess(folder: Path) -> Guess:
    """What the files of ``folder`` and its git repository tell. What cannot be read tells nothing."""
    root, repository = _git(folder)
    vercel = _json(folder / ".vercel" / "project.json")
    team = _text(vercel.get("orgId"))
    return Guess(
        name=_name(folder, repository),
        repository=repository,
        vercel_project=_project(_text(vercel.get("projectId"))),
        vercel_team=team if team.startswith("team_") else None,
        supabase_ref=_supabase_ref(folder / "supabase"),
        vault=vault_of(root or folder),
        root=root,
    )


def _name(folder: Path, repository: str | None) -> str:
    packaged = _text(_json(folder / "package.json").get("name")).rpartition("/")[2]
    named = packaged or (repository or "").partition("/")[2] or folder.name
    return named if named.isprintable() and named else "project"


def _git(folder: Path) -> tuple[Path | None, str | None]:
    """The repository's top directory and what it is called at GitHub, by its remote ``origin`` (else any)."""
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo, UnsupportedExtension, UnsupportedVersion

    try:
        with Repo.discover(str(folder)) as repo:
            config = repo.get_config()
            remotes = sorted((s for s in config.sections() if s[0] == b"remote"), key=lambda s: s[1:] != (b"origin",))
            urls = [config.get(section, b"url").decode(errors="replace") for section in remotes]
            root = Path(repo.path).resolve()
    except (NotGitRepository, UnsupportedExtension, UnsupportedVersion, OSError, KeyError, ValueError):
        return None, None
    found = next((match for url in urls if (match := _GITHUB_REMOTE.fullmatch(url.strip()))), None)
    return root, f"{found['owner']}/{found['repo']}" if found else None


def _supabase_ref(folder: Path) -> str | None:
    """Where ``supabase link`` left it; else the configuration's ``project_id``, where that is one and no mere name."""
    linked = _read(folder / ".temp" / "project-ref").strip()
    if _REF.fullmatch(linked):
        return linked
    try:
        named = _text(tomllib.loads(_read(folder / "config.toml")).get("project_id"))
    except tomllib.TOMLDecodeError:
        return None
    return named if _REF.fullmatch(named) else None


def _project(named: str) -> str | None:
    return named if re.fullmatch(r"[A-Za-z0-9._-]+", named) else None


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(_read(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.is_file() and path.stat().st_size <= LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
