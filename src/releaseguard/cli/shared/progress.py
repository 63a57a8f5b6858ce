"""Progress of long work: a bar on a terminal once it takes a second. Elsewhere a line once it takes a minute, so that a
job does not look as if it hangs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from releaseguard import readable
from releaseguard.cli.shared.output import steer

if TYPE_CHECKING:
    from releaseguard.cli.shared.options import Run
    from releaseguard.eventlog.watching import Progress, Watch

FIRST, AGAIN = 1.0, 0.2
"""Seconds until a bar is drawn, and between two drawings."""
FIRST_LINE = LINES = 60.0
"""Seconds until the first line where nobody watches, and between two lines."""
CELLS = 24
EXPECTED_AFTER = 0.02
"""The fraction of work after which the remaining time can be estimated."""


@contextmanager
def shown(run: Run) -> Iterator[Watch]:
    """Show the progress of work; the bar is removed at the end."""
    began = last = run.clocks.elapsed()
    first, again = (FIRST, AGAIN) if run.on_terminal else (FIRST_LINE, LINES)

    def watch(progress: Progress) -> None:
        nonlocal last
        now = run.clocks.elapsed()
        if now - began < first or now - last < again:
            return
        last = now
        show(drawn(progress, now - began) if run.on_terminal else line(progress))

    show: Callable[[str], None] = _draw if run.on_terminal else run.tell
    try:
        yield watch
    finally:
        if run.on_terminal and last > began:
            _draw("")


@contextmanager
def above_remarks(run: Run) -> Iterator[tuple[Watch | None, Callable[[str], None]]]:
    """A bar for waits between remarks, and the function to print remarks with; without a terminal there is no bar."""
    if not run.on_terminal:
        yield None, run.tell
        return

    def watch(progress: Progress) -> None:
        _draw(progress.what if progress.share is None else f"{bar(progress.share)}  {progress.what}")

    def tell(remark: str) -> None:
        _draw("")
        run.tell(remark)

    try:
        yield watch, tell
    finally:
        _draw("")


def bar(share: float) -> str:
    """``[######..................]  25%``."""
    done = int(share * CELLS)
    return f"[{'#' * done}{'.' * (CELLS - done)}] {share:4.0%}"


def drawn(progress: Progress, elapsed: float) -> str:
    """A bar of the finished part, after ``elapsed`` seconds."""
    if progress.share is None:
        return progress.what
    share = min(max(progress.share, 0.0), 1.0)
    rest = timedelta(seconds=elapsed * (1 - share) / share) if share > EXPECTED_AFTER else None
    left = "" if rest is None else f", {readable.roughly(rest)} left"
    return f"{bar(share)}{left}  {progress.what}"


def line(progress: Progress) -> str:
    """The progress as a sentence."""
    return progress.what if progress.share is None else f"{progress.what} ({progress.share:.0%})"


def _draw(text: str) -> None:
    """Write one line of a terminal over the one before."""
    width = max(shutil.get_terminal_size((80, 24)).columns - 1, 1)
    steer("\r\033[K", err=True)
    click.echo(text[:width], nl=False, err=True)
    steer("\r", err=True)
