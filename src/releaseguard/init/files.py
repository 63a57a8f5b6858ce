"""New files, all of them or none, and never over anything that is there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from releaseguard.ci import job
from releaseguard.errors import ConfigError, Refused, UsageError

WORKFLOWS = {
    "verify.yml": "releaseguard-verify.yml",
    "after-deploy.yml": "releaseguard-after-deploy.yml",
    "rotate.yml": "releaseguard-rotate.yml",
    "drift.yml": "releaseguard-drift.yml",
    "leaks.yml": "releaseguard-leaks.yml",
    "coverage.yml": "releaseguard-coverage.yml",
    "health.yml": "releaseguard-health.yml",
}
"""The shipped workflows and what they are called in a project's own folder of them."""
_JOB_ENVIRONMENT = "    env:\n"


def workflows(environment: str, root: Path, config: Path) -> Mapping[Path, str]:
    """Path -> text of the workflows for the repository at ``root`` whose configuration, ``config``, describes the
    environment."""
    source = _shipped()
    texts = {name: (source / name).read_text(encoding="utf-8") for name in WORKFLOWS}
    return {
        root / job.WORKFLOWS / WORKFLOWS[name]: _fitted(text, environment, root, config) for name, text in texts.items()
    }


def _shipped() -> Path:
    package = Path(__file__).parents[1]
    for folder in (package / "workflows", package.parents[1] / "workflows"):
        if all((folder / name).is_file() for name in WORKFLOWS):
            return folder
    raise ConfigError(
        "the workflows that come with releaseguard are missing",
        where=str(package / "workflows"),
        next_step="Install releaseguard again.",
    )


def _fitted(text: str, environment: str, root: Path, config: Path) -> str:
    """With the project's environment, and the configuration's place where that is not the top of the repository."""
    named = text
    if environment != "production":
        quoted = json.dumps(environment)  # "1.0" and "on" would be no text in YAML
        named = named.replace("environment: production", f"environment: {quoted}")
        named = named.replace("default: production", f"default: {quoted}")
        named = named.replace("'production'", f"'{environment}'")
    if config.parent == root and config.name == "releaseguard.toml":
        return named
    place = json.dumps(Path(os.path.relpath(config, root)).as_posix())
    return named.replace(_JOB_ENVIRONMENT, f"{_JOB_ENVIRONMENT}      RELEASEGUARD_CONFIG: {place}\n")


def write(files: Mapping[Path, str], root: Path) -> Sequence[Path]:
    """Write every file, or none where anything is in the way; returns the paths. Directories are made below ``root``.

    Raises ``Refused`` naming what is in the way, ``UsageError`` where it cannot be written.
    """
    for path in files:
        _refuse_what_is_there(path, root)
    made: list[Path] = []
    try:
        for path, text in files.items():
            _make_folders(path.parent, made)
            _create(path, text, made)
    except BaseException as error:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if isinstance(error, FileExistsError):
            raise _in_the_way(Path(error.filename)) from None
        if isinstance(error, OSError):
            raise UsageError(
                f"cannot be written: {error.strerror}",
                where=str(error.filename),
                next_step="Nothing has been written. Make it writable, or run this elsewhere.",
            ) from None
        raise
    return list(files)


def _refuse_what_is_there(path: Path, root: Path) -> None:
    if os.path.lexists(path):
        raise _in_the_way(path)
    for folder in path.relative_to(root).parents:
        place = root / folder
        if place != root and os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
            raise _in_the_way(place)


def _in_the_way(path: Path) -> Refused:
    kind = "a file"
    if path.is_symlink():
        kind = "a symbolic link, through which nothing is written"
    elif path.is_dir():
        kind = "a directory"
    return Refused(
        f"there is {kind} of that name already, and nothing is overwritten",
        where=str(path),
        next_step="Nothing has been written. Move it away, or leave it and run: releaseguard doctor",
    )


def _make_folders(folder: Path, made: list[Path]) -> None:
    if not folder.is_dir():
        _make_folders(folder.parent, made)
        folder.mkdir()
        made.append(folder)


def _create(path: Path, text: str, made: list[Path]) -> None:
    """``O_EXCL``: also what came into the way this very moment is left alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    made.append(path)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
