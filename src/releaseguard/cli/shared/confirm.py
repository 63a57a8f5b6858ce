"""Asks a person before something irreversible; refuses where nobody can answer."""

from __future__ import annotations

import sys

import click

from releaseguard.errors import Refused


def ask(text: str) -> None:
    """Show what would be done and ask. Raises ``Refused`` where the answer is no, or nobody can answer."""
    refuse_without_terminal()
    click.echo(text, err=True)
    if not click.confirm("Do this?", err=True):
        raise Refused("not confirmed: nothing was changed")


def somebody_is_here() -> bool:
    """Whether a person is at the terminal and can answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def refuse_without_terminal() -> None:
    """Raise ``Refused`` where no person is at the terminal."""
    if not somebody_is_here():
        raise Refused(
            "this changes production, and there is no terminal to confirm it on",
            next_step="Look first (rotate --dry-run, audit verify), then add --yes.",
        )
