"""In which language somebody is answered whose call did not come as far as to say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from releaseguard.messages import LANGUAGES, spoken

OPTION = "--lang"


def speak_to(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Speak what ``--lang`` asks for from here on, else what the configuration says; a command's own choice stays."""
    if spoken.language() == spoken.ENGLISH:
        spoken.speak(_value(arguments, OPTION, LANGUAGES) or _configured(arguments, environ) or spoken.ENGLISH)


def _value(arguments: Sequence[str], option: str, allowed: Sequence[str] | None = None) -> str | None:
    """What an option was given, wherever it stands, as one word or as two; the last one counts."""
    given = [word.partition("=")[2] for word in arguments if word.startswith(f"{option}=")]
    given += [value for name, value in pairwise(arguments) if name == option]
    fitting = [value for value in given if allowed is None or value in allowed]
    return fitting[-1] if fitting else None


def _configured(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    from pathlib import Path

    from releaseguard.settings.loading import language

    path = _value(arguments, "--config")
    said = language(Path(path) if path else None, environ=environ)
    return said if said in LANGUAGES else None
