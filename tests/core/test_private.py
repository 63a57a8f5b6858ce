"""What this program makes is its owner's alone, whatever the umask; what is there already keeps its mode."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.cli.shared.output import write_output
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id, utc_now
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.private import make_file, make_folder, open_to_all, write_file
from tests.support.commands import Commands

EVENT = Event(
    id=new_id(),
    occurred_at=utc_now(),
    provider="sendgrid",
    event="sendgrid_email_sent",
    outcome=Outcome.SUCCESS,
    environment="production",
)


@pytest.fixture(params=[0o000, 0o022, 0o027], ids=["umask 000", "umask 022", "umask 027"], autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_below(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): mode(path) for path in folder.rglob("*")}


def test_new_files_and_folders_are_their_owners(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    write_file(tmp_path / "a" / "b" / "file", "text")
    make_file(tmp_path / "a" / "empty")
    assert modes_below(tmp_path) == {"a": 0o700, "a/b": 0o700, "a/b/file": 0o600, "a/empty": 0o600}
    assert (tmp_path / "a" / "b" / "file").read_text() == "text"


def test_what_is_there_keeps_its_mode_and_its_content_where_it_is_only_made(tmp_path: Path) -> None:
    shared, file = tmp_path / "shared", tmp_path / "file"
    shared.mkdir()
    shared.chmod(0o2770)
    file.write_text("old")
    file.chmod(0o664)
    make_folder(shared)
    make_file(file)
    assert file.read_text() == "old"
    write_file(file, "new")
    assert (mode(shared), mode(file), file.read_text()) == (0o2770, 0o664, "new")


def test_the_event_log_and_what_sqlite_puts_beside_it(tmp_path: Path) -> None:
    with SqliteEventLog(tmp_path / "events.db") as log:
        log.append([EVENT])
        beside = modes_below(tmp_path)
    assert set(beside) >= {"events.db", "events.db-wal", "events.db-shm"}
    assert set(beside.values()) == {0o600}


def test_a_log_that_an_app_and_its_operators_share_stays_shared(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.touch()
    path.chmod(0o660)
    with SqliteEventLog(path) as log:
        log.append([EVENT])
        assert set(modes_below(tmp_path).values()) == {0o660}
    with SqliteEventLog(path) as log:
        assert [event.id for event in log.select(Query())] == [EVENT.id]


def test_a_log_behind_a_link_that_points_nowhere_yet(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    with SqliteEventLog(tmp_path / "link.db") as log:
        log.append([EVENT])
    assert mode(tmp_path / "real.db") == 0o600


def test_the_spool_and_the_folders_that_it_has_to_make(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "state" / "releaseguard" / "spool", 10_000)
    assert spool.add([EVENT]) == 1
    spool.close()
    found = modes_below(tmp_path)
    assert {found.pop(name) for name in list(found) if name.endswith(".jsonl")} == {0o600}
    assert set(found.values()) == {0o700}


def test_reports(tmp_path: Path) -> None:
    write_output(tmp_path / "report.html", "<p>")
    assert mode(tmp_path / "report.html") == 0o600
    write_output(Path(os.devnull), "<p>")


def test_exports_and_reports_of_commands(tmp_path: Path) -> None:
    (tmp_path / "releaseguard.toml").write_text('[project]\nname = "x"\n')
    cli = Commands(tmp_path, {})
    cli.run("events", "log", "sendgrid", "sendgrid_email_sent", "success")
    for arguments in (("events", "export", "-o", "a"), ("health", "--format", "html", "-o", "b")):
        assert "Traceback" not in cli.run(*arguments).everything
    assert {mode(tmp_path / name) for name in ("a", "b", "releaseguard.db")} == {0o600}


@pytest.mark.parametrize(("bits", "seen"), [(0o644, 0o644), (0o602, 0o602), (0o660, None), (0o600, None)])
def test_what_everybody_can_read_or_change(tmp_path: Path, bits: int, seen: int | None) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(bits)
    assert open_to_all(tmp_path / "file") == seen
    assert open_to_all(tmp_path / "none") is None


def test_the_doctor_says_what_everybody_can_read_and_the_command_that_ends_it(tmp_path: Path) -> None:
    (tmp_path / "releaseguard.toml").write_text('[project]\nname = "x"\n')
    cli = Commands(tmp_path, {})
    cli.run("events", "log", "sendgrid", "sendgrid_email_sent", "success")
    assert "everybody on this machine" not in cli.run("doctor").everything
    (tmp_path / "releaseguard.db").chmod(0o644)
    (tmp_path / "postmortems").mkdir()
    (tmp_path / "postmortems").chmod(0o755)
    rows = [row for row in cli.run("doctor", "--json").json["checks"] if row["id"].startswith("configuration.files")]
    assert [(row["what"], row["fix"]) for row in rows] == [
        (f"everybody on this machine can read or change {name} ({bits})", f"Run: chmod o-rwx {tmp_path / name}")
        for name, bits in (("releaseguard.db", "0644"), ("postmortems", "0755"))
    ]
