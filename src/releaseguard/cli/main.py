"""The list of commands. A command's module is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from releaseguard import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "A first configuration, and the workflows; nothing is overwritten.",
    "doctor": "Every credential, permission, host, clock, table and card, each problem with its fix.",
    "demo": "The main job end to end against loopback stand-ins; no account, no network.",
    "sandbox": "Those stand-ins in the foreground, to point any command at.",
    "status": "What is open now, in ten lines: leaks, releases, providers, rotations.",
    "rotate": "Take a secret's new version to every place that uses it, and prove it works.",
    "verify": "Judge a release from the event log and synthetic flows.",
    "publish": "A verdict where the repository's people see it: pull requests, the deployment's status.",
    "backtest": "What verify would have said of past releases, and when.",
    "health": "How every provider is now, from the app's own events.",
    "incident": "What goes on with one provider, what changed before, and what the runbook says to do.",
    "drift": "Every managed secret at every destination: in step, behind, missing, changed.",
    "coverage": "Provider calls in the app's code that are not logged, and providers without a test.",
    "leaks": "Open secret-scanning alerts, and managed values in a repository.",
    "events": "Write, read and follow integration events; schema and retention.",
    "completion": "What a shell needs to complete commands, options and their values.",
    "schema": "JSON Schema of the configuration, of cards, and of every command's JSON.",
    "audit": "Who rotated what, when, why, and with which proof; integrity.",
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


class _Lazy(click.Group):
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
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: releaseguard demo\n\n"
    "Exit codes: 0 done or PASS/WARN, 1 found it bad, 2 usage or configuration, 3 not decided, "
    "4 refused, 5 a service refused or did not answer, 70 a bug, 130 interrupted.",
)
@click.version_option(__version__, prog_name="releaseguard")
def releaseguard() -> None:
    """Rotate leaked secrets and verify releases from the app's own integration events.

    SAFE MODE: no provider is ever called to see whether it works.
    """
