"""Whoever may insert a row chooses its text: no command, in no format, lets it do more than be read.

The commands are those of the command line itself: a new one is tried as soon as it is there.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click
import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.cli.main import releaseguard
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Event, Outcome, new_id, utc_now
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.values import RotateRequest
from tests.rotation.rotation_fakes import NAME
from tests.rotation.rotation_fakes import World as RotationContext
from tests.support.commands import Commands, Done
from tests.support.hostile import HOSTILE, must_be_harmless

STAYS = {"sandbox", "demo", "events tail"}
"""Commands that run until somebody stops them, or bring a log of their own; the last is tried by itself."""
FORMATS = ("text", "json", "markdown", "md", "junit", "html", "sarif", "prometheus", "csv", "jsonl", "in-toto")


def leaves(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(leaves(releaseguard))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which every text is an attack: traffic, marks, verdicts, a rotation of a leak, rows that are broken."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "releaseguard.toml").write_text(
        '[providers.sendgrid]\ndestinations = ["vercel:prj_1/production"]\n', encoding="utf-8"
    )
    with SqliteEventLog(folder / "releaseguard.db") as log:
        log.restore([*traffic(), *marks(), *our_own(), *rotation()])
    with closing(sqlite3.connect(folder / "releaseguard.db")) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = on")
        for text in HOSTILE:
            if text.isprintable():
                connection.execute(
                    "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment)"
                    " VALUES (?, ?, ?, ?, ?, 'production')",
                    [f"{text} {new_id()}", text, text, text, text],
                )
    return folder


def traffic() -> Iterator[Event]:
    texts = itertools.cycle(HOSTILE)
    for minute in range(300):
        for provider in ("sendgrid", HOSTILE[minute % len(HOSTILE)]):
            at, bad = utc_now() - timedelta(minutes=minute), minute % 3 == 0
            yield Event(
                id=new_id(),
                occurred_at=at,
                recorded_at=at,
                provider=provider,
                event=("sendgrid_error" if bad else "sendgrid_email_sent") if minute % 4 else next(texts),
                outcome=Outcome.ERROR if bad else Outcome.SUCCESS,
                environment="production",
                error_code=next(texts) if bad else None,
                release=next(texts),
                source=next(texts),
                correlation_id=next(texts),
                detail={next(texts): next(texts), "message": next(texts), "secret_version": next(texts)},
            )


def marks() -> Iterator[Event]:
    for number, text in enumerate(HOSTILE):
        yield ours("release_deployed", number + 20, release=text, detail={"release": text, "deployment_id": text})
        yield ours("release_outcome", number + 20, release=text, detail={"good": text, "reason": text})


def our_own() -> Iterator[Event]:
    for number, text in enumerate(HOSTILE):
        fields = {"provider": text, "lane": text, "rotation_id": text, "check": text, "reason": text, "verdict": text}
        for event in (text, "rotation_planned", "leak_exposure", "release_check", "release_verified"):
            yield ours(event, number, release=text, source=text, detail=fields | {"step": number, "hash": text})


def ours(event: str, minute: int, **columns: object) -> Event:
    at = utc_now() - timedelta(minutes=minute)
    said = {"occurred_at": at, "recorded_at": at, "provider": OURSELVES, "event": event, "environment": "production"}
    return Event(id=new_id(), outcome=Outcome.SUCCESS, **said | columns)  # type: ignore[arg-type]


def rotation() -> Iterator[Event]:
    world = RotationContext()
    world.live_with("old")
    world.vault.put(NAME, "new")
    rotate(RotateRequest(leak=True, reason=" ".join(HOSTILE)), world.process(), world.tell)
    assert world.process().chain_key == ChainKey("sendgrid", "production")
    yield from world.log.chain()


def calls(name: str, command: click.Command) -> Iterator[list[str]]:
    """The command in every format that it has, with an attack for every argument that it must have."""
    given = {"provider": "sendgrid", "path": ".", "outcome": "success", "release": HOSTILE[13], "older_than": "90d"}
    needed: list[str] = []
    for parameter in command.params:
        value = given.get(parameter.name or "", HOSTILE[13])
        if isinstance(parameter, click.Argument):
            needed.append(value)
        elif parameter.required:
            needed += [parameter.opts[0], value]
    chosen = next((one for one in command.params if one.name in ("format_", "form")), None)
    formats = list(chosen.type.choices) if chosen and isinstance(chosen.type, click.Choice) else []
    assert set(formats) <= set(FORMATS), f"{name} has a format that nobody has looked at"
    yield [*name.split(), *needed]
    yield [*name.split(), *needed, "--json"]
    for form in formats:
        yield [*name.split(), *needed, "--format", form]
        if any(one.name == "output" for one in command.params):
            yield [*name.split(), *needed, "--format", form, "-o", f"out.{form}"]


@pytest.fixture
def cli(folder: Path, tmp_path: Path) -> Commands:
    with (
        closing(sqlite3.connect(folder / "releaseguard.db")) as source,
        closing(sqlite3.connect(tmp_path / "releaseguard.db")) as target,
    ):
        source.backup(target)
    (tmp_path / "releaseguard.toml").write_bytes((folder / "releaseguard.toml").read_bytes())
    return Commands(tmp_path, {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")})


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - STAYS))
def test_no_command_prints_or_writes_what_does_more_than_show(cli: Commands, name: str) -> None:
    for arguments in calls(name, COMMANDS[name]):
        done = cli.run(*arguments)
        assert done.code != 70, (arguments, done.err)
        check(done, arguments)
    for written in [*cli.folder.glob("out.*"), *cli.folder.glob("summary.md"), *cli.folder.glob("postmortems/*")]:
        must_be_harmless(written.read_text(encoding="utf-8"))


def check(done: Done, arguments: list[str]) -> None:
    must_be_harmless(done.out)
    must_be_harmless(done.err)
    if "--json" in arguments and done.out and arguments[:2] != ["events", "export"]:
        json.loads(done.out)


def test_what_is_exported_has_the_same_values(cli: Commands) -> None:
    lines = cli.run("events", "export", "--provider", "sendgrid").out.splitlines()
    releases = {json.loads(line)["release"] for line in lines}
    assert releases >= {text.replace("\ud800", "\ufffd") for text in HOSTILE}


def test_following_the_log_is_no_exception(cli: Commands) -> None:
    for arguments in (["events", "tail", "-n", "200"], ["events", "tail", "-n", "200", "--json"]):
        process = cli.start(*arguments)
        lines = [process.stdout.readline() for _ in range(200)] if process.stdout else []
        process.terminate()
        must_be_harmless("".join(lines) + process.communicate()[1])
        assert all(lines)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ud800" not in text and "\x00" not in text])
def test_no_mistake_in_an_argument_is_repeated_raw(cli: Commands, text: str) -> None:
    for arguments in (
        ["health", "--provider", text],
        ["verify", "--release", text],
        ["verify", "--check", text, "--json"],
        [text],
        ["events", "list", "--since", text],
        ["rotate", text, "--json"],
        ["doctor", "--config", text],
    ):
        done = cli.run(*arguments)
        assert done.code in (1, 2, 3, 4, 5), arguments
        check(done, arguments)
