"""A pull request that was merged without a look at it: the pipeline does not write its new destination by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.support.commands import Commands

NAME = "SENDGRID_API_KEY"
QUICK = '[rotation]\nlease = "1s"\n[network]\ntimeout = "1s"\npatience = "1s"\n'
STRANGER = "github:stranger/app"


def test_a_new_destination_in_the_pipeline_has_to_be_named(
    tmp_path: Path, run_of: Callable[..., dict[str, str]]
) -> None:
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        path = world.write(tmp_path, extra=QUICK)
        cli = Commands(tmp_path, {**world.environ(), **run_of("push", "refs/heads/main")})
        rotate = ("rotate", "sendgrid", "--yes", "--no-deploy", "--prove-within", "0s")
        world.new_key(NAME)
        assert cli.run(*rotate).code == 3
        world.new_key(NAME)
        first = next(iter(world.destinations["sendgrid"]))
        path.write_text(path.read_text().replace(f'["{first}"', f'["{STRANGER}", "{first}"', 1))
        done = cli.run(*rotate)
        assert done.code == 4, done.everything
        assert f"--new-destination {STRANGER}" in done.err
        assert cli.run(*rotate, "--new-destination", "github:lovendo/nothing").code == 2
        plan = cli.run(*rotate[:2], "--dry-run", "--json", "--new-destination", STRANGER, GITHUB_ACTIONS="")
        assert plan.code in {0, 5}, plan.everything
