"""``releaseguard sandbox``: the stand-ins in the foreground, and the hand that plays with them from elsewhere."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.options import FilePath, OneWord, Run, Span, command
from releaseguard.errors import ExitCode, Refused, ServiceError, Unreachable, UsageError
from releaseguard_events.private import make_folder, write_file

if TYPE_CHECKING:
    from releaseguard.report.answers import ActedDocument, SandboxDocument
    from releaseguard.sandbox.hands import Desk
    from releaseguard.sandbox.world import World

ADDRESS = "RELEASEGUARD_SANDBOX"
"""The variable with the address of the sandbox that runs."""
ACTS = ("new-key", "console", "revoke", "use", "break", "silence", "heal", "release")
WITHOUT_PROVIDER = frozenset({"heal", "release"})
TRY = (
    "releaseguard doctor",
    "releaseguard health",
    "releaseguard verify",
    "releaseguard sandbox new-key sendgrid",
    "releaseguard rotate sendgrid --dry-run",
    'releaseguard rotate sendgrid --leak --reason "key in a public gist" --yes',
    "releaseguard sandbox revoke sendgrid",
    "releaseguard rotate sendgrid --confirm-revoked",
    "releaseguard sandbox break mapbox",
    "releaseguard incident mapbox",
    "releaseguard sandbox heal",
    "releaseguard sandbox release",
    "releaseguard events list --limit 20",
)
"""What is printed, and can be run, in this order."""


@command("sandbox", example="releaseguard sandbox --folder /tmp/play")
@click.argument("act", required=False, type=OneWord("act", ACTS), metavar="[ACT]")
@click.argument("provider", required=False)
@click.option("--folder", type=FilePath(), help="Where releaseguard.toml is written (else a new one).")
@click.option("--traffic/--no-traffic", default=True, help="Whether the app's users are there.")
@click.option("--history", type=Span(), default="7d", metavar="7d", help="How much past to make up  [default: 7d]")
@click.option("--secret", metavar="NAME", help="With new-key, console, revoke: which of the provider's secrets.")
def sandbox(
    run: Run,
    act: str | None,
    provider: str | None,
    folder: Path | None,
    traffic: bool,
    history: timedelta,
    secret: str | None,
) -> ExitCode:
    """Run loopback stand-ins of all services and of the app until Ctrl-C.

    Prints the environment that points any command at them. They are stand-ins: they know the requests that
    releaseguard makes, and nothing else of the real services. The app's users go on as in the week before, for all
    providers, until an ACT in another terminal says otherwise:

    \b
    new-key PROVIDER   make a new key at the provider, store it in the vault
    console PROVIDER   set at the provider what the vault holds, or a new key kept there
    revoke PROVIDER    revoke every older version at the provider
    use PROVIDER       use it in the app, a few times at once
    break PROVIDER     six calls in ten fail
    silence PROVIDER   the app does not come to use it any more
    heal [PROVIDER]    undo both
    release            ship a new release and mark its deployment

    JSON: {"folder", "environment"}, with an ACT {"act", "provider", "done"}.
    """
    if act is None:
        _refuse_strays(provider, secret)
        return _stage(run, folder, traffic, history)
    if provider is None and act not in WITHOUT_PROVIDER:
        raise UsageError(f"{act} whose?", next_step=f"Name a provider: releaseguard sandbox {act} sendgrid")
    done = _asked(run.environ.get(ADDRESS), act, {"provider": provider, "secret": secret})
    document: ActedDocument = {"act": act, "provider": provider, "done": done}
    run.emit(done, document)
    return ExitCode.OK


def _refuse_strays(provider: str | None, secret: str | None) -> None:
    if provider or secret:
        raise UsageError("a provider or a secret needs an ACT", next_step="See: releaseguard sandbox --help")


def _stage(run: Run, folder: Path | None, traffic: bool, history: timedelta) -> ExitCode:
    from releaseguard.sandbox.story import furnished

    place = _folder(folder)
    run.tell("Making up the app's past ...")
    with furnished() as world:
        config = world.write(place)
        with _playing(world, place, traffic, history) as desk:
            _announce(run, world, config, desk.url)
            _until_interrupted()
    return ExitCode.OK


def _folder(folder: Path | None) -> Path:
    if folder is None:
        import tempfile

        return Path(tempfile.mkdtemp(prefix="releaseguard-sandbox-"))
    make_folder(folder)
    if (folder / "releaseguard.toml").exists():
        raise Refused(
            "there is a releaseguard.toml already, and nothing is overwritten",
            where=str(folder),
            next_step="Name another --folder.",
        )
    return folder


@contextmanager
def _playing(world: World, folder: Path, traffic: bool, history: timedelta) -> Iterator[Desk]:
    """A past behind it, and the app's users at work."""
    from contextlib import nullcontext

    from releaseguard.eventlog.stores.sqlite import SqliteEventLog
    from releaseguard.sandbox.hands import Desk, Hands
    from releaseguard.sandbox.story import life_goes_on, migrated, seed

    since = world.clock()
    week = seed(world, folder / "releaseguard.db", history=history)
    migrated(world, since - timedelta(days=2))
    with SqliteEventLog(week.path) as log, Desk(Hands(world, week.course, log)) as desk:
        world.app.log = log.append
        with life_goes_on(world, week, since) if traffic else nullcontext():
            yield desk


