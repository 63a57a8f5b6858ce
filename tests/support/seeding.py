"""What is made once for a whole run of the tests, by whichever of its processes comes first, and copied from there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The file of that name, as ``make`` writes it: whole or not there, however many make it at the same time."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    if not shared.exists():
        path = factory.mktemp("seeded") / name
        make(path)
        path.replace(shared)
    return shared
