"""What a first configuration says, and what the directory lets one guess of it. No process is started for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from releaseguard.init.parts import ServiceParts
from releaseguard.onboarding.folder import ProjectFolder, texts_in
from releaseguard.onboarding.part import Recognised

SQLITE = "sqlite:///releaseguard.db"
ELSEWHERE = "${RELEASEGUARD_EVENTS_URL}"
"""An address that only the environment knows: of the app's own database, say."""
ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""It stands in the workflows too, where other characters mean something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Everything that the written file says otherwise than by default. No credential is among it."""

    name: str
    environment: str = "production"
    language: str = "en"
    events_url: str = SQLITE
    services: Mapping[str, Struct]
    """Service -> its own answers."""
    app_url: str | None = None
    destinations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Provider -> its destinations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a project's own files tell; nothing of it is asked of a service."""

    name: str
    top: Path
    """Of the git repository, else the directory itself."""
    services: Mapping[str, Recognised[Any]]
    """Service -> what is told of it."""

    @property
    def repository(self) -> str | None:
        """``OWNER/NAME``, where workflows run."""
        return next((found.repository for found in self.services.values() if found.repository), None)

    @property
    def backend(self) -> str | None:
        """The address of the app's own backend."""
        return next((found.backend for found in self.services.values() if found.backend), None)

    @property
    def destinations(self) -> Sequence[str]:
        """Where a provider's secret is likely to be."""
        return [uri for found in self.services.values() for uri in found.destinations]

    def answers(self, environment: str) -> Mapping[str, Struct]:
        """The most likely ones of each service."""
        return {name: found.answers(environment) for name, found in self.services.items()}


def guess(folder: Path, known: ServiceParts) -> Guess:
    """What the files of ``folder`` and its git repository tell. What cannot be read tells nothing."""
    repository = repository_at(folder)
    found = {service.name: service.part.recognise(repository) for service in known.services}
    named = next((one.repository for one in found.values() if one.repository), "")
    return Guess(name=_name(folder, named), top=repository.top, services=found)


def _name(folder: Path, repository: str) -> str:
    [packaged] = texts_in(folder / "package.json", "name")
    named = packaged.rpartition("/")[2] or repository.partition("/")[2] or folder.name
    return named if named.isprintable() and named else "project"


def repository_at(folder: Path) -> ProjectFolder:
    """The directory, with the git repository that it is in."""
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo, UnsupportedExtension, UnsupportedVersion

    try:
        with Repo.discover(str(folder)) as repo:
            config = repo.get_config()
            remotes = sorted((s for s in config.sections() if s[0] == b"remote"), key=lambda s: s[1:] != (b"origin",))
            urls = [config.get(section, b"url").decode(errors="replace") for section in remotes]
            return ProjectFolder(folder, Path(repo.path).resolve(), urls)
    except (NotGitRepository, UnsupportedExtension, UnsupportedVersion, OSError, KeyError, ValueError):
        return ProjectFolder(folder)
