"""Runs the command line as its users do: through its entry point, in this process or in one of its own.

A process of its own costs four to six times as much processor time, nearly all of it spent on imports, so it is for
tests whose subject is the process itself: signals, closed streams, what an import loads, two runs at once.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from releaseguard import secret
from releaseguard.cli import entrypoint
from releaseguard.clocks import Clocks
from releaseguard.safemode import build_policy, guarding
from tests.support.hasty import hasty

KEPT = ("PATH", "SYSTEMROOT", "PYTHONPYCACHEPREFIX")
"""What a command sees of the tests' own environment: programs, and modules that are compiled already."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def everything(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Commands:
    """The command line in one folder with one environment; nothing of the test's own environment gets in."""

    folder: Path
    environ: Mapping[str, str]
    clocks: Clocks = field(default_factory=hasty)
    """How a command in this process lets time pass."""

    def run(self, *arguments: str, stdin: str = "", **more: str) -> Done:
        """The command in this process, with streams that are no terminal."""
        out, err = _Captured(), _Captured()
        with _a_process_of_its_own(self.folder, self._environment(more)), _streams(stdin, out, err):
            code = entrypoint.run(list(arguments), self.clocks)
        return Done(int(code), out.text(), err.text())

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The command in a process of its own, under way; :func:`ended` waits for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "releaseguard", *arguments],
            cwd=self.folder,
            env=self._environment(more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_interruptible,  # noqa: PLW1509 - it does nothing that a lock could keep waiting
        )

    def run_process(self, *arguments: str, stdin: str = "", timeout: float = 120, **more: str) -> Done:
        """The command in a process of its own, until it ends."""
        return ended(self.start(*arguments, **more), stdin=stdin, timeout=timeout)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, "HOME": str(home), "USER": "tester", "PYTHONFAULTHANDLER": "1", **self.environ, **more}


def _interruptible() -> None:
    """Ctrl-C is heard, also where whoever started the tests ignores it (``&`` in a script does)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(process: subprocess.Popen[str], *, stdin: str = "", timeout: float = 120) -> Done:
    """How ``process`` ended. One that does not is made to show where each of its threads stands."""
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        _, where = process.communicate(timeout=20)
        raise AssertionError(f"{process.args} did not end:\n{where[-8000:]}") from None
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return Done(process.returncode, out, err)


class _Captured(io.TextIOWrapper):
    """A stream that is kept: with a ``buffer``, as the real one has, for whoever writes bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        self.flush()
        kept = self.buffer
        assert isinstance(kept, io.BytesIO)
        return kept.getvalue().decode()


@contextmanager
def _a_process_of_its_own(folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """What a process has to itself, as far as this one can lend it."""
    with _guard_of_its_own(), _secrets_of_its_own(), _standing_in(folder, environ):
        yield


@contextmanager
def _standing_in(folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    folder_before, environ_before = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    _become(environ)
    try:
        yield
    finally:
        _become(environ_before)
        os.chdir(folder_before)


def _become(environ: Mapping[str, str]) -> None:
    for name in os.environ.keys() - environ.keys():
        del os.environ[name]
    os.environ.update(environ)
    tempfile.tempdir = None  # it is looked up once, in the environment of the moment


@contextmanager
def _streams(stdin: str, out: _Captured, err: _Captured) -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


@contextmanager
def _secrets_of_its_own() -> Iterator[None]:
    """A process masks what it has read itself: what this one knows besides would hide a leak."""
    before, secret._alive = secret._alive, weakref.WeakValueDictionary()
    try:
        yield
    finally:
        secret._alive = before


@contextmanager
def _guard_of_its_own() -> Iterator[None]:
    """Nothing may be reached until the command has put its own rules in force, nor do they outlive it."""
    with guarding(build_policy({}, {})):
        yield
