"""Runs the real command line in a process of its own: SAFE MODE's guard stays in a process for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", "releaseguard", *arguments],
            cwd=self.folder,
            env={**kept, "HOME": str(home), "USER": "tester", **self.environ, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, stdin: str = "", timeout: float = 120, **more: str) -> Done:
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return Done(process.returncode, out, err)
