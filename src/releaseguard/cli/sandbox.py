"""``releaseguard sandbox``: the stand-ins in the foreground."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releaseguard.cli.options import Run, command
from releaseguard.errors import ExitCode, Refused
from releaseguard.private import make_folder, write_file

if TYPE_CHECKING:
    from releaseguard.sandbox.world import World


@command("sandbox", example="releaseguard sandbox --folder /tmp/play")
@click.option("--folder", type=click.Path(path_type=Path), help="Where releaseguard.toml is written (else a new one).")
@click.option("--traffic/--no-traffic", default=True, help="Whether the app uses its providers all the time.")
def sandbox(run: Run, folder: Path | None, traffic: bool) -> ExitCode:
    """Run loopback stand-ins of Infisical, GitHub, Vercel, Supabase and the app until Ctrl-C.

    Prints the environment that points any command at them. They are stand-ins: they know the requests that
    releaseguard makes, and nothing else of the real services.
    """
    from releaseguard.sandbox.world import World

    place = _folder(folder)
    with World() as world:
        config = world.write(place)
        _seed(world, place)
        _announce(run, world, config)
        _serve(world, place, traffic)
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


def _seed(world: World, folder: Path) -> None:
    from datetime import timedelta

    from releaseguard.model import utc_now
    from releaseguard.sandbox.story import seed
    from releaseguard.sandbox.world import REPOSITORY

    seed(world, folder / "releaseguard.db")
    world.new_key("SENDGRID_API_KEY")  # so that there is something to rotate to
    world.github.add_run(REPOSITORY, "completed", "db-migrations", at=utc_now() - timedelta(days=2))


def _announce(run: Run, world: World, config: Path) -> None:
    environ = {**world.environ(), "RELEASEGUARD_CONFIG": str(config)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environ.items()]
    script = config.parent / "environment.sh"
    write_file(script, "\n".join(lines) + "\n")
    text = "\n".join(
        [
            f"Stand-ins of Infisical, GitHub, Vercel, Supabase and the app are running; files are in {config.parent}.",
            "In another terminal:",
            "",
            f"  . {shlex.quote(str(script))}",
            "  releaseguard doctor",
            "  releaseguard rotate sendgrid --dry-run",
            "  releaseguard rotate sendgrid --yes",
            "  releaseguard verify",
            "  releaseguard incident sendgrid",
            "  releaseguard events list --limit 20",
            "",
            "Ctrl-C stops them.",
        ]
    )
    run.emit(text, {"folder": str(config.parent), "environment": environ})


def _serve(world: World, folder: Path, traffic: bool) -> None:
    import threading

    from releaseguard.sandbox.story import live_traffic

    with live_traffic(world, folder / "releaseguard.db", on=traffic):
        threading.Event().wait()
