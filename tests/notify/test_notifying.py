"""Others are told once, whoever runs the command, and a receiver changes nothing for whoever tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id
from releaseguard.sandbox.world import World
from tests.support.commands import Commands
from tests.support.receiver import PATH, Receiver, receiving

VARIABLE = "RELEASEGUARD_NOTIFY_URL"
SECRET = PATH.rpartition("/")[2]
JUDGE = ("verify", "--no-flows", "--release", "r1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def cli(tmp_path: Path, receiver: Receiver) -> Commands:
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
    return Commands(tmp_path, {VARIABLE: receiver.url})


def event(at: datetime, code: str | None = None, release: str = "r0") -> Event:
    failed = code is not None
    return Event(
        id=new_id(),
        occurred_at=at,
        recorded_at=at,
        provider="sendgrid",
        event="sendgrid_error" if failed else "sendgrid_email_sent",
        outcome=Outcome.ERROR if failed else Outcome.SUCCESS,
        error_code=code,
        environment="production",
        release=release,
        source="web",
    )


def write(cli: Commands, *events: Event) -> None:
    with SqliteEventLog(cli.folder / "releaseguard.db") as log:
        log.restore(events)


def past(cli: Commands) -> datetime:
    """A day of a provider that works, until a quarter of an hour ago."""
    now = datetime.now(UTC)
    write(cli, *(event(now - timedelta(minutes=minutes)) for minutes in range(1440, 15, -3)))
    return now


def broken(cli: Commands, code: str = "401", release: str = "r1") -> None:
    """The same, and then a release with which nothing works."""
    now = past(cli)
    write(cli, *(event(now - timedelta(seconds=20 * n), code, release) for n in range(45, 0, -1)))
    assert cli.run("events", "deployed", "--release", release, "--at", "15m").code == 0


def test_a_release_that_fails_is_told_once(cli: Commands, receiver: Receiver) -> None:
    broken(cli)
    for _ in range(3):
        assert cli.run(*JUDGE).code == 1
    assert cli.run(*JUDGE, "--deployed-at", "15m", "--as-of", "1s").code in (0, 1, 3)
    assert receiver.heads == ["FAIL: release r1 in production"]
    assert receiver.paths == [PATH]
    assert set(receiver.got[0]) == {"text"}
    assert "sendgrid.errors" in receiver.texts[0]
    assert "releaseguard verify" in receiver.texts[0]


def test_a_release_that_is_not_decided_is_told_to_nobody(cli: Commands, receiver: Receiver) -> None:
    assert cli.run("events", "deployed", "--release", "r1").code == 0
    assert cli.run(*JUDGE).code == 3
    assert receiver.got == []


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_a_receiver_that_takes_nothing_changes_no_exit_code_and_is_tried_again(
    cli: Commands, receiver: Receiver, status: int
) -> None:
    broken(cli)
    receiver.status = status
    done = cli.run(*JUDGE, "-q")
    assert done.code == 1
    assert "was not delivered" in done.err
    receiver.status = 200
    assert cli.run(*JUDGE).code == 1
    assert cli.run(*JUDGE).code == 1
    assert len(receiver.got) == 1


def test_a_receiver_that_is_not_there_changes_no_exit_code_and_its_address_is_not_shown(cli: Commands) -> None:
    broken(cli)
    gone = "http://127.0.0.1:9/hook/kZ8f?token=Xw7qLr2ZtB&a=b"
    done = cli.run(*JUDGE, "-vv", **{VARIABLE: gone})
    assert done.code == 1
    assert "127.0.0.1:9 did not answer" in done.err
    assert "kZ8f" not in done.everything
    with SqliteEventLog(cli.folder / "releaseguard.db") as log:
        assert "kZ8f" not in str(list(log.select(Query())))


def test_a_provider_that_is_down_is_told_once_and_once_that_it_is_well(cli: Commands, receiver: Receiver) -> None:
    now = past(cli)
    assert cli.run("health").code in (0, 1, 3)
    assert receiver.got == []
    write(cli, *(event(now - timedelta(seconds=20 * n), "timeout") for n in range(45, 9, -1)))
    for _ in range(2):
        assert cli.run("health", "--window", "10m").code == 1
    assert receiver.heads == ["DOWN: SendGrid in production"]
    write(cli, *(event(now - timedelta(seconds=n)) for n in range(170, 0, -1)))
    for _ in range(2):
        assert cli.run("health", "--window", "2m").code in (0, 3)  # a whole minute at least, whatever the second
    assert receiver.heads[1:] == ["SendGrid in production is well again"]


@pytest.mark.parametrize("words", [("status",), ("incident", "sendgrid")], ids=" ".join)
def test_whichever_command_sees_a_provider_down_tells_it_and_no_other_does_so_again(
    cli: Commands, receiver: Receiver, words: tuple[str, ...]
) -> None:
    now = past(cli)
    write(cli, *(event(now - timedelta(seconds=60 * n), "timeout") for n in range(40, 0, -1)))
    for command in (words, ("health",), words):
        assert cli.run(*command).code == 1
    assert receiver.heads == ["DOWN: SendGrid in production"]


def test_a_look_at_the_past_tells_nobody(cli: Commands, receiver: Receiver) -> None:
    now = past(cli)
    write(cli, *(event(now - timedelta(seconds=60 * n), "timeout") for n in range(40, 0, -1)))
    assert cli.run("incident", "sendgrid", "--as-of", f"{now:%Y-%m-%dT%H:%M:%SZ}").code in (0, 1, 3)
    assert receiver.heads == []


def test_only_what_the_configuration_names_is_told(cli: Commands, receiver: Receiver) -> None:
    (cli.folder / "releaseguard.toml").write_text('[notify]\non = ["provider_down"]\nformat = "plain"\n')
    broken(cli)
    assert cli.run(*JUDGE).code == 1
    assert receiver.got == []
    assert cli.run("health").code == 1
    [message] = receiver.got
    assert (message["occasion"], message["provider"]) == ("provider_down", "sendgrid")
    assert message["next_step"] == "releaseguard incident sendgrid"


def test_a_row_cannot_mention_a_channel_nor_carry_a_key_out(cli: Commands, receiver: Receiver) -> None:
    broken(cli, code="<!channel> sk-proj-Zk4vT9wQ2mXr7bLc1nHs bob@example.com \x1b[31m")
    assert cli.run(*JUDGE).code == 1
    [text] = receiver.texts
    assert "<" not in text
    assert "sk-proj" not in text
    assert "bob@" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://api.sendgrid.com/drop", "sendgrid"),
        ("http://hooks.example.com/drop", "https"),
        ("hooks.example.com/drop", VARIABLE),
        ("https://user:word@hooks.example.com/drop", VARIABLE),
    ],
)
def test_an_address_that_safe_mode_does_not_allow_is_refused_before_anything(
    cli: Commands, url: str, said: str
) -> None:
    done = cli.run("health", **{VARIABLE: url})
    assert done.code == 4
    assert said in done.err
    assert "/drop" not in done.everything


def test_an_address_of_white_space_is_none(cli: Commands) -> None:
    assert cli.run("status", **{VARIABLE: " \n"}).code in (0, 3)


def test_the_line_end_that_was_stored_with_an_address_is_no_part_of_it(cli: Commands, receiver: Receiver) -> None:
    broken(cli)
    assert cli.run(*JUDGE, **{VARIABLE: f"{receiver.url}\n"}).code == 1
    assert receiver.paths == [PATH]


def test_a_run_for_a_pull_request_tells_nobody(cli: Commands, receiver: Receiver) -> None:
    broken(cli)
    event_file = cli.folder / "event.json"
    event_file.write_text(json.dumps({"pull_request": {"head": {}}}))
    run = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event_file)}
    assert cli.run(*JUDGE, **run).code == 1
    assert receiver.got == []


def test_an_address_in_the_file_is_refused_with_the_variable_to_use(cli: Commands) -> None:
    (cli.folder / "releaseguard.toml").write_text('[notify]\nurl = "https://hooks.example.com/x"\n')
    done = cli.run("health")
    assert done.code == 2
    assert VARIABLE in done.err


def test_a_message_says_in_which_language_the_project_speaks_and_where_the_run_is(
    cli: Commands, receiver: Receiver
) -> None:
    (cli.folder / "releaseguard.toml").write_text('[project]\nname = "lovendo"\nlanguage = "tr"\n')
    broken(cli)
    run = {"GITHUB_REPOSITORY": "lovendo/app", "GITHUB_RUN_ID": "77"}
    assert cli.run(*JUDGE, **run).code == 1
    [text] = receiver.texts
    assert text.startswith("[lovendo] BAŞARISIZ: production ortamında r1")
    assert text.endswith("https://github.com/lovendo/app/actions/runs/77")


def test_a_leak_is_told_when_it_is_recorded_and_again_when_it_is_closed(tmp_path: Path, receiver: Receiver) -> None:
    quick = '\n[rotation]\nlease = "1s"\nprove_within = "8s"\n[network]\ntimeout = "1s"\npatience = "3s"\n'
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(tmp_path, extra=quick)
        cli = Commands(tmp_path, {**world.environ(), VARIABLE: receiver.url})
        world.new_key("SENDGRID_API_KEY")
        leak = ("rotate", "sendgrid", "--yes", "--leak", "--reason", "in a gist of bob@example.com")
        assert cli.run(*leak, "--dry-run").code == 0
        assert receiver.got == []
        with world.traffic(0.05):
            assert cli.run(*leak).code == 0
        assert receiver.heads == ["LEAK: SENDGRID_API_KEY of sendgrid in production is known to strangers"]
        assert "bob@" not in receiver.texts[0]
        assert cli.run("status").code == 1
        assert len(receiver.got) == 1
        confirmed = cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use")
        assert confirmed.code in (0, 1), confirmed.everything
        assert cli.run("status").code in (0, 1, 3)
        assert receiver.heads[1:] == ["Leak closed: the old SENDGRID_API_KEY of sendgrid in production is revoked"]
