"""What `run.py` gives the commands that it starts of its surroundings."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_of_this_checkout", Path(__file__).parents[2] / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_environments_own_commands_come_first(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("KEPT", "as it is")
    seen = run.surroundings(Path("/env/bin"))
    assert (seen["PATH"], seen["KEPT"]) == (f"/env/bin{os.pathsep}/usr/bin", "as it is")


@pytest.mark.parametrize(
    ("told", "own", "kept_in"),
    [
        (None, None, None),
        (None, "/mine", "/mine"),
        ("", None, None),
        ("1", None, "/env/compiled"),
        ("1", "/mine", "/mine"),
    ],
)
def test_where_nothing_may_be_written_beside_the_sources_it_is_kept_in_the_environment(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, told: str | None, own: str | None, kept_in: str | None
) -> None:
    for name, value in {"PYTHONDONTWRITEBYTECODE": told, "PYTHONPYCACHEPREFIX": own}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    seen = run.surroundings(Path("/env/bin"))
    assert seen.get("PYTHONPYCACHEPREFIX") == kept_in
    assert "PYTHONDONTWRITEBYTECODE" not in seen
