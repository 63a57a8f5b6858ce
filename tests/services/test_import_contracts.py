"""Every rule about imports can break: one import that it forbids, written into a copy, and it says so."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("contract", sorted(OFFENCES))
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, contract: str) -> None:
    for source in SOURCES:
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    name, offence = OFFENCES[contract]
    path = tmp_path / name
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{offence}\n", encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
            *("--config", str(CHECKOUT / ".importlinter"), "--contract", contract, "--no-cache"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contracts()[contract]} BROKEN" in " ".join(done.stdout.split())
