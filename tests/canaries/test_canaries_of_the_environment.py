"""Every command there is, with a credential in every variable and in every part of an address: none is ever shown, in
whatever letter case or form (hosts are shown in lower case, so an attacker has a value stand where a host does)."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from releaseguard.cli.main import releaseguard
from releaseguard.clocks import Clocks
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from tests.support.canaries import Canaries
from tests.support.commands import Commands

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "rotate": ("sendgrid", "--dry-run"),
    "incident": ("sendgrid",),
    "coverage": (".",),
    "init": ("--config", "new.toml", "--yes", "--events-url", "${RELEASEGUARD_EVENTS_URL}"),
    "events deployed": ("--release", "r1"),
    "events log": ("sendgrid", "sendgrid_email_sent", "success"),
    "events prune": ("--older-than", "90d", "--dry-run"),
}
"""What makes a command go far; the others are given anything that they cannot be run without."""
APART = {"demo", "sandbox"}
"""They stand in for all services themselves and read no credential; the demo has a test of its own."""


def commands(group: click.Group = releaseguard, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the tree, by its words, with what it has to be given."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            words = (*path, name)
            if isinstance(found, click.Group):
                yield from commands(found, words)
            elif found is not None and words[0] not in APART:
                yield (*words, *ARGUMENTS.get(" ".join(words), tuple(anything_for(found))))


def anything_for(command: click.Command) -> Iterator[str]:
    for param in command.params:
        if param.required:
            yield from () if isinstance(param, click.Argument) else param.opts[:1]
            yield str(param.type.choices[0]) if isinstance(param.type, click.Choice) else "1"


COMMANDS = [*commands()]
TELLING = [("doctor",), ("rotate", *ARGUMENTS["rotate"]), ("events", "list")]
"""Those that say most of an address: where every command would say the same, they stand for the others."""
EVERY = {"whole", "host", "a log here"}

PASSWORD, PATH_PART, QUERY, USER, DATABASE = (secrets.token_hex(12).upper() + "q" for _ in range(5))
VARIABLES = (
    *("INFISICAL_TOKEN", "INFISICAL_CLIENT_SECRET", "RELEASEGUARD_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
    *("RELEASEGUARD_GITHUB_APP_PRIVATE_KEY", "VERCEL_TOKEN", "VERCEL_TOKEN_NEW", "SUPABASE_ACCESS_TOKEN"),
    *("SUPABASE_ACCESS_TOKEN_NEW", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY_NEW", "SUPABASE_ANON_KEY"),
    *("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "RELEASEGUARD_SIGNING_KEY", "PGPASSWORD", "RELEASEGUARD_EVENTS_PASSWORD"),
    *("RELEASEGUARD_EVENTS_TOKEN", "RELEASEGUARD_EVENTS_EXTRA", "AWS_SECRET_ACCESS_KEY", "NPM_TOKEN"),
)
CREDENTIALS = {name: secrets.token_urlsafe(18).replace("_", "x") for name in VARIABLES}
ADDRESSES = {
    "RELEASEGUARD_EVENTS_URL": f"postgresql://{USER}:{PASSWORD}@127.0.0.1:9/{DATABASE}?password={QUERY}",
    "APP_DATABASE_URL": f"postgresql://{USER}:{PASSWORD}@127.0.0.1:9/{DATABASE}",
    "DATABASE_URL": f"postgresql://{USER}:{PASSWORD}@db.lovendo.example/{DATABASE}?sslpassword={QUERY}",
    "SUPABASE_URL": f"https://{USER}:{PASSWORD}@lovendo.example/?apikey={QUERY}",
    "RELEASEGUARD_NOTIFY_URL": f"https://hooks.lovendo.example/services/{PATH_PART}?key={QUERY}",
}
SHOWN_TO_NOBODY = Canaries(
    [
        *(
            form(value)
            for value in [*CREDENTIALS.values(), PASSWORD, PATH_PART, QUERY, USER, DATABASE]
            for form in (str, str.lower, str.upper)
        ),
    ]
)

CONFIGURED = {
    "whole": 'url = "${RELEASEGUARD_EVENTS_URL}"',
    "database": 'url = "${DATABASE_URL}"',
    "password": 'url = "postgresql://u:${RELEASEGUARD_EVENTS_PASSWORD}@db.elsewhere.example/log"',
    "host": 'url = "https://${RELEASEGUARD_EVENTS_PASSWORD}.elsewhere.example"',
    "database's host": 'url = "postgresql://u@${RELEASEGUARD_EVENTS_EXTRA}.elsewhere.example/log"',
    "scheme": 'url = "${RELEASEGUARD_EVENTS_TOKEN}://127.0.0.1/log"',
    "path": 'url = "postgresql://u@127.0.0.1:9/${RELEASEGUARD_EVENTS_EXTRA}"',
    "port": 'url = "postgresql://u@127.0.0.1:${RELEASEGUARD_EVENTS_EXTRA}/log"',
    "service": 'url = "postgresql://u@127.0.0.1:9/log?service=${RELEASEGUARD_EVENTS_EXTRA}"',
    "no address": 'url = "${RELEASEGUARD_EVENTS_TOKEN}"',
    "file": 'url = "sqlite:///${RELEASEGUARD_EVENTS_EXTRA}/log.db"',
    "another variable": 'url = "https://${VERCEL_TOKEN}.elsewhere.example"',
    "a log here": 'url = "sqlite:///releaseguard.db"',
}
FILE = """
[project]
name = "lovendo"
[network]
timeout = "1s"
patience = "0s"
[infisical]
url = "http://127.0.0.1:9"
project_id = "p"
[github]
url = "http://127.0.0.1:9"
[vercel]
url = "http://127.0.0.1:9"
[supabase]
url = "http://127.0.0.1:9"
[app]
url = "http://127.0.0.1:9"
[providers.sendgrid]
destinations = ["github:lovendo/app", "vercel:prj_1/production", "supabase:abcdefghijklmnopqrst"]
"""


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name has an address."""
    look_up = socket.getaddrinfo

    def here(host: Any, *more: Any, **named: Any) -> Any:
        if host in ("127.0.0.1", "localhost"):
            return look_up(host, *more, **named)
        raise socket.gaierror(f"{host} is not known")

    monkeypatch.setattr(socket, "getaddrinfo", here)


ENDLESS = {("events", "tail")}
"""Whoever waits there is interrupted."""


def interrupt(_: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("configured", CONFIGURED)
def test_no_command_shows_a_credential(tmp_path: Path, configured: str) -> None:
    (tmp_path / "releaseguard.toml").write_text(f"{FILE}\n[events]\n{CONFIGURED[configured]}\n")
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
    cli = Commands(tmp_path, {**CREDENTIALS, **ADDRESSES})
    impatient = replace(cli, clocks=Clocks(sleep=interrupt))
    shown: dict[str, set[str]] = {}
    for words in COMMANDS if configured in EVERY else TELLING:
        done = (impatient if words in ENDLESS else cli).run(*words, "-v")
        assert "Missing" not in done.err, f"{words}: {done.err}"
        assert done.code in range(6) or done.code == 130, f"{words}: {done.everything}"
        if found := SHOWN_TO_NOBODY.found_in(done.everything):
            shown[" ".join(words)] = {*found, done.everything}
    assert shown == {}


def test_every_command_is_known() -> None:
    assert len(COMMANDS) > 15
    assert ("events", "tail") in COMMANDS
