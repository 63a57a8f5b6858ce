"""The runtimes and the compiler of the TypeScript writer, as ``.ci/run`` installs them: ``typescript/node_modules``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "typescript"
INSTALL = "cd typescript && npm install --no-package-lock"
RUNTIMES = ("node", "deno", "bun")
_OLDEST_NODE = 20


@dataclass(frozen=True)
class Built:
    """The package, compiled into a folder of the test run's own."""

    folder: Path

    def run(self, runtime: str, script: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """What one of the package's files prints. Node runs what was compiled, the others the source."""
        return execute(runtime, self.file(runtime, script), *arguments, env=env)

    def file(self, runtime: str, name: str = "integration-log") -> Path:
        """What a runtime loads."""
        return self.folder / f"{name}.js" if runtime == "node" else PACKAGE / f"{name}.ts"


def execute(runtime: str, file: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a script prints under a runtime; it fails where the script does.

    The process's environment is ``env`` and the search path alone.
    """
    options = {"deno": ["run", "--no-config", "--no-lock", "--quiet", "--allow-all", "--node-modules-dir=manual"]}.get(
        runtime, []
    )
    command = [program(runtime), *options, str(file), *arguments]
    home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        command,
        env={**home, "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{runtime} {file.name}: {done.stdout}{done.stderr}"
    return done.stdout


def compile_to(folder: Path, project: str, *options: str) -> str:
    """Run the compiler over one of the package's projects; what it says."""
    command = [program("tsc"), "-p", str(PACKAGE / project), *options, "--outDir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def program(name: str) -> str:
    """Where a program is. Skips where there is none; fails where everything has to run."""
    found = _installed(name)
    if found is None:
        missing = f"no {name} here ({INSTALL if name != 'node' else f'Node.js {_OLDEST_NODE} or later'})"
        if os.environ.get("RELEASEGUARD_REQUIRE_ALL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _installed(name: str) -> str | None:
    if name == "node":
        return _node()
    place = PACKAGE / "node_modules" / ".bin" / name
    return str(place) if place.exists() and _node() else None


def _node() -> str | None:
    found = shutil.which("node")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return found if int(said.lstrip("v").partition(".")[0] or 0) >= _OLDEST_NODE else None
