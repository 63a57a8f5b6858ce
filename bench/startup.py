"""Start-up: each command's help, and what a person waits for over a small log, against loading click.

    python bench/startup.py         # every command; `run.py bench` prints those with a limit

Least processor time of several runs, so that a busy machine changes little.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from eventlog import rows as history
from releaseguard.cards.load import install_compiled, shipped_folder
from releaseguard.cli.main import COMMANDS
from releaseguard.eventlog.stores.sqlite import SqliteEventLog

RUNS = 7
VERIFY = (
    *("verify", "--no-flows", "--release", "r49"),
    *("--deployed-at", "2026-11-28T10:34:00Z", "--as-of", "2026-11-28T12:00:00Z"),
)
"""The last of the releases in the made-up history."""
TAB = {"_RELEASEGUARD_COMPLETE": "bash_complete", "COMP_WORDS": "releaseguard ver", "COMP_CWORD": "1"}
SHORT = (VERIFY, ("health",), ("status",), ("doctor",), ("drift",), ("events", "list"), ("audit", "show"))
"""Over a small log, where no service is named."""


def spent(command: Sequence[str], runs: int = RUNS, environ: Mapping[str, str] = MappingProxyType({})) -> float:
    """The least processor time of a process, in milliseconds."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        quiet = subprocess.DEVNULL
        subprocess.run(command, stdout=quiet, stderr=quiet, check=False, env={**os.environ, **environ})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    return min(once() for _ in range(runs))


def installed() -> None:
    """The cards as an installation has them, also where a checkout has changed since it was installed."""
    install_compiled(shipped_folder())


def click() -> float:
    """The peer: loading what the command line is made with."""
    return spent([sys.executable, "-c", "import click"])


def of(arguments: Sequence[str], environ: Mapping[str, str] = MappingProxyType({})) -> float:
    """One command of ours."""
    return spent([sys.executable, "-m", "releaseguard", *arguments], environ=environ)


def configured(folder: Path, rows: int) -> Path:
    """A configuration over a log of so many made-up rows."""
    folder.mkdir()
    config = folder / "releaseguard.toml"
    config.write_text('[project]\nname = "bench"\n[events]\nurl = "sqlite:///events.db"\n')
    with closing(SqliteEventLog(folder / "events.db")) as log:
        log.restore(history(rows))
    return config


def commands(config: Path) -> Iterator[tuple[str, float]]:
    """What is called, and what it takes."""
    for name in sorted(COMMANDS):
        yield f"{name} --help", of([name, "--help"])
    for arguments in SHORT:
        yield " ".join(arguments[:2]), of([*arguments, "--config", str(config)])


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as made:
        installed()
        peer = click()
        print(f"| | ms | times `import click` ({peer:.0f} ms) |\n|---|---|---|")
        for said, took in commands(configured(Path(made) / "log", 100)):
            print(f"| `{said}` | {took:.0f} | {took / peer:.2f} |", flush=True)


if __name__ == "__main__":
    main()
