"""``kill -9`` before and after each request and each append: no second withdrawal, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.model import OURSELVES
from releaseguard.verification.flows.rows import EVENTS, unfinished_in
from tests.support.flow_world import CARDS, Surroundings, surroundings

VICTIM = Path(__file__).with_name("flow_victim.py")
RUNS = CARDS.flow("paytr", "withdraw").max_runs
MORE_OF_THE_SAME = pytest.mark.full("the same at another step of the run")
OPERATIONS = 32
"""Sign-in, then for each of three runs: start, withdraw, what was learned, cancel, finish; each counted twice."""


def _sampled(places: Iterable[Any], always: set[Any]) -> list[Any]:
    return [place if place in always else _left(place) for place in places]


def _left(place: Any) -> Any:
    return pytest.param(*(place if isinstance(place, tuple) else (place,)), marks=MORE_OF_THE_SAME)


def run_victim(around: Surroundings, folder: Path, die_at: int) -> subprocess.CompletedProcess[str]:
    app = around.app
    arguments = [folder / "events.db", app.url, app.email, app.password, app.anon_key, die_at]
    command = [sys.executable, str(VICTIM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def assert_nothing_is_left(around: Surroundings) -> None:
    keys = [key for function, key in around.app.executed if function == "paytr-withdraw"]
    assert len(keys) == len(set(keys)) == RUNS
    assert around.app.withdrawals == set()
    rows = list(around.log.select(Query(providers=(OURSELVES,), events=EVENTS)))
    assert unfinished_in(rows) == []


def test_the_unharmed_process_takes_the_steps_that_are_counted_on(tmp_path):
    with surroundings(tmp_path) as around:
        done = run_victim(around, tmp_path, 0)
        assert (done.returncode, done.stdout.split()) == (0, [str(OPERATIONS), "pass"]), done.stderr
        assert_nothing_is_left(around)


@pytest.mark.parametrize("die_at", _sampled(range(1, 14), {2, 5, 8, 11}))
def test_a_run_killed_anywhere_is_taken_up_and_cleaned_up(tmp_path, die_at):
    with surroundings(tmp_path) as around:
        assert run_victim(around, tmp_path, die_at).returncode == -signal.SIGKILL
        done = run_victim(around, tmp_path, 0)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[1] == "pass"
        assert_nothing_is_left(around)


@pytest.mark.parametrize(("first", "second"), _sampled([*product((4, 6, 8, 10), repeat=2)], {(4, 8), (10, 4)}))
def test_a_second_kill_while_taking_it_up_changes_nothing(tmp_path, first, second):
    with surroundings(tmp_path) as around:
        assert run_victim(around, tmp_path, first).returncode == -signal.SIGKILL
        assert run_victim(around, tmp_path, second).returncode == -signal.SIGKILL
        assert run_victim(around, tmp_path, 0).returncode == 0
        assert_nothing_is_left(around)
