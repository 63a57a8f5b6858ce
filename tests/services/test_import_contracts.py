"""Every rule about imports can break: one import that it forbids, written into a copy, and it says so."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.seeding import once

CHECKOUT = Path(__file__).parents[2]
SOURCES = (CHECKOUT / "src" / "releaseguard", CHECKOUT / "writer" / "src" / "releaseguard_events")
PREFIX = "importlinter:contract:"

OFFENCES = {
    "rooms": ("releaseguard/rotation/values.py", "import releaseguard.compose.clients"),
    "click": ("releaseguard/settings/values.py", "import click"),
    "adapters": ("releaseguard/health/judge.py", "import releaseguard.eventlog.stores.sqlite"),
    "services": ("releaseguard/services/vercel/address.py", "import releaseguard.services.github.address"),
    "sandbox": ("releaseguard/rotation/values.py", "import releaseguard.sandbox.course"),
    "commands": ("releaseguard/cli/rotating/drift.py", "import releaseguard.cli.rotating.rotate"),
    "writer": ("releaseguard_events/errors.py", "import releaseguard.errors"),
    "writer_rooms": ("releaseguard_events/errors.py", "import releaseguard_events.sdk"),
}
"""By contract: the file that is written to, and what it must not import."""


def contracts() -> dict[str, str]:
    """Id -> name."""
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(CHECKOUT / ".importlinter")
    return {name.removeprefix(PREFIX): parsed[name]["name"] for name in parsed.sections() if name.startswith(PREFIX)}


def test_an_offence_is_known_for_every_contract() -> None:
    assert OFFENCES.keys() == contracts().keys()


def broken_in_a_copy(told: Path) -> None:
    """What is said of a copy of the sources in which every offence is committed."""
    with tempfile.TemporaryDirectory() as folder:
        for source in SOURCES:
            shutil.copytree(source, Path(folder) / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        for name, offence in OFFENCES.values():
            with (Path(folder) / name).open("a", encoding="utf-8") as file:
                file.write(f"\n{offence}\n")
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
                *("--config", str(CHECKOUT / ".importlinter"), "--no-cache"),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder, "COLUMNS": "400"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    told.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}", encoding="utf-8")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    return once(tmp_path_factory, "import-contracts.txt", broken_in_a_copy).read_text(encoding="utf-8")


def test_a_tree_with_offences_fails(told: str) -> None:
    assert told.startswith("1\n"), told


@pytest.mark.parametrize("contract", sorted(OFFENCES))
def test_a_forbidden_import_breaks_its_contract(told: str, contract: str) -> None:
    name, (path, offence) = contracts()[contract], OFFENCES[contract]
    assert re.search(rf"^{re.escape(name)} BROKEN$", told, re.MULTILINE), told
    _, _, reasons = told.partition("Broken contracts")
    section = reasons.partition(f"\n{name}\n")[2]
    own = min((section.partition(f"\n{other}\n-")[0] for other in contracts().values()), key=len)
    importer, imported = path.removesuffix(".py").replace("/", "."), offence.removeprefix("import ")
    assert f"{importer} -> {imported} (l." in own, told
