#!/usr/bin/env python3
"""Sets everything up and runs it, with nothing but Python 3.11 or later on the machine.

    python3 run.py demo [ARGUMENTS]     the main job, end to end, against loopback stand-ins
    python3 run.py test [--full]        the tests that tell most, in minutes; or all of them
    python3 run.py test FOLDERS         those in some folders, side by side as well
    python3 run.py test ARGUMENTS       arguments go to pytest
    python3 run.py bench [--full]       what it costs, each figure as a ratio in one run
    python3 run.py lint                 formatting, types, import rules, figures of the house, workflows
    python3 run.py build [--tag TAG]    both distributions into dist, and an SBOM into build
    python3 run.py COMMAND [ARGUMENTS]  any other command of releaseguard

The environment is made once in .venv, from pins with hashes, and again whenever the pins change.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
RUNTIME, DEVELOPMENT = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
DISTRIBUTIONS = [ROOT / "writer", ROOT]
"""What is installed from here: the app's writer, and the tool that stands on it."""
FULL = "--full"
WORKERS = 2 * (os.cpu_count() or 1)
"""Half of a test's time is spent in waiting for another process, which leaves a core to the next."""
MEMORY, ROOM = Path("/dev/shm"), 6 * 2**30  # noqa: S108 - a folder that nobody else can enter is made in it
"""Thousands of small databases are made and removed, and a disk is waited for at each; all of a run takes a third."""
BUILD = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import release; sys.exit(release.main(sys.argv[1:]))"
LINTERS = [
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["lint-imports"],
    ["python", "bench/house.py"],
]


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older Python reads this instead of a traceback
        print(f"releaseguard needs Python 3.11 or later; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb == "test":
        return test(environment(".venv-dev", DEVELOPMENT), rest)
    if verb == "bench":
        return run(environment(".venv-dev", DEVELOPMENT), "python", str(ROOT / "bench" / "costs.py"), *rest)
    if verb == "build":
        return run(environment(".venv-dev", DEVELOPMENT), "python", "-c", BUILD, *rest)
    if verb == "lint":
        return lint(environment(".venv-dev", DEVELOPMENT))
    return run(environment(".venv", RUNTIME), "releaseguard", verb, *rest)


def test(binaries: Path, arguments: list[str]) -> int:
    """Run the tests; whole folders side by side, and their files in memory where there is enough of that."""
    if not all(one == FULL or Path(one).is_dir() for one in arguments):
        return run(binaries, "pytest", *arguments)
    side_by_side = ["-n", str(WORKERS), "--dist", "worksteal", *arguments]
    if not has_room(MEMORY):
        return run(binaries, "pytest", *side_by_side)
    with tempfile.TemporaryDirectory(prefix="releaseguard-tests-", dir=MEMORY) as folder:
        Path(folder).chmod(0o711)  # a database server has a user of its own
        return run(binaries, "pytest", *side_by_side, TMPDIR=folder)


def has_room(memory: Path) -> bool:
    """Whether there is a file system in memory for what the tests write, from which programs can be run."""
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        return False
    told = os.statvfs(memory)
    return min(told.f_bavail * told.f_frsize, available()) >= ROOM and not told.f_flag & os.ST_NOEXEC


def available() -> int:
    """Bytes of memory that may be taken, where Linux says it."""
    told = Path("/proc/meminfo")
    lines = told.read_text(encoding="ascii").splitlines() if told.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


def lint(binaries: Path) -> int:
    """Run every linter, also after one has failed: a reader wants to know all."""
    workflows = sorted(str(path) for path in (ROOT / "workflows").glob("*.yml"))
    workflows += sorted(str(path) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    actions = [str(ROOT / "action.yml"), str(ROOT / "workflows" / "action" / "action.yml")]
    checks = [
        *LINTERS,
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows],
        ["check-jsonschema", "--builtin-schema", "vendor.github-actions", *actions],
        ["zizmor", "--offline", "--persona", "pedantic", *workflows, *actions],
    ]
    return max(run(binaries, *check) for check in checks)


def environment(name: str, requirements: Path) -> Path:
    """The directory of the environment's commands; made, or made anew, where the pins have changed."""
    folder = ROOT / name
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    stamp = folder / "pins.sha256"
    named = [requirements, *(distribution / "pyproject.toml" for distribution in DISTRIBUTIONS)]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in named)).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Setting up {name} from {requirements.name} (once) ...", file=sys.stderr, flush=True)
        create(folder)
        pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(requirements)], check=True)
        ours = [word for distribution in DISTRIBUTIONS for word in ("--editable", str(distribution))]
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", *ours], check=True)
        compile_sources(binaries)
        stamp.write_text(wanted)
    return binaries


def compile_sources(binaries: Path) -> None:
    """Once for all: workers of the tests start at the same time, and each would compile a thousand modules itself."""
    sources = [str(distribution / "src") for distribution in DISTRIBUTIONS] + [str(ROOT / "tests" / "support")]
    compiling = [str(binaries / "python"), "-m", "compileall", "-q", "-j", "0", *sources]
    subprocess.run(compiling, check=False, env=surroundings(binaries), stdout=subprocess.DEVNULL)


def create(folder: Path) -> None:
    try:
        venv.create(folder, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        raise SystemExit(
            "This Python cannot make a virtual environment with pip.\n"
            "  next: install its venv module (Debian and Ubuntu: apt-get install python3-venv) and run this again."
        ) from None


def run(binaries: Path, command: str, *arguments: str, **more: str) -> int:
    seen = {**surroundings(binaries), **more}
    try:
        return subprocess.run([str(binaries / command), *arguments], check=False, env=seen).returncode
    except KeyboardInterrupt:
        return 130


def surroundings(binaries: Path) -> dict[str, str]:
    """What a command sees of the machine: all of it, and the environment's own commands first.

    Where nothing may be written beside the sources, what Python compiles is kept in the environment instead: each
    worker of the tests would otherwise read a thousand modules anew, which takes it half of its start.
    """
    paths = os.pathsep.join([str(binaries), os.environ.get("PATH", "")])
    seen = {**os.environ, "PATH": paths}
    if seen.pop("PYTHONDONTWRITEBYTECODE", ""):
        seen.setdefault("PYTHONPYCACHEPREFIX", str(binaries.parent / "compiled"))
    return seen


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failure:
        raise SystemExit(f"Setting up failed: {failure}. Is the network there?") from None
