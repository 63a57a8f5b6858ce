"""The steps of the Containerfile, carried out in an empty folder with an empty environment, as an image is built: what
is copied is the checkout, what is installed is what is pinned, and the command runs as somebody without rights."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPT = "/opt/releaseguard"
NOT_A_PLACE = "useradd"
"""The one step that changes the machine and not a folder."""


def stages() -> Sequence[Sequence[tuple[str, str]]]:
    """Each stage's instructions, in order."""
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    told = [tuple(line.split(" ", 1)) for line in lines if line.strip() and not line.startswith("#")]
    begins = [i for i, (word, _) in enumerate(told) if word == "FROM"]
    return [told[a:b] for a, b in zip(begins, [*begins[1:], len(told)], strict=True)]


@dataclass(frozen=True)
class Machine:
    """A folder that stands for a machine on which there is a Python and nothing else."""

    root: Path

    def copy_the_source(self) -> None:
        """What ``COPY . .`` brings: the checkout, less what ``.containerignore`` names."""
        named = (ROOT / ".containerignore").read_text(encoding="utf-8").split()
        left_out = shutil.ignore_patterns(*(name.removeprefix("**/") for name in named))
        shutil.copytree(ROOT, self.root / "source", ignore=left_out)

    def run(self, step: str) -> None:
        """One ``RUN``, in the folder that the stage works in."""
        local = step.replace(OPT, str(self.root / "opt"))
        done = subprocess.run(
            ["sh", "-c", local],
            cwd=self.root / "source",
            env=self.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{step}\n{done.stderr[-2000:]}"

    def environ(self) -> dict[str, str]:
        """Where a Python is, a home, and how this machine reaches its package index."""
        index = {name: value for name, value in os.environ.items() if re.match(r"PIP_|SSL_CERT|REQUESTS_CA", name)}
        path = os.pathsep.join([str(Path(sys.executable).resolve().parent), "/usr/bin", "/bin"])
        return {"PATH": path, "HOME": str(self.root), **index}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """With the first stage carried out."""
    machine = Machine(tmp_path_factory.mktemp("container"))
    for word, rest in stages()[0]:
        if word == "COPY":
            assert rest == ". ."
            machine.copy_the_source()
        if word == "RUN":
            machine.run(rest)
    return machine


@pytest.mark.full("installs everything that is pinned once more, from the package index")
def test_what_the_image_holds_does_the_main_things_by_itself(machine: Machine) -> None:
    work = machine.root / "work"
    work.mkdir()
    environ = {"PATH": f"{machine.root / 'opt' / 'bin'}:/usr/bin:/bin", "HOME": str(work)}
    (work / "app.ts").write_text("export const send = () => fetch('https://api.sendgrid.com/v3/mail/send');\n")
    for line, code in {
        "--version": 0,
        "init --name shop --yes": 0,
        "events migrate": 0,
        "events log sendgrid sendgrid_email_sent success": 0,
        "health --format html -o health.html": 0,
        "coverage .": 1,
        "verify": 2,
    }.items():
        done = subprocess.run(
            ["releaseguard", *line.split()], cwd=work, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        assert str(ROOT) not in done.stderr
    imported = "import psycopg, releaseguard, releaseguard_events; print(releaseguard.__file__)"
    told = subprocess.run(["python", "-c", imported], cwd=work, env=environ, capture_output=True, text=True, check=True)
    assert told.stdout.startswith(str(machine.root))


def test_the_second_stage_brings_nothing_but_what_the_first_one_made() -> None:
    [_, (*_, last)] = stages()
    second = dict(stages()[1])
    assert second["COPY"] == f"--from=build {OPT} {OPT}"
    assert NOT_A_PLACE in second["RUN"]
    assert second["USER"] == "10001"
    assert last == ("CMD", '["--help"]')
