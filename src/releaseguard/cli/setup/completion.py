"""``releaseguard completion SHELL``: what a shell has to read so that it completes this program's words, and the answer
when it asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from releaseguard.cli.shared.options import Run, command

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

    from releaseguard.report.answers import CompletionDocument

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_RELEASEGUARD_COMPLETE"
"""Of the environment: with ``SHELL_complete`` in it a shell asks for words."""


@command("completion", example='eval "$(releaseguard completion bash)"')
@click.argument("shell", type=click.Choice(SHELLS))
def completion(run: Run, shell: str) -> None:
    """Print what a shell has to read so that Tab completes commands, options, and the names they take.

    Put the line of the example into ~/.bashrc, or the same with zsh into ~/.zshrc; for fish:
    `releaseguard completion fish > ~/.config/fish/completions/releaseguard.fish`.

    JSON: {"shell", "source"}.
    """
    source = _source(shell)
    document: CompletionDocument = {"shell": shell, "source": source}
    run.emit(source, document)


def words(asked: str) -> str:
    """What a shell is answered that asks with ``bash_complete``; nothing where it is none that we know.

    As click's own answer, which goes to the terminal as bytes, past what makes text harmless.
    """
    shell, _, what = asked.partition("_")
    return _asking(shell).complete() if shell in SHELLS and what == "complete" else ""


def _source(shell: str) -> str:
    return _asking(shell).source()


def _asking(shell: str) -> ShellComplete:
    from releaseguard.cli.main import releaseguard
    from releaseguard.cli.setup.shells import KINDS

    return KINDS[shell](releaseguard, {}, "releaseguard", VARIABLE)
