"""What all commands with a document share: ``--format`` and ``-o``, and printing or writing the document."""

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
"""The width of a document, in columns, where the reader's is unknown."""

D = TypeVar("D")
F = TypeVar("F", bound=Callable[..., Any])

output_option = click.option("-o", "--output", type=OutputPath(), metavar="FILE", help="Write it to a file.")


def format_option(formats: Mapping[str, Any], what: str = "it") -> Callable[[F], F]:
    """The option ``--format`` with the formats of a document; the default is text, or JSON with ``--json``."""
    names = click.Choice(list(formats))
    return click.option("--format", "format_", type=names, help=f"How to print {what}  [default: text]")


def chosen(run: Run, format_: str | None) -> str:
    """The name of the requested format."""
    return format_ or ("json" if run.json else "text")


def rendered(run: Run, formats: Formats[D], document: D, format_: str | None) -> str:
    """The document in the requested format."""
    from releaseguard.report.layout.display import Display

    width = terminal_width(UNKNOWN_WIDTH)
    return formats[chosen(run, format_)](document, Display(width, run.verbosity, run.zone))


def show(run: Run, text: str, format_: str | None) -> None:
    """Print a rendered document: with colours as text, unchanged in any other format."""
    if chosen(run, format_) == "text":
        print_states(text)
    else:
        click.echo(text)


def present(
    run: Run, formats: Formats[D], document: D, format_: str | None, output: Path | None, said: str | None = None
) -> None:
    """Print the document or write it to a file, as :func:`deliver` does. With ``--json`` and a file in another format,
    the JSON is printed too."""
    deliver(run, run.safe(rendered(run, formats, document, format_)), output, said, format_)
    if output is not None and run.json and chosen(run, format_) != "json":
        with last_words():
            show(run, run.safe(rendered(run, formats, document, "json")), "json")


def deliver(run: Run, text: str, output: Path | None, said: str | None, format_: str | None) -> None:
    """Print the text, or write it to the named file and report that in one line."""
    run.keep(text)
    if output is None:
        with last_words():
            show(run, text, format_)
        return
    write_output(output, text)
    if said is not None:
        run.tell(f"{spoken.lines(said)} ({output})")
