"""The shipped cards, read once in a run of the tests: every command reads them, and no test changes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from releaseguard.cards import load
from releaseguard.cards.spec import Card
from releaseguard.tomlfile import read

_compiled = load.compiled


def read_once() -> None:
    """From here on this process reads the files of the checkout's cards at the first time only."""
    load.compiled = _remembered


def _remembered(folder: Path) -> Mapping[str, Card] | None:
    return _checked(folder) if folder == _shipped() else _compiled(folder)


@cache
def _shipped() -> Path:
    return load.shipped_folder()


@cache
def _checked(folder: Path) -> Mapping[str, Card]:
    return load.join([read(path) for path in sorted(folder.glob("*.toml"))], ()).by_id
