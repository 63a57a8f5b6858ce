"""The list of commands. A command's module is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import click

from releaseguard import __version__
from releaseguard.cli.shared.help import TYPED, SpokenGroup

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "Write a first configuration and, on request, the workflows; nothing is overwritten.",
    "doctor": "Check every credential, permission, host, clock, table and card; each problem comes with its fix.",
    "demo": "Show the main job end to end against loopback stand-ins; no account, no network.",
    "sandbox": "Run stand-ins of all services in the foreground, to point any command at.",
    "status": "Show what is open now, in ten lines: leaks, releases, providers, rotations.",
    "rotate": "Take a secret's new version to every place that uses it, and prove it works.",
    "verify": "Judge a release from the event log and synthetic flows.",
    "publish": "Show a verdict where the repository's people see it: pull requests, the deployment's status.",
    "backtest": "Show what verify would have said of past releases, and when.",
    "health": "Show how every provider is doing, from the app's own events.",
    "incident": "Show what is wrong with one provider, what changed before, and what the runbook says to do.",
    "drift": "Compare every managed secret at every destination: in step, behind, missing, changed.",
    "coverage": "Find provider calls in the app's code that are not logged, and providers without a test.",
    "leaks": "Find open secret-scanning alerts, and managed values in a repository.",
    "events": "Write, read and follow integration events; schema and retention.",
    "completion": "Print what a shell needs to complete commands, options and names.",
    "schema": "Print the JSON Schema of the configuration, of cards, and of every command's JSON.",
    "audit": "Show who rotated what, when, why, and with which proof; check integrity.",
}
"""Name -> one line for the list."""
ROOMS = {
    "rotating": ("rotate", "drift", "leaks", "audit"),
    "judging": ("verify", "publish", "backtest", "status", "health", "incident", "coverage"),
    "log": ("events",),
    "setup": ("init", "doctor", "demo", "sandbox", "completion", "schema"),
}
"""Which room holds which commands: each in a module of its name, under its name."""
_ROOM_OF = {name: room for room, names in ROOMS.items() for name in names}


_FLAGS = ("-q", "--quiet", "-v", "-vv", "--verbose", "--json")
_VALUED = ("--config", "--lang")
"""Options that every command has: they are understood before its name too."""
_HELP = ("--help", "-h")
_MOVED = "releaseguard.moved"
"""Under which a context keeps those that stood there."""


def _parted(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The commands' options that stand before the command, and the rest; none of them where something else follows."""
    at = 0
    while at < len(args) and (args[at] in _FLAGS or args[at].partition("=")[0] in _VALUED):
        at += 2 if args[at] in _VALUED else 1
    if at < len(args) and args[at] in _HELP and _all_ours(args[at + 1 :]):
        return [*args[:at], *args[at + 1 :]], ["--help"]
    alone = at == len(args) and list(args) != ["-v"]  # by itself it asks for the version
    named = at < len(args) and not args[at].startswith("-")
    return (list(args[:at]), list(args[at:])) if named or alone else ([], list(args))


def _all_ours(args: Sequence[str]) -> bool:
    """Whether nothing stands there but the commands' options: ``--help --lang tr`` asks for a help."""
    moved, rest = _parted(args)
    return not rest and (bool(moved) or not args)


def _as_options(args: list[str]) -> list[str]:
    """``help``, ``help verify`` and ``version`` as the options that they mean."""
    if args[:1] == ["help"]:
        return [*(word for word in args[1:] if word not in ("help", "--help", "-h")), "--help"]
    return ["--version"] if args == ["version"] else args


def _asked(command: click.Command, args: list[str], moved: list[str]) -> list[str]:
    """What a command is given: ``help`` behind it, where it takes no such word, is ``--help``."""
    if isinstance(command, click.Group):
        within, rest = _parted(_as_options(args) if args[:1] == ["help"] else args)
        if not rest or rest == ["--help"]:
            return rest
        return [*rest[:1], *moved, *within, *rest[1:]]
    takes_words = any(isinstance(one, click.Argument) for one in command.params)
    is_word = args[:1] == ["help"] and _all_ours(args[1:]) and not takes_words
    return [*moved, *(["--help", *args[1:]] if is_word else args)]


class _Lazy(SpokenGroup):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[TYPED] = tuple(args)
        ctx.meta[_MOVED], rest = _parted(_as_options(args))
        return super().parse_args(ctx, rest)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"releaseguard.cli.{_ROOM_OF[name]}.{name}"), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click does, without loading every command for its line of help."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from releaseguard.tomlfile import did_you_mean

            raise click.UsageError(f"there is no command {args[0]!r}. {did_you_mean(args[0], COMMANDS)}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, rest if command is None else _asked(command, rest, ctx.meta[_MOVED])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: releaseguard demo\n\n"
    "Exit codes: 0 done or PASS/WARN, 1 found it bad, 2 usage or configuration, 3 not decided, "
    "4 refused, 5 a service refused or did not answer, 70 a bug, 130 interrupted.",
)
@click.version_option(__version__, "-v", "-V", "--version", prog_name="releaseguard")
def releaseguard() -> None:
    """Rotate leaked secrets and verify releases from the app's own integration events.

    SAFE MODE: no provider is ever called to see whether it works.
    """
