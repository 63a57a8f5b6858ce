"""``events import``: a history goes out of one log and into another, and the verdicts are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import to_text
from releaseguard.sandbox.course import STREAMS
from releaseguard.sandbox.seed import Week
from tests.support.commands import Commands, Done

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
HEADING = "created_at,integration,kind,status,ms,cart\n"
MAPPED = (
    *("--column", "occurred_at=created_at", "--column", "provider=integration", "--column", "event=kind"),
    *("--column", "outcome=status", "--column", "latency_ms=ms", "--value", "outcome:failure=error"),
    *("--timezone", "Europe/Istanbul"),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with two days behind it and a release an hour ago."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "releaseguard.toml").write_text('[project]\nname = "lovendo"\n')
    with SqliteEventLog(folder / "releaseguard.db") as log:
        log.migrate()
    busy = tuple(stream for stream in STREAMS if stream.provider in {"sendgrid", "twilio"})
    Week(folder / "releaseguard.db", seed=5, streams=busy).write(
        NOW, "good", since=NOW - timedelta(hours=12), earlier=1
    )
    return folder


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    (tmp_path / "releaseguard.toml").write_text('[project]\nname = "lovendo"\n')
    return Commands(tmp_path, {})


@pytest.fixture
def imported(cli: Commands) -> Callable[..., Done]:
    """Imports a text under a name."""

    def run(text: str | bytes, *flags: str, name: str = "events.csv") -> Done:
        data = text.encode() if isinstance(text, str) else text
        (cli.folder / name).write_bytes(data)
        return cli.run("events", "import", name, *flags)

    return run


def test_what_was_exported_and_imported_is_judged_as_the_original_is(cli: Commands, original: Path) -> None:
    source = Commands(original, {})
    source.run("events", "export", "-o", str(cli.folder / "events.jsonl"))
    counted = cli.run("events", "import", "events.jsonl", "--json").json
    with SqliteEventLog(original / "releaseguard.db") as log:
        marks = list(log.select(Query(events=("release_deployed",))))
    for mark in marks:
        cli.run("events", "deployed", "--release", str(mark.release), "--at", to_text(mark.occurred_at))
    assert (counted["own_rows"], counted["broken"]["rows"], counted["unknown_events"]) == (len(marks), 0, [])
    assert counted["new"] == counted["rows"] > 1000
    there, here = (one.run("verify", "--release", "good", "--no-flows", "--json").json for one in (source, cli))
    assert here["checks"]
    assert {**here, "as_of": None} == {**there, "as_of": None}
    incident = ("incident", "sendgrid", "--as-of", to_text(NOW - timedelta(minutes=1)), "--json")
    assert cli.run(*incident).json["health"] == source.run(*incident).json["health"]


def test_twice_is_once(cli: Commands, original: Path) -> None:
    Commands(original, {}).run("events", "export", "-o", str(cli.folder / "events.jsonl"), "--provider", "twilio")
    first, again = (cli.run("events", "import", "events.jsonl", "--json").json for _ in range(2))
    assert (first["new"], again["new"], again["rows"]) == (first["rows"], 0, first["rows"])
    assert first["batch"] != again["batch"]
    with SqliteEventLog(cli.folder / "releaseguard.db") as log:
        assert {row.detail["import"] for row in log.select(Query())} == {first["batch"]}


def test_a_table_of_ones_own_comes_in_by_a_mapping(imported: Callable[..., Done], cli: Commands) -> None:
    rows = (
        "2026-11-20 13:00:00,sendgrid,sendgrid_email_sent,success,80,7\n2026-11-20 13:00:01,sendgrid,mail,failure,,8\n"
    )
    done = imported(HEADING + rows, *MAPPED)
    assert done.code == 0, done.everything
    assert "2 rows of events.csv imported, from 2026-11-20 10:00Z to 2026-11-20 10:00Z" in done.out
    assert "no card knows: sendgrid mail (1)" in done.out
    assert "columns that go nowhere (--column detail.KEY=NAME keeps one): cart" in done.out
    (one, two) = cli.run("events", "list", "--json").json["events"]
    assert (one["outcome"], two["latency_ms"]) == ("error", 80)
    assert one["recorded_at"] == one["occurred_at"] == "2026-11-20T10:00:01.000000Z"


def test_the_columns_of_the_configuration_hold_for_the_file_too(cli: Commands, imported: Callable[..., Done]) -> None:
    (cli.folder / "releaseguard.toml").write_text(
        '[events]\nresults_table = "ours"\n[events.columns]\nprovider = "integration"\nevent = "kind"\n'
        'recorded_at = false\nid = "id"\n'
    )
    done = imported(
        "occurred_at,integration,kind,outcome\n2026-11-20T10:00:00Z,sendgrid,sendgrid_error,error\n", "--dry-run"
    )
    assert (done.code, "1 row of events.csv would be imported" in done.out) == (0, True), done.everything


def test_a_dry_run_writes_nothing_and_makes_nothing(cli: Commands, imported: Callable[..., Done]) -> None:
    done = imported(HEADING + "2026-11-20 13:00:00,sendgrid,mail,success,,\n", *MAPPED, "--dry-run", "--json")
    assert (done.json["rows"], done.json["new"], done.json["dry_run"]) == (1, None, True)
    assert not (cli.folder / "releaseguard.db").exists()


def test_standard_input_is_read_by_its_beginning(cli: Commands) -> None:
    line = '{"occurred_at": "2026-11-20T10:00:00Z", "provider": "sendgrid", "event": "e", "outcome": "success"}\n'
    assert cli.run("events", "import", "-", "--json", stdin=line).json["new"] == 1
    rows = "occurred_at;provider;event;outcome\n2026-11-20T10:00:00Z;sendgrid;f;success\n"
    assert cli.run("events", "import", "-", "--json", stdin=rows).json["new"] == 1


def test_broken_rows_are_named_and_the_rest_goes_on(imported: Callable[..., Done]) -> None:
    rows = [
        "2026-11-20 13:00:00,sendgrid,mail,success,1,",
        "soon,sendgrid,mail,success,1,",
        "2026-11-20 13:00:00,sendgrid",
    ]
    done = imported(HEADING + "\n".join(rows), *MAPPED)
    assert done.code == 0
    assert "broken: line 3, column created_at: no time in a form that is taken (write 2026-11-24T10:15:00Z" in done.out
    assert "broken: line 4: 2 fields, where the heading has 6" in done.out
    strict = imported(HEADING + "\n".join(rows), *MAPPED, "--strict")
    assert (strict.code, "where: events.csv: line 3, column created_at" in strict.err) == (2, True), strict.everything


def test_no_value_of_a_broken_row_is_shown(imported: Callable[..., Done]) -> None:
    done = imported(
        HEADING + "secret-value,sendgrid,mail,success,1,\n2026-11-20 13:00:00,sendgrid,mail,success,1,", *MAPPED
    )
    assert "secret-value" not in done.everything


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--column", "when=created_at"), "not a column of the event log"),
        (("--column", "occurred_at"), "COLUMN=THEIRS"),
        (("--column", "occurred_at=created"), "created_at"),
        (("--value", "failure=error"), "names no column"),
        (("--timezone", "Istanbul"), "Europe/Istanbul"),
        (("--format", "xml"), "xml"),
        ((), "--column"),
    ],
)
def test_flags_that_do_not_fit_the_file_say_what_would(
    imported: Callable[..., Done], flags: tuple[str, ...], words: str
) -> None:
    done = imported(HEADING + "2026-11-20T10:00:00Z,sendgrid,mail,success,1,\n", *flags)
    assert (done.code, words in done.err) == (2, True), done.everything


def test_what_is_no_file_is_said_with_the_next_step(cli: Commands) -> None:
    for name in ("nothing.csv", "."):
        done = cli.run("events", "import", name)
        assert (done.code, "next:" in done.err) == (2, True)


def test_an_empty_file_is_no_mistake(imported: Callable[..., Done]) -> None:
    assert imported("").code == 0
    assert imported(HEADING, *MAPPED).code == 0


def test_a_history_of_rotations_cannot_be_imported(imported: Callable[..., Done], cli: Commands) -> None:
    ours = {"provider": "releaseguard", "event": "rotation_planned", "outcome": "success"}
    row = json.dumps({"occurred_at": "2026-11-20T10:00:00Z", **ours})
    done = imported(row, name="forged.jsonl")
    assert "1 row of releaseguard's own" in done.out
    assert cli.run("events", "list", "--json").json["events"] == []


def test_over_rest_the_way_out_is_said(tmp_path: Path, imported: Callable[..., Done], cli: Commands) -> None:
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "http://127.0.0.1:1"\n')
    line = '{"occurred_at": "2026-11-20T10:00:00Z", "provider": "sendgrid", "event": "e", "outcome": "success"}\n'
    (tmp_path / "events.jsonl").write_text(line)
    done = cli.run("events", "import", "events.jsonl", SUPABASE_SERVICE_ROLE_KEY="sb_secret_" + "x" * 30)
    assert (done.code, "--config owner.toml" in done.err) == (2, True), done.everything


def test_the_printed_example_runs(cli: Commands) -> None:
    told = cli.run("events", "import", "--help").out
    example = told.partition("Example: releaseguard ")[2].split()
    assert example[:3] == ["events", "import", "mails.csv"]
    rows = "created_at,event,outcome\n2026-11-20T10:00:00Z,sendgrid_email_sent,success\n"
    (cli.folder / "mails.csv").write_text(rows)
    assert cli.run(*example).code == 0


def test_what_is_wrong_with_a_row_is_said_in_turkish(imported: Callable[..., Done]) -> None:
    rows = [
        {"occurred_at": "29.11.2026 10:00"},
        {"release": ["4f2c91a"]},
        {"occurred_at": "2026-11-20T10:00:00"},
        {},
    ]
    well = {"occurred_at": "2026-11-20T10:00:00Z", "provider": "sendgrid", "event": "e", "outcome": "success"}
    text = "\n".join(json.dumps(well | one) for one in rows)
    done = imported(text, "--dry-run", "--lang", "tr", name="events.jsonl")
    assert "kabul edilen biçimde bir zaman değil (2026-11-24T10:15:00Z gibi yazın; 1970'ten beri" in done.out
    assert "satır 2, kolon release: metin değil, liste ya da nesne" in done.out
    assert "saat dilimi olan bir zaman değil (bkz. --timezone)" in done.out
    packed = imported(b"\x1f\x8b\x08\x00rest", "--dry-run", "--lang", "tr", name="events.csv.gz")
    assert "sıkıştırılmış" in packed.err
    assert "Aynı seçeneklerle, okurken açın: gunzip -c FILE | releaseguard events import -" in packed.err
