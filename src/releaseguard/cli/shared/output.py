"""Where results go: a file, a terminal, or whoever reads a pipe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from releaseguard.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_output(output: Path, text: str) -> None:
    """Put a result into the file that ``-o`` names, for its owner alone where it is new. Raises ``UsageError``."""
    from releaseguard.harmless import harmless
    from releaseguard_events.private import write_file

    try:
        write_file(output, harmless(text) + "\n")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(output)) from error


def steer(sequence: str, *, err: bool = False) -> None:
    """Send a control sequence of our own to the terminal; where there is none, nothing."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        control = getattr(stream, "control", stream.write)
        control(sequence)


def styled(text: str, **style: Any) -> None:
    """Print a text in a colour, or bold, where somebody sees it; without a line's end."""
    begin, end = ("", "") if os.environ.get("NO_COLOR") else click.style("|", **style).split("|")
    steer(begin)
    click.echo(text, nl=False)
    steer(end)
