"""The language of messages about a call that failed before its own language was known."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from releaseguard.messages import LANGUAGES, spoken

OPTION: Final = "--lang"
CONFIGURATION: Final = "releaseguard.toml"
"""The name of the configuration file; the module that defines it takes longer to import than help takes to print."""
_SAID: Final = re.compile(rb"""language\s*=\s*["']+([a-z]+)""")


def speak_to(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Use the language of ``--lang``, else the configuration's; a command's own choice is kept."""
    if spoken.language() == spoken.ENGLISH:
        spoken.speak(_value(arguments, OPTION, LANGUAGES) or _configured(arguments, environ) or spoken.ENGLISH)


def _value(arguments: Sequence[str], option: str, allowed: Sequence[str] | None = None) -> str | None:
    """The value of an option, wherever it stands, as one word or two; the last one counts."""
    given = [word.partition("=")[2] for word in arguments if word.startswith(f"{option}=")]
    given += [value for name, value in pairwise(arguments) if name == option]
    fitting = [value for value in given if allowed is None or value in allowed]
    return fitting[-1] if fitting else None


def _configured(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The language in the configuration that a command would read. Help needs it too, so as little as possible is
    parsed."""
    try:
        here = os.getcwd  # asked for last, since it may be gone
        path = _value(arguments, "--config") or environ.get("RELEASEGUARD_CONFIG") or _upward(here())
        with open(path or os.devnull, "rb") as file:  # noqa: PTH123 - pathlib is slow to load
            text = file.read()
    except (OSError, ValueError):
        return None
    foreign = any(found[1].decode() != spoken.ENGLISH for found in _SAID.finditer(text))
    return _parsed(text) if foreign else None


def _upward(folder: str) -> str | None:
    """The configuration file in a folder or above it."""
    while not os.path.isfile(path := os.path.join(folder, CONFIGURATION)):  # noqa: PTH113, PTH118
        if folder == (folder := os.path.dirname(folder)):  # noqa: PTH120
            return None
    return path


def _parsed(text: bytes) -> str | None:
    import tomllib

    try:
        project = tomllib.loads(text.decode("utf-8-sig")).get("project")
    except ValueError:
        return None
    said = project.get("language") if isinstance(project, Mapping) else None
    return said if said in LANGUAGES else None
