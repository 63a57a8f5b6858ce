"""The test's side of ``mortal.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Mortals:
    """One process that forks the command line; see ``mortal.py``."""

    def __init__(self) -> None:
        script = str(Path(__file__).with_name("mortal.py"))
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._orders = 0

    def run(self, **order: Any) -> int:
        """The exit code of one run."""
        return next(self.each(**order))[1]

    def each(self, *, copies: int = 1, **order: Any) -> Iterator[tuple[int, int]]:
        """Number and exit code of every copy, as it ends; they are started when the first is asked for."""
        assert self._process.stdin
        assert self._process.stdout
        self._orders += 1
        self._process.stdin.write(json.dumps({"id": self._orders, "copies": copies, **order}) + "\n")
        self._process.stdin.flush()
        for _ in range(copies):
            answer: dict[str, int] = json.loads(self._process.stdout.readline())
            assert answer["id"] == self._orders
            yield answer["child"], answer["code"]

    def close(self) -> None:
        self._process.communicate()
