"""The bar between the remarks of a rotation: on a terminal alone, and nothing of it is left behind."""

from __future__ import annotations

import io
import sys

import pytest

from releaseguard.cli.shared.options import Run
from releaseguard.cli.shared.progress import above_remarks, bar
from releaseguard.clocks import REAL
from releaseguard.eventlog.watching import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run() -> Run:
    return Run(config=None, json=False, verbosity=0, clocks=REAL, environ={})


def test_remarks_stand_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    with above_remarks(run()) as (watch, tell):
        assert watch is not None
        watch(Progress("2 of 3 proofs, 1 still from the old version, until 11:34Z", 2 / 3))
        tell("Too little traffic.")
        watch(Progress("dpl_2 is BUILDING"))
    lines = terminal.getvalue().split("\r\033[K")
    assert lines[1].startswith("[################........]  67%  2 of 3 proofs")
    assert all(len(line.strip("\r")) < 60 for line in lines[1:2])
    assert lines[2].strip("\r").startswith("Too little traffic.") or "Too little traffic." in lines[2]
    assert lines[-1].strip("\r") == "", "nothing of it is left"


def test_where_nobody_watches_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    with above_remarks(run()) as (watch, tell):
        assert watch is None
        tell("1 of 3 proofs, until 11:34Z")
    assert plain.getvalue() == "1 of 3 proofs, until 11:34Z\n"


@pytest.mark.parametrize(("share", "cells"), [(0.0, 0), (0.5, 12), (1.0, 24)])
def test_a_bar_is_as_full_as_what_it_shows(share: float, cells: int) -> None:
    assert bar(share).count("#") == cells
