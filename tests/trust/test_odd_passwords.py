"""Characters that mean something in an address, in its user, password and path: on the command line and in the writer.

Either the address works as it is, or what is said names the setting and how to write it, and never the value.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

import pytest

from releaseguard_events.note import note_of
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.writer import Writer
from releaseguard_events.preparing import prepare
from releaseguard_events.process import Process
from tests.support.commands import Commands

ODD = (
    *("[", "]", "[::1]", "%", "%zz", "%25", "#", "?", "@", "/", ":", " ", "\\", "+", "é", "\u2100", "\uff20", "@["),
    *("/@?#[%", "a@b/c:d", "\udcff", "'", '"', "${HOME}"),
)
NOBODY = "127.0.0.1:1"
"""Where nothing listens."""


def address(scheme: str, odd: str) -> str:
    return f"{scheme}://Hunter{odd}:Hunter{odd}Hunter@{NOBODY}/log"


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    return Commands(tmp_path, {"SUPABASE_SERVICE_ROLE_KEY": "k"})


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("scheme", ["postgresql", "https"])
def test_a_command_takes_an_odd_password_for_no_bug_and_does_not_repeat_it(
    cli: Commands, scheme: str, odd: str
) -> None:
    done = cli.run("health", RELEASEGUARD_EVENTS_URL=address(scheme, odd))
    assert done.code in (2, 4, 5), done.everything
    assert "Hunter" not in done.everything
    if done.code != 5:
        assert "[events] url" in done.err
        assert "%XX" in done.err or "https://host" in done.err


@pytest.mark.parametrize("odd", ["[", "%", "@/"])
@pytest.mark.parametrize("scheme", ["postgresql", "https"])
def test_the_doctor_finds_it(cli: Commands, scheme: str, odd: str) -> None:
    done = cli.run("doctor", RELEASEGUARD_EVENTS_URL=address(scheme, odd))
    assert done.code == 1, done.everything
    assert "Hunter" not in done.everything


def written(tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Write one event, as an app with these variables does."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RELEASEGUARD_")]:
        monkeypatch.delenv(name)
    environ = {"RELEASEGUARD_SPOOL_DIR": str(tmp_path / "spool"), "SUPABASE_SERVICE_ROLE_KEY": "k"} | environ
    drops = Drops()
    process = Process(partial(prepare, environ))
    writer = Writer(lambda: prepare(environ, drops, process), drops)
    writer.put(note_of("p", "e", "success"))
    delivered = writer.flush(30)
    writer.finish()
    assert not drops.unreported
    return delivered


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("scheme", ["postgresql", "https"])
def test_the_writer_keeps_its_events_until_the_address_is_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, scheme: str, odd: str
) -> None:
    with caplog.at_level(logging.WARNING, logger="releaseguard"):
        assert not written(tmp_path, {"RELEASEGUARD_EVENTS_URL": address(scheme, odd)}, monkeypatch)
    assert "Hunter" not in caplog.text
    assert "kept in" in caplog.text
    assert [len(path.read_text().splitlines()) for path in (tmp_path / "spool").rglob("*.jsonl")] == [1]


@pytest.mark.parametrize("name", ["[1]", "a#b", "a?b", "a%20b", "a b", "a@b", "é", "'\"", "\u2100"])
def test_a_file_may_have_any_name(cli: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    url = f"sqlite:///{tmp_path}/{name}.db"
    assert written(tmp_path, {"RELEASEGUARD_EVENTS_URL": url}, monkeypatch)
    assert (tmp_path / f"{name}.db").is_file()
    done = cli.run("events", "list", RELEASEGUARD_EVENTS_URL=url)
    assert done.code == 0, done.err
    assert " e " in done.out


@pytest.mark.parametrize("odd", ["[", "@", "/", "#", "\u2100"])
def test_a_password_in_the_file_is_found_whatever_is_in_it(cli: Commands, tmp_path: Path, odd: str) -> None:
    (tmp_path / "releaseguard.toml").write_text(f'[events]\nurl = "postgresql://u:Hunter{odd}Hunter@h/db"\n')
    done = cli.run("health")
    assert done.code == 2
    assert "there is a credential in the configuration file" in done.err
    assert "Hunter" not in done.everything
