"""Commands whose output nobody reads to its end: `releaseguard rotate ... 2>&1 | head`."""

from __future__ import annotations

import pytest

from releaseguard.sandbox.world import World
from tests.support.commands import Commands


def ended(cli: Commands, *arguments: str, closed: str) -> int:
    """How the command ends where the reader of one stream leaves before anything is written to it."""
    process = cli.start(*arguments)
    read = {"stdin": process.stdin, "stdout": process.stdout, "stderr": process.stderr}
    for name in ("stdin", closed):
        stream = read[name]
        assert stream is not None
        stream.close()
    rest = read["stdout" if closed == "stderr" else "stderr"]
    assert rest is not None
    with rest:
        rest.read()
    return process.wait()


def test_a_rotation_is_carried_through_when_the_reader_of_its_remarks_has_gone(cli: Commands, world: World) -> None:
    version = world.new_key("SENDGRID_API_KEY")
    assert ended(cli, "rotate", "sendgrid", "--yes", "--prove-within", "1s", closed="stderr") in (0, 3)
    assert world.holders("SENDGRID_API_KEY", version) == set(world.destinations["sendgrid"])
    assert cli.run("audit", "show", "--json").json["rotations"][0]["state"] in ("DONE", "PROVEN", "UNPROVEN")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_what_a_command_found_is_its_exit_code_without_a_reader(cli: Commands, world: World, closed: str) -> None:
    world.new_key("SENDGRID_API_KEY")
    assert ended(cli, "drift", closed=closed) == 1


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
@pytest.mark.parametrize(("arguments", "code"), [(("--help",), 0), (("verify", "--help"), 0), (("no-command",), 2)])
def test_help_and_mistakes_have_their_exit_codes_too(
    cli: Commands, arguments: tuple[str, ...], code: int, closed: str
) -> None:
    assert ended(cli, *arguments, closed=closed) == code
