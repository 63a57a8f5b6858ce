"""Help in the reader's language: click composes it in English, and it is translated when it is laid out.

In English none of the translation code is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

import click

from releaseguard.cli.shared.language import speak_to
from releaseguard.messages import spoken

TYPED: Final = "releaseguard.typed"
"""The key under which a context keeps what was typed, since ``--lang`` may stand anywhere in it."""
_EXTRA: Final = re.compile(r" {2}\[([^\]]*)\]")
"""What click adds after an option's help: its default, the range of numbers."""
_DEFAULT: Final = "default"
_KEPT: Final = "\b\n"
"""Marks a paragraph whose line breaks are kept."""
_JSON: Final = "JSON: "
_EXAMPLE: Final = "Example:"


class SpokenContext(click.Context):
    """A context whose help is in the reader's language."""

    def make_formatter(self) -> click.HelpFormatter:
        """Determine the language only when help is laid out."""
        speak_to(self.meta.get(TYPED, ()), os.environ)
        if spoken.language() == spoken.ENGLISH:
            return super().make_formatter()
        return SpokenFormatter(width=self.terminal_width, max_width=self.max_content_width)


class SpokenCommand(click.Command):
    """A command with such a help."""

    context_class = SpokenContext


class SpokenGroup(click.Group):
    """A group with such help; its list shows the beginning of each command's own."""

    context_class = SpokenContext
    command_class = SpokenCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_words(command)) for name, command in named if command])


class SpokenFormatter(click.HelpFormatter):
    """Lays out help in the current language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        for words in ("COMMAND [ARGS]...", "[OPTIONS]"):
            args = args.replace(words, said(words))
        super().write_usage(prog, args, prefix or f"{said('Usage:')} ")

    def write_heading(self, heading: str) -> None:
        super().write_heading(said(heading))

    def write_text(self, text: str) -> None:
        super().write_text("\n\n".join(map(paragraph, re.split(r"\n\s*\n", text))))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(name, _option(text)) for name, text in rows], col_max, col_spacing)


def _first_words(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split()).partition(f" {_JSON}")[0]


def said(text: str) -> str:
    """A paragraph or word of help in the current language; unchanged where it has no translation."""
    from releaseguard.messages.helps import texts

    return texts(spoken.language()).get(text, text)


def paragraph(text: str) -> str:
    """A paragraph of a command's help, in the current language; what programs read and what is typed stays as it is."""
    kept = _KEPT if text.startswith(_KEPT) else ""
    told, stop, json = " ".join(text.removeprefix(_KEPT).split()).partition(f". {_JSON}")
    if told.startswith(_JSON):
        return text
    if told.startswith(_EXAMPLE):
        return f"{said(_EXAMPLE)}{told.removeprefix(_EXAMPLE)}{stop}{json}"
    other = said(f"{told}." if stop else told)
    return text if other == told else f"{kept}{other}{f' {_JSON}{json}' if stop else ''}"


def _option(text: str) -> str:
    """An option's help together with what click adds to it."""
    told = paragraph(_EXTRA.sub("", f"  {text}").strip())
    extras = (f"[{'; '.join(map(_extra, found.split('; ')))}]" for found in _EXTRA.findall(f"  {text}"))
    return "  ".join(filter(None, [told, *extras]))


def _extra(text: str) -> str:
    """``default: 30m``, ``required``, ``x>=1``."""
    name, colon, value = text.partition(": ")
    return f"{said(name)}{colon}{said(value)}" if name == _DEFAULT else said(text)
