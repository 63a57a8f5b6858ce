"""Writes results: to a file, a terminal or a pipe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.streams import NO_ROOM
from releaseguard.errors import UsageError
from releaseguard.messages import spoken

if TYPE_CHECKING:
    from pathlib import Path


def write_output(output: Path, text: str) -> None:
    """Write a result to the file of ``-o``; a new file is readable by its owner only. Raises ``UsageError``."""
    from releaseguard.harmless import harmless
    from releaseguard_events.private import write_file

    try:
        write_file(output, harmless(text) + "\n")
    except OSError as error:
        step = "Make room, or name a file elsewhere." if error.errno in NO_ROOM else "Name a file you may write."
        raise UsageError(f"cannot be written: {error.strerror}", where=str(output), next_step=step) from error


def steer(sequence: str, *, err: bool = False) -> None:
    """Send one of our own control sequences to the terminal, if there is one."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        control = getattr(stream, "control", stream.write)
        control(sequence)


def is_coloured() -> bool:
    """Whether stdout shows colours: NO_COLOR (https://no-color.org) forbids them; else FORCE_COLOR requests them, for
    instance in a job's log; else a terminal that is not a dumb one shows them."""
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced != "0"
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def styled(text: str, **style: Any) -> None:
    """Print a text in colour or bold, where colours are shown, without a line end."""
    begin, end = click.style("|", **style).split("|") if is_coloured() else ("", "")
    control = getattr(sys.stdout, "control", sys.stdout.write)
    control(begin)
    click.echo(text, nl=False)
    control(end)


_COLOURS = {
    "green": ("PASS", "HEALTHY", "IN STEP", "ok"),
    "yellow": ("WARN", "DEGRADED", "SILENT", "BEHIND", "CHANGED"),
    "red": ("FAIL", "ERROR", "DOWN", "MISSING"),
    "magenta": ("INCONCLUSIVE", "UNKNOWN"),
}
"""Colour -> the names of states, as all commands print them."""


def print_states(text: str) -> None:
    """Print a text for people, with a state at the beginning of a line in its colour."""
    if not is_coloured():
        click.echo(text)
        return
    import re

    colours = {spoken.sentence(word): colour for colour, words in _COLOURS.items() for word in words}
    end = 0
    for word in re.finditer(rf"^({'|'.join(map(re.escape, colours))})(?=\*?(?:  |$))", text, re.MULTILINE):
        click.echo(text[end : word.start()], nl=False)
        styled(word[0], fg=colours[word[0]], bold=True)
        end = word.end()
    click.echo(text[end:])
