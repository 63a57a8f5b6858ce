"""What `run.py` gives the commands that it starts of its surroundings."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType, SimpleNamespace

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


@pytest.mark.parametrize(
    ("room", "free", "flags", "expected"),
    [
        (8 * 2**30, 8 * 2**30, 0, True),
        (2**30, 8 * 2**30, 0, False),
        (8 * 2**30, 2**30, 0, False),
        (8 * 2**30, 8 * 2**30, os.ST_NOEXEC, False),
    ],
    ids=["all there", "a small one", "memory that others need", "nothing can be run from it"],
)
def test_the_suites_files_are_kept_in_memory_where_there_is_enough(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: int, free: int, flags: int, expected: bool
) -> None:
    told = SimpleNamespace(f_bavail=room // 4096, f_frsize=4096, f_flag=flags)
    monkeypatch.setattr(run.os, "statvfs", lambda _path: told)
    monkeypatch.setattr(run, "available", lambda: free)
    assert run.has_room(tmp_path) is expected


def test_no_file_system_in_memory_has_no_room(run: ModuleType, tmp_path: Path) -> None:
    assert not run.has_room(tmp_path / "shm")


def test_what_the_suite_wrote_in_memory_is_gone_after_it(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[tuple[str, ...], dict[str, str]]] = []
    monkeypatch.setattr(run, "MEMORY", tmp_path)
    monkeypatch.setattr(run, "has_room", lambda _memory: True)
    monkeypatch.setattr(run, "run", lambda _binaries, *words, **more: seen.append((words, more)) or 3)
    assert run.test(Path("/env/bin"), ["--full"]) == 3
    [(words, more)] = seen
    assert {"pytest", "--dist", "--full"} <= set(words)
    assert Path(more["TMPDIR"]).parent == tmp_path
    assert not any(tmp_path.iterdir())
    run.test(Path("/env/bin"), ["tests/core", "-k", "lease"])
    assert seen[1] == (("pytest", "tests/core", "-k", "lease"), {})


def test_whole_folders_are_run_side_by_side_too(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "has_room", lambda _memory: False)
    monkeypatch.setattr(run, "run", lambda _binaries, *words, **_more: seen.append(words) or 0)
    here, folder = str(Path(__file__)), str(Path(__file__).parent)
    for arguments in ([folder], [folder, "--full"], [here], [folder, "-x"]):
        run.test(Path("/env/bin"), arguments)
    assert ["--dist" in words for words in seen] == [True, True, False, False]
