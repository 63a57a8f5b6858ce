"""A plain run leaves out what is marked ``full`` and tries a tenth of the examples; ``--full`` runs all there is."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest

from releaseguard.messages.spoken import ENGLISH, speak
from releaseguard.safemode import active_policy, guard
from tests.support import extent, postgres, shipped_cards

ONLY_FULL = "full"
AT_MOST = 10
"""At most one test in so many may be left to ``--full``."""
A_WHOLE_SUITE = 3000
"""From so many tests on a collection is the suite and not a part of it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("extent")
    group.addoption("--full", action="store_true", help="run every test, and whole simulations")
    group.addoption("--list-full", action="store_true", help="list what only --full runs, with the reasons, and end")


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # what is collected stays, so that looking through it again and again finds nothing
    extent.choose(whole=config.getoption("--full"))
    shipped_cards.read_once()


def pytest_unconfigure() -> None:
    postgres.stop_idle()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = {item.nodeid: _reason(marker) for item in items if (marker := item.get_closest_marker(ONLY_FULL))}
    _check_share(len(left), len(items))
    if config.getoption("--list-full"):
        _tell_and_end(config, [f"{name}: {reason}" for name, reason in left.items()])
    if not extent.is_whole():
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left])
        items[:] = [item for item in items if item.nodeid not in left]


def pytest_collection_finish() -> None:
    """What was collected stays to the end: a million objects that no later search for garbage need look at."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _reason(marker: pytest.Mark) -> str:
    match marker.args:
        case (str() as reason,) if reason:
            return reason
    raise pytest.UsageError(f'a test that only --full runs says why: @pytest.mark.{ONLY_FULL}("..."), not {marker}')


def _check_share(left: int, all_: int) -> None:
    if all_ >= A_WHOLE_SUITE and left * AT_MOST > all_:
        raise pytest.UsageError(f"{left} of {all_} tests are left to --full; at most one in {AT_MOST} may be")


def _tell_and_end(config: pytest.Config, lines: Sequence[str]) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    for line in lines:
        reporter.write_line(line)
    pytest.exit(f"{len(lines)} tests are run with --full only", returncode=0)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    speak(ENGLISH)  # a command that ran in this process may have left another language to the next test
    if (nextitem is None or nextitem.path != item.path) and active_policy() is not None:
        guard._State.policy = None
        pytest.fail("SAFE MODE stayed in force, and would refuse the next test's processes: use guarding()")
