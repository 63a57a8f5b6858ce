"""``releaseguard audit`` from outside: after real rotations, and after somebody changed their rows."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from releaseguard.cli.shared import streams
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.report.layout.text import COPIED
from releaseguard.sandbox.world import World
from tests.support.commands import Commands, Done

QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "20s"\n[network]\ntimeout = "2s"\npatience = "4s"\n'
REASON = "in a <b>gist</b> | see #7"


@dataclass(frozen=True)
class Rotated:
    """A log with a leak that was rotated, and a rotation that nobody's traffic proves."""

    folder: Path
    environ: dict[str, str]
    leak: dict[str, Any]
    other: dict[str, Any]


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotated]:
    folder = tmp_path_factory.mktemp("rotated")
    with World() as world, SqliteEventLog(folder / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(folder, extra=QUICK)
        cli = Commands(folder, world.environ())
        world.new_key("SENDGRID_API_KEY")
        with world.traffic(0.05):
            leak = cli.run("rotate", "sendgrid", "--leak", "--reason", REASON, "--yes", "--json")
        world.new_key("MAPBOX_ACCESS_TOKEN")
        other = cli.run("rotate", "mapbox", "--yes", "--json", "--prove-within", "1s")
        assert (leak.json["state"], other.json["state"]) == ("PROVEN", "UNPROVEN"), leak.everything + other.everything
        yield Rotated(folder, dict(world.environ()), leak.json, other.json)


@pytest.fixture
def cli(rotated: Rotated, tmp_path: Path) -> Commands:
    """The command line over a copy of the log: what a test does to it, it does to itself."""
    with (
        closing(sqlite3.connect(rotated.folder / "releaseguard.db")) as source,
        closing(sqlite3.connect(tmp_path / "releaseguard.db")) as target,
    ):
        source.backup(target)
    (tmp_path / "releaseguard.toml").write_text((rotated.folder / "releaseguard.toml").read_text())
    return Commands(tmp_path, rotated.environ)


@pytest.mark.parametrize("arguments", [("audit", "show"), ("audit", "verify"), ("drift", "--provider", "sendgrid")])
def test_no_line_is_wider_than_the_terminal(
    cli: Commands, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(streams, "PIPE_WIDTH", 40)
    done = cli.run(*arguments, COLUMNS="40")
    assert "sendgrid" in done.out.lower(), done.everything
    said = [line for line in done.out.splitlines() if not line.lstrip().startswith(COPIED)]
    assert [line for line in said if len(line) > 40 and len(line.split()) > 1] == []


@pytest.fixture
def tamper(tmp_path: Path) -> Callable[[str], None]:
    def execute(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "releaseguard.db", isolation_level=None)) as connection:
            assert connection.execute(sql).rowcount > 0, "the attack did nothing"

    return execute


def mail(step: int) -> str:
    return f"WHERE json_extract(detail, '$.lane') = 'sendgrid@production' AND json_extract(detail, '$.step') = {step}"


def test_show_says_who_what_when_why_with_which_proof_and_open_leaks_first(cli: Commands, rotated: Rotated) -> None:
    out = cli.run("audit", "show").out
    lines = out.splitlines()
    assert lines[0].startswith("OPEN LEAK  sendgrid in production: SENDGRID_API_KEY, since 20")
    assert REASON in lines[1]
    assert "--environment production --secret SENDGRID_API_KEY --confirm-revoked" in lines[2]
    (row,) = [line for line in lines if line.endswith(rotated.leak["rotation_id"])]
    for part in ("sendgrid", "PROVEN", "SENDGRID_API_KEY 1>2", "tester@", "A, ", REASON):
        assert part in row


def test_show_as_json_has_the_documented_fields(cli: Commands, rotated: Rotated) -> None:
    shown = cli.run("audit", "show", "--json").json
    (leak,) = shown["open_leaks"]
    assert leak["rotation_id"] == rotated.leak["rotation_id"]
    assert leak["versions"] == {"SENDGRID_API_KEY": 1}
    assert leak["contained_at"] > leak["since"]
    assert [row["rotation_id"] for row in shown["rotations"]] == [
        rotated.other["rotation_id"], rotated.leak["rotation_id"],
    ]  # fmt: skip
    assert {chain["lane"]: chain["head"] for chain in shown["chains"]} == {
        "mapbox@production": rotated.other["head"], "sendgrid@production": rotated.leak["head"],
    }  # fmt: skip


def test_show_of_one_provider_and_of_one_environment(cli: Commands) -> None:
    def providers(*words: str) -> list[str]:
        return [row["provider"] for row in cli.run("audit", "show", "--json", *words).json["rotations"]]

    assert providers("sendgrid") == ["sendgrid"]
    config = cli.folder / "releaseguard.toml"
    config.write_text(f'{config.read_text()}\n[environments.staging]\ninfisical.environment = "staging"\n')
    assert providers("--environment", "staging") == []
    assert providers("twilio") == []
    done = cli.run("audit", "show", "sendgird")
    assert done.code == 2
    assert "sendgrid" in done.err


def test_untouched_chains_are_intact_against_the_heads_that_the_runs_printed(cli: Commands, rotated: Rotated) -> None:
    done = cli.run("audit", "verify", "--head", rotated.leak["head"], "--head", rotated.other["head"], "--json")
    assert done.code == 0
    assert done.json["intact"] is True
    assert [chain["findings"] for chain in done.json["chains"]] == [[], []]


@pytest.mark.parametrize(
    "attack",
    [
        f"UPDATE integration_events SET outcome = 'error' {mail(3)}",
        f"UPDATE integration_events SET detail = json_set(detail, '$.holder', 'mallory@laptop') {mail(4)}",
        f"UPDATE integration_events SET occurred_at = '2020-01-01T00:00:00.000000Z' {mail(2)}",
        f"DELETE FROM integration_events {mail(5)}",
        f"UPDATE integration_events SET id = '01890000-0000-7000-8000-000000000000' {mail(1)}",
    ],
)
def test_a_changed_chain_is_exit_1_and_names_lane_and_step(
    cli: Commands, tamper: Callable[[str], None], attack: str
) -> None:
    tamper(attack)
    done = cli.run("audit", "verify")
    assert done.code == 1
    assert re.search(r"CHANGED  sendgrid@production", done.out)
    assert re.search(r"^  step \d+ ", done.out, re.MULTILINE)
    assert "intact   mapbox@production" in done.out


def test_a_cut_tail_and_a_missing_chain_are_found_against_their_heads(
    cli: Commands, rotated: Rotated, tamper: Callable[[str], None]
) -> None:
    length = int(rotated.leak["head"].partition("#")[2].partition(":")[0])
    tamper(f"DELETE FROM integration_events {mail(length)}")
    tamper("DELETE FROM integration_events WHERE json_extract(detail, '$.lane') = 'mapbox@production'")
    assert cli.run("audit", "verify").code == 0
    done = cli.run("audit", "verify", "--head", rotated.leak["head"], "--head", rotated.other["head"], "--json")
    assert done.code == 1
    problems = {chain["lane"]: chain["findings"][0]["problem"] for chain in done.json["chains"]}
    assert "the tail is missing" in problems["sendgrid@production"]
    assert "the whole chain is missing" in problems["mapbox@production"]


def test_what_is_no_head_is_a_usage_error(cli: Commands) -> None:
    done = cli.run("audit", "verify", "--head", "sendgrid@production#12")
    assert done.code == 2
    assert "is not the head of a chain" in done.err


def test_an_empty_log_is_intact(cli: Commands, tamper: Callable[[str], None]) -> None:
    tamper("DELETE FROM integration_events WHERE provider = 'releaseguard'")
    done = cli.run("audit", "verify")
    assert (done.code, done.out) == (0, "No chain is in the log.\n")
    assert cli.run("audit", "show").out == "No rotation is in the log.\n"
    assert cli.run("audit", "report").code == 2


def test_report_tells_the_leak_by_default(cli: Commands, rotated: Rotated) -> None:
    text = cli.run("audit", "report").out
    assert text.startswith("# Leak of SENDGRID_API_KEY\n")
    for part in (
        "Time to contain",
        "## Timeline",
        "Leak reported",
        "Written to github:",
        "Proven by grade A",
        "## Exposure",
    ):
        assert part in text
    assert rotated.leak["head"] in text
    assert "<b>" not in text


def test_report_of_one_rotation_by_the_beginning_of_its_id(cli: Commands, rotated: Rotated) -> None:
    done = cli.run("audit", "report", "--rotation", rotated.other["rotation_id"][:-2], "--json")
    assert done.json["title"] == "Rotation of MAPBOX_ACCESS_TOKEN"
    assert done.json["rotation"]["state"] == "UNPROVEN"
    assert done.json["times"]["to_contain_s"] is None
    assert any("--resume" in step for step in done.json["open"])


def test_report_of_an_unknown_or_unclear_rotation(cli: Commands) -> None:
    assert cli.run("audit", "report", "--rotation", "zzz").code == 2
    done = cli.run("audit", "report", "--rotation", "0")
    assert done.code == 2
    assert "several" in done.err


def test_report_as_a_page_is_one_file_that_asks_nobody(cli: Commands, tmp_path: Path) -> None:
    done = cli.run("audit", "report", "--format", "html", "-o", "post-mortem.html", "--json")
    assert done.code == 0
    page = (tmp_path / "post-mortem.html").read_text()
    assert "in a &lt;b&gt;gist&lt;/b&gt;" in page
    assert "<b>gist" not in page
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_a_report_on_changed_rows_says_so(cli: Commands, tamper: Callable[[str], None]) -> None:
    tamper(f"UPDATE integration_events SET detail = json_set(detail, '$.note', 'x') {mail(3)}")
    assert "The audit chain is not intact" in cli.run("audit", "report").out
    assert "The audit chain is not intact" in cli.run("audit", "report", "--format", "html").out


def test_report_to_a_file_that_cannot_be_written(cli: Commands) -> None:
    done = cli.run("audit", "report", "-o", "no/such/folder.md")
    assert done.code == 2
    assert "cannot write" in done.err


@pytest.mark.parametrize("name", ["show", "verify", "report"])
def test_help_has_an_example(cli: Commands, name: str) -> None:
    done = cli.run("audit", name, "--help")
    assert done.code == 0
    assert f"releaseguard audit {name}" in done.out
    assert "--json" in done.out


def test_json_is_one_document_also_where_it_fails(cli: Commands) -> None:
    done = cli.run("audit", "report", "--rotation", "zzz", "--json")
    assert json.loads(done.out)["error"]["exit_code"] == 2


FORGED = """INSERT INTO integration_events (id, occurred_at, recorded_at, provider, event, outcome, environment, detail)
SELECT '{id}', occurred_at, recorded_at, 'releaseguard', '{event}', 'success', 'production',
       json_patch(detail, '{more}') FROM integration_events {where}"""


def test_foreign_rows_are_shown_by_everything_and_change_nothing(
    cli: Commands, rotated: Rotated, tamper: Callable[[str], None]
) -> None:
    before = cli.run("audit", "show", "--json").json
    head = cli.run("audit", "verify", "--json").json["chains"][1]["head"]
    step = int(head.partition("#")[2].partition(":")[0]) + 1
    more = json.dumps({"step": step, "secrets": 5, "leak": "x", "direction": "sideways", "markers": [1]})
    kinds = ("rotation_planned", "rotation_retired", "rotation_lease_taken", "destination_push_started", "x\x1b[31m")
    for number, event in enumerate(kinds):
        tamper(FORGED.format(id=f"01890000-0000-7000-8000-00000000000{number}", event=event, more=more, where=mail(1)))
    shown = cli.run("audit", "show", "--json").json
    assert {key: shown[key] for key in ("open_leaks", "rotations", "chains", "broken")} == {
        key: before[key] for key in ("open_leaks", "rotations", "chains", "broken")
    }
    assert [row["problem"] for row in shown["foreign"]] == [f"has an id that is not that of step {step}"] * len(kinds)
    assert "FOREIGN  rotation_retired of sendgrid@production" in (text := cli.run("audit", "show").out)
    assert "\x1b" not in text
    health = cli.run("health", "--json").json
    assert len(health["foreign"]) == len(kinds)
    assert "OPEN LEAK" in (text := cli.run("health").out)
    assert "FOREIGN   rotation_retired of sendgrid@production" in text
    assert "FOREIGN" in cli.run("health", "--format", "html").out
    verified = cli.run("audit", "verify", "--json", "--head", head)
    assert (verified.code, len(verified.json["foreign"])) == (1, len(kinds))
    assert verified.json["chains"][1]["head"] == head


def _disowned(cli: Commands) -> Done:
    return cli.run("audit", "disown", "sendgrid@production", "--reason", "looked", "--yes", "--json")


def test_a_broken_history_is_shown_refuses_rotations_and_is_left_by_a_decision(
    cli: Commands, rotated: Rotated, tamper: Callable[[str], None]
) -> None:
    tamper(f"UPDATE integration_events SET outcome = 'error' {mail(3)}")
    shown = cli.run("audit", "show")
    assert "BROKEN  sendgrid@production: step 3 is missing or was edited" in shown.out
    assert "OPEN LEAK" in shown.out
    assert "BROKEN    the history of sendgrid@production" in cli.run("health").out
    refused = cli.run("rotate", "sendgrid", "--confirm-revoked")
    assert (refused.code, "releaseguard audit disown" in refused.everything) == (4, True), refused.everything
    assert cli.run("audit", "disown", "sendgrid@production", "--reason", "x").code == 4, "nobody confirms"
    decided = _disowned(cli)
    while "is held by" in decided.everything:  # the broken history ends with a lease, which lasts for a second
        decided = _disowned(cli)
    assert decided.code == 0, decided.everything
    assert len(decided.json["disowned"]) > 3
    assert cli.run("audit", "show", "--json").json["broken"] == []
    assert cli.run("rotate", "sendgrid", "--confirm-revoked").code != 70
    assert cli.run("audit", "disown", "sendgrid", "--reason", "x").code == 2


KEY = {"RELEASEGUARD_SIGNING_KEY": "3f9a1c0b7d2e4856" * 4}
UNSIGNED = """INSERT INTO integration_events (id, occurred_at, recorded_at, provider, event, outcome, environment,
release, detail) VALUES ('01890000-0000-7000-8000-000000000009', '2026-01-01T00:00:00.000000Z',
'2999-01-01T00:00:00.000000Z',
'releaseguard', '{event}', 'success', 'production', 'r9', '{{"release": "r9"}}')"""


def test_with_a_key_no_unsigned_mark_counts_and_without_it_no_row_of_ours_is_written(
    cli: Commands, tamper: Callable[[str], None]
) -> None:
    signed = Commands(cli.folder, {**cli.environ, **KEY})
    assert signed.run("events", "deployed", "--release", "r1").code == 0
    tamper(UNSIGNED.format(event="release_deployed"))
    shown = signed.run("audit", "show", "--json").json["foreign"]
    assert [(row["event"], row["lane"]) for row in shown] == [("release_deployed", None)]
    assert "is not signed" in shown[0]["problem"]
    listed = signed.run("events", "list", "--json", "--event", "release_deployed").json["events"]
    assert {row["release"] for row in listed} == {"r1", "r9"}, "whoever looks at rows sees all of them"
    assert '"release": "r1"' in signed.run("verify", "--json", "--no-flows").out
    for command in (["events", "deployed", "--release", "r2"], ["rotate", "sendgrid", "--confirm-revoked"]):
        refused = cli.run(*command)
        assert (refused.code, "RELEASEGUARD_SIGNING_KEY" in refused.everything) == (4, True), refused.everything
    assert "nobody checks that" in cli.run("audit", "show").err
    done = signed.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use", "--json")
    assert done.json["state"] == "RETIRED", done.everything


def test_a_short_key_is_refused_and_the_doctor_says_what_it_is_for(cli: Commands) -> None:
    short = cli.run("audit", "show", RELEASEGUARD_SIGNING_KEY="hunter2")
    assert (short.code, "hunter2" in short.everything) == (2, False)
    assert "openssl rand" in short.everything
    assert "can append to a rotation's history" in cli.run("doctor").everything


def test_an_app_cannot_be_made_to_write_rows_of_ours(cli: Commands) -> None:
    for provider, event in (("releaseguard", "rotation_retired"), ("sendgrid", "rotation_retired")):
        refused = cli.run("events", "log", provider, event, "success")
        assert refused.code == 2, refused.everything
