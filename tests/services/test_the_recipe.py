"""The recipe of ``docs/development.md``: a folder and a line add a service, and nothing else has to be edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
RECIPE = (CHECKOUT / "docs" / "development.md").read_text(encoding="utf-8")

NETLIFY = """
[netlify]
account = "team"
[providers.sendgrid]
destinations = ["netlify:shop"]
"""
OPENBAO = """
[openbao]
url = "http://127.0.0.1:1"
mount = "kv"
[providers.sendgrid]
destinations = ["github:lovendo/app"]
"""


def steps_for(name: str) -> list[str]:
    """The shell's lines of the recipe for one of the examples."""
    return [line.strip() for line in RECIPE.splitlines() if line.startswith("    ") and name in line]


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in ("src/releaseguard", "writer/src/releaseguard_events", "checks", "tests/services/examples"):
        shutil.copytree(CHECKOUT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def added(copy: Path, name: str) -> None:
    """Carry the recipe out; it makes one folder and one line."""
    before = contents(copy / "src")
    steps = steps_for(name)
    assert len(steps) == 2
    for step in steps:
        subprocess.run(step, shell=True, cwd=copy, check=True)
    after = contents(copy / "src")
    new, changed = after.keys() - before.keys(), [path for path in before if before[path] != after[path]]
    assert all(path.startswith(f"releaseguard/services/{name}/") for path in new)
    assert changed == ["releaseguard/services/__init__.py"]
    lines = [line for line in after[changed[0]].splitlines() if line not in before[changed[0]].splitlines()]
    assert lines == [f'    "{name}",']


def doctor(copy: Path, configuration: str, **environ: str) -> dict[str, dict[str, str]]:
    """What ``doctor`` of the copy finds, by the check's id."""
    (copy / "releaseguard.toml").write_text(configuration, encoding="utf-8")
    sources = os.pathsep.join(str(copy / part) for part in ("src", "writer/src"))
    done = subprocess.run(
        [sys.executable, "-m", "releaseguard", "doctor", "--json"],
        cwd=copy,
        env={"PATH": os.environ["PATH"], "HOME": str(copy), "PYTHONPATH": sources, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return {row["id"]: row for row in json.loads(done.stdout)["checks"]}


def test_a_destination_is_a_folder_and_a_line(copy: Path) -> None:
    added(copy, "netlify")
    found = doctor(copy, NETLIFY)
    assert found["configuration.providers.destinations"]["status"] == "ok"
    assert found["hosts.netlify"]["status"] == "ok"
    assert "NETLIFY_AUTH_TOKEN" in found["credentials.netlify"]["what"]
    assert found["netlify.netlify:shop"]["group"] == "netlify"


def test_a_credential_of_it_goes_to_its_own_host_alone(copy: Path) -> None:
    added(copy, "netlify")
    elsewhere = NETLIFY.replace("[netlify]", '[netlify]\nurl = "https://elsewhere.example"')
    problem = doctor(copy, elsewhere, NETLIFY_AUTH_TOKEN="t")["hosts.netlify"]
    assert problem["status"] == "fail"
    assert "NETLIFY_AUTH_TOKEN" in problem["what"]
    assert "RELEASEGUARD_TRUSTED_HOSTS=elsewhere.example" in problem["fix"]


def test_a_second_vault_is_a_folder_and_a_line(copy: Path) -> None:
    added(copy, "openbao")
    found = doctor(copy, OPENBAO)
    assert "BAO_TOKEN" in found["credentials.openbao"]["what"]
    assert found["openbao.login"]["group"] == "openbao"
    assert not [name for name in found if name.startswith("infisical.")]


def test_two_vaults_at_once_are_a_configuration_error(copy: Path) -> None:
    added(copy, "openbao")
    (copy / "releaseguard.toml").write_text(f'[infisical]\nproject_id = "p"\n{OPENBAO}', encoding="utf-8")
    sources = os.pathsep.join(str(copy / part) for part in ("src", "writer/src"))
    done = subprocess.run(
        [sys.executable, "-m", "releaseguard", "drift"],
        cwd=copy,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(copy),
            "PYTHONPATH": sources,
            "RELEASEGUARD_GITHUB_TOKEN": "t",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "infisical and openbao" in done.stderr
