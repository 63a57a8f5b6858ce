"""What every command with a document shares: ``--format`` and ``-o``, and how the document reaches its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from releaseguard.cli.shared.options import OutputPath, Run
from releaseguard.cli.shared.output import print_states, write_output
from releaseguard.cli.shared.streams import last_words, terminal_width
from releaseguard.messages import spoken

if TYPE_CHECKING:
    from pathlib import Path

    from releaseguard.report.formats import Formats

UNKNOWN_WIDTH = 100
"""Columns of a document where nothing says how wide its reader's are."""

D = TypeVar("D")
F = TypeVar("F", bound=Callable[..., Any])

output_option = click.option("-o", "--output", type=OutputPath(), metavar="FILE", help="Write it to a file.")


def format_option(formats: Mapping[str, Any], what: str = "it") -> Callable[[F], F]:
    """``--format`` with the formats of a document; without it text, or JSON where ``--json`` is given."""
    names = click.Choice(list(formats))
    return click.option("--format", "format_", type=names, help=f"How to print {what}  [default: text]")


def chosen(run: Run, format_: str | None) -> str:
    """The format that is asked for."""
    return format_ or ("json" if run.json else "text")


def rendered(run: Run, formats: Formats[D], document: D, format_: str | None) -> str:
    """The document as its reader asks for it."""
    from releaseguard.report.layout.display import Display

    width = terminal_width(UNKNOWN_WIDTH)
    return formats[chosen(run, format_)](document, Display(width, run.verbosity, run.zone))


def show(run: Run, text: str, format_: str | None) -> None:
    """Print what was rendered: with colours for people, as it is for programs."""
    if chosen(run, format_) == "text":
        print_states(text)
    else:
        click.echo(text)


def present(
    run: Run, formats: Formats[D], document: D, format_: str | None, output: Path | None, said: str | None = None
) -> None:
    """Print the document, or write it to a file, as :func:`deliver` does; with ``--json`` and a file of another format
    the JSON is printed too."""
    deliver(run, run.safe(rendered(run, formats, document, format_)), output, said, format_)
    if output is not None and run.json and chosen(run, format_) != "json":
        with last_words():
            show(run, run.safe(rendered(run, formats, document, "json")), "json")


def deliver(run: Run, text: str, output: Path | None, said: str | None, format_: str | None) -> None:
    """Print the text; where a file is named, write it there, and say so in one line where there is one to say."""
    run.keep(text)
    if output is None:
        with last_words():
            show(run, text, format_)
        return
    write_output(output, text)
    if said is not None:
        run.tell(f"{spoken.lines(said)} ({output})")
