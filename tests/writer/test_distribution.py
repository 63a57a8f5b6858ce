"""The app's writer installs by itself: its wheel alone, in an environment of its own, without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
ALONE = """
import json, sqlite3, sys
from importlib.metadata import distributions
before = set(sys.modules)
from releaseguard_events import flush, log_integration_event
at_import = sorted(set(sys.modules) - before)
log_integration_event("sendgrid", "sendgrid_email_sent", "success", detail={"to": "ada@example.com"})
assert flush(30)
foreign = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print(json.dumps({
    "distributions": sorted(one.name for one in distributions()),
    "foreign": sorted(foreign),
    "at_import": [name for name in at_import if name.startswith("releaseguard")],
    "rows": sqlite3.connect("log.db").execute("SELECT provider, event, detail FROM integration_events").fetchall(),
}))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both, by what they are called."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (CHECKOUT / "writer", CHECKOUT):
        build = [*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
        subprocess.run([*build, str(project)], check=True)
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return {name.partition("/")[0] for name in file.namelist() if ".dist-info" not in name}


def metadata_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        return file.read(name).decode().splitlines()


def test_each_wheel_carries_its_own_package_and_the_tools_asks_for_the_writers(wheels: dict[str, Path]) -> None:
    assert {name: names_in(wheel) for name, wheel in wheels.items()} == {
        "releaseguard_events": {"releaseguard_events"},
        "releaseguard_ops": {"releaseguard"},
    }
    assert "Requires-Dist: releaseguard-events>=0.1.0" in metadata_of(wheels["releaseguard_ops"])
    asked = [line for line in metadata_of(wheels["releaseguard_events"]) if line.startswith("Requires-Dist:")]
    assert all("extra ==" in line for line in asked)


@pytest.fixture(scope="module")
def alone(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the writer's wheel and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [*PIP, "--python", str(python), "install", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheels["releaseguard_events"])], check=True)
    return python


def run(python: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {"RELEASEGUARD_EVENTS_URL": "sqlite:///log.db", "RELEASEGUARD_SPOOL_DIR": str(folder / "spool")}
    return subprocess.run(
        [str(python), "-I", "-c", code],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_writes_to_sqlite_with_nothing_else_installed(alone: Path, tmp_path: Path) -> None:
    done = run(alone, ALONE, tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["distributions"] == ["releaseguard-events"]
    assert told["foreign"] == ["releaseguard_events"]
    assert told["rows"] == [["sendgrid", "sendgrid_email_sent", '{"to":"[email]"}']]


def test_importing_it_loads_neither_scrubber_nor_store(alone: Path, tmp_path: Path) -> None:
    told = json.loads(run(alone, ALONE, tmp_path).stdout)
    rooms = {name.split(".")[1] for name in told["at_import"] if name.count(".") > 0}
    assert rooms.isdisjoint({"scrub", "stores", "places", "configuration", "opening", "preparing"})


@pytest.mark.parametrize(
    ("url", "said"),
    [("postgresql://app@127.0.0.1:1/log", "psycopg is not installed"), ("https://127.0.0.1:1", "kept in")],
)
def test_what_it_lacks_it_says_and_its_events_wait_on_disk(alone: Path, tmp_path: Path, url: str, said: str) -> None:
    code = f"""
import os
os.environ |= {{"RELEASEGUARD_EVENTS_URL": {url!r}, "SUPABASE_SERVICE_ROLE_KEY": "k"}}
from releaseguard_events import flush, log_integration_event
log_integration_event("p", "e", "success")
assert not flush(30)
"""
    done = run(alone, code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stderr
    assert [len(path.read_text().splitlines()) for path in (tmp_path / "spool").rglob("*.jsonl")] == [1]