def _announce(run: Run, world: World, config: Path, desk: str) -> None:
    from releaseguard.sandbox.story import REAL_ONES

    environ = {
        **world.environ(),
        **world.second_accesses(),
        "RELEASEGUARD_CONFIG": str(config.absolute()),
        ADDRESS: desk,
    }
    script = config.absolute().parent / "environment.sh"
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environ.items()]
    write_file(script, "\n".join([f"unset {' '.join(REAL_ONES)}", *exports, *_path()]) + "\n")
    text = "\n".join(
        [
            f"Stand-ins of all services and of the app are running; files are in {config.parent}.",
            "In another terminal:",
            "",
            *(f"  {line}" for line in (f". {shlex.quote(str(script))}", *TRY)),
            "",
            "Ctrl-C stops them.",
        ]
    )
    document: SandboxDocument = {"folder": str(config.parent), "environment": environ}
    run.emit(text, document)


def _path() -> Iterator[str]:
    """So that `releaseguard` is this one in the other terminal too, wherever it is installed."""
    place = Path(sys.executable).parent
    if (place / "releaseguard").exists():
        yield f'export PATH={shlex.quote(str(place))}:"$PATH"'


def _until_interrupted() -> None:
    import threading

    threading.Event().wait()


def _asked(address: str | None, act: str, order: dict[str, str | None]) -> str:
    """Have it done by the sandbox at ``address``; returns what it says. Nothing but loopback is talked to."""
    import re
    from http.client import HTTPException

    from releaseguard import safemode

    place = re.fullmatch(r"http://127\.0\.0\.1:(\d{1,5})", address or "")
    if place is None:
        raise UsageError(
            f"{ADDRESS} is not the address of a running sandbox" if address else f"{ADDRESS} is not set",
            next_step="Start one (releaseguard sandbox --folder /tmp/play), then here: . /tmp/play/environment.sh",
        )
    safemode.install(safemode.build_policy({ADDRESS: place[0]}, {}))
    try:
        status, answer = _posted(int(place[1]), f"/acts/{act}", order)
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(
            f"the sandbox does not answer: {type(error).__name__}", where=address, next_step="Is it still running?"
        ) from None
    return _said(status, answer)


def _posted(port: int, path: str, order: dict[str, str | None]) -> tuple[int, Any]:
    from contextlib import closing
    from http.client import HTTPConnection

    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", path, json.dumps(order), {"content-type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def _said(status: int, answer: Any) -> str:
    if status == 200:
        return str(answer["done"])
    if status == 409:
        raise UsageError(str(answer["what"]), next_step=answer["next_step"])
    raise ServiceError(f"the sandbox answered {status}: {answer}")
