"""A configuration file from a stranger: no command sends a credential where the file alone says, or looks it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard import safemode, wiring
from releaseguard.compose.known import configuration
from releaseguard.errors import ConfigError, SafeModeRefusal
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard_events import configuration as writers
from releaseguard_events.opening import open_store
from tests.support.commands import Commands

ELSEWHERE = "elsewhere.example"
SETTINGS = {
    "infisical": "INFISICAL_TOKEN",
    "github": "RELEASEGUARD_GITHUB_TOKEN",
    "vercel": "VERCEL_TOKEN",
    "supabase": "SUPABASE_ACCESS_TOKEN",
}
COMMANDS = [
    ("rotate", "sendgrid", "--dry-run"),
    ("rotate", "sendgrid", "--leak", "--reason", "in a gist", "--yes"),
    ("rotate", "--all-drifted", "--yes"),
    ("drift",),
    ("leaks",),
    ("verify",),
    ("incident", "sendgrid"),
]


def point(cli: Commands, section: str, url: str) -> None:
    path = cli.folder / "releaseguard.toml"
    text = path.read_text()
    head = f"[{section}]\n"
    text = text.replace(head, f'{head}url = "{url}"\n') if head in text else f'{text}{head}url = "{url}"\n'
    path.write_text(text)


@pytest.mark.parametrize("section", SETTINGS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_service_elsewhere_gets_no_credential_from_any_command(
    cli: Commands, asked: list[str], arguments: tuple[str, ...], section: str
) -> None:
    point(cli, section, f"https://{ELSEWHERE}")
    done = cli.run(*arguments)
    assert done.code == 4, done.everything
    for word in (ELSEWHERE, f"[{section}] url", SETTINGS[section], f"RELEASEGUARD_TRUSTED_HOSTS={ELSEWHERE}"):
        assert word in done.err
    assert "releaseguard.toml:" in done.err
    assert asked == []


@pytest.mark.parametrize("section", SETTINGS)
def test_the_doctor_names_it_as_a_problem_and_asks_nothing_there(cli: Commands, asked: list[str], section: str) -> None:
    point(cli, section, f"https://{ELSEWHERE}")
    done = cli.run("doctor", "--json")
    assert done.code == 1, done.everything
    found = {row["id"]: row for row in done.json["checks"]}
    problem = found[f"hosts.{section}"]
    assert problem["status"] == "fail"
    assert f"RELEASEGUARD_TRUSTED_HOSTS={ELSEWHERE}" in problem["fix"]
    assert found[f"{section}.reach"]["status"] == "skipped"
    assert ELSEWHERE not in asked


def test_a_command_that_has_no_credential_for_it_goes_on(cli: Commands) -> None:
    point(cli, "vercel", f"https://{ELSEWHERE}")
    assert Commands(cli.folder, {}).run("events", "migrate", "--sql").code == 0
    assert Commands(cli.folder, {}).run("health").code in {0, 2, 3}


def wired(folder: Path, **environ: str) -> wiring.Wiring:
    read = configuration.load(folder / "releaseguard.toml", environment=None, environ=environ)
    with safemode.guarding(safemode.Policy()):
        return wiring.open_up(read, environ)


def test_a_host_that_the_environment_trusts_gets_it(cli: Commands) -> None:
    point(cli, "vercel", f"https://{ELSEWHERE}:8443")
    assert wired(cli.folder, VERCEL_TOKEN="t", RELEASEGUARD_TRUSTED_HOSTS=f"{ELSEWHERE}:8443")
    with pytest.raises(SafeModeRefusal):
        wired(cli.folder, VERCEL_TOKEN="t", RELEASEGUARD_TRUSTED_HOSTS=ELSEWHERE + ":443")


def test_trust_does_not_open_the_deny_list(cli: Commands) -> None:
    point(cli, "vercel", "https://api.sendgrid.com")
    done = cli.run("drift", RELEASEGUARD_TRUSTED_HOSTS="api.sendgrid.com")
    assert done.code == 4
    assert "deny-list" in done.err


def test_an_entry_that_is_no_host_stops_every_command(cli: Commands) -> None:
    done = cli.run("health", RELEASEGUARD_TRUSTED_HOSTS="https://vault.example")
    assert done.code == 2
    assert "RELEASEGUARD_TRUSTED_HOSTS" in done.err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@db.elsewhere.example/log",
        "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@127.0.0.1,db.elsewhere.example/log",
        "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@/log?host=db.elsewhere.example",
        "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@127.0.0.1/log?hostaddr=192.0.2.1",
        "postgresql://app@db.elsewhere.example/log",
        "${DATABASE_URL}?host=db.elsewhere.example",
        "https://abcdefghijklmnopqrst.supabase.co",
        "https://${RELEASEGUARD_EVENTS_PASSWORD}.elsewhere.example",
    ],
)
def test_a_log_elsewhere_gets_neither_password_nor_key(cli: Commands, asked: list[str], url: str) -> None:
    point(cli, "events", url)
    given = {
        "RELEASEGUARD_EVENTS_PASSWORD": "canary-pw-5X9q",
        "DATABASE_URL": "postgresql://app:canary-pw-5X9q@db.example/log",
        "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_canary6X9q",
        "PGPASSWORD": "canary-pw-7X9q",
    }
    for arguments in (("events", "list"), ("health",), ("verify",), ("events", "deployed", "--release", "r1")):
        done = cli.run(*arguments, **given)
        assert done.code == 4, done.everything
        assert "RELEASEGUARD_TRUSTED_HOSTS" in done.err
        assert "[events] url" in done.err
    found = {row["id"]: row for row in cli.run("doctor", "--json", **given).json["checks"]}
    assert "fail" in {found["hosts.events"]["status"], found["events.log"]["status"]}
    assert [name for name in asked if "elsewhere" in name or name.endswith("supabase.co")] == []


def test_a_log_whose_address_comes_whole_from_the_environment_is_asked(cli: Commands, asked: list[str]) -> None:
    point(cli, "events", "${RELEASEGUARD_EVENTS_URL}")
    done = cli.run("events", "list", RELEASEGUARD_EVENTS_URL="postgresql://u:p@db.example/log")
    assert done.code == 5, done.everything
    assert set(asked) == {"db.example"}
    point(cli, "app", "https://lovendo.example")
    assert cli.run("events", "list", DATABASE_URL="x", RELEASEGUARD_EVENTS_URL="postgresql://u:p@h.example/l").code == 5


def test_the_test_users_password_goes_to_no_app_that_the_file_alone_names(cli: Commands, asked: list[str]) -> None:
    point(cli, "app", f"https://{ELSEWHERE}")
    with pytest.raises(SafeModeRefusal, match="SYNTHETIC_USER_PASSWORD") as raised:
        wired(cli.folder, INFISICAL_TOKEN="t").flows.context  # noqa: B018 - it is made when it is asked for
    assert f"RELEASEGUARD_TRUSTED_HOSTS={ELSEWHERE}" in str(raised.value.next_step)
    assert asked == []
    given = wired(cli.folder, INFISICAL_TOKEN="t", SUPABASE_URL=f"https://{ELSEWHERE}")
    assert given.flows.context


def test_a_verdict_that_runs_no_flow_does_without_the_app(cli: Commands, asked: list[str]) -> None:
    with SqliteEventLog(cli.folder / "releaseguard.db") as log:
        log.migrate()
    point(cli, "app", f"https://{ELSEWHERE}")
    assert cli.run("events", "deployed", "--release", "r1").code == 0
    assert cli.run("verify", "--no-flows", "--release", "r1", "--provider", "mapbox").code in {0, 3}


@pytest.mark.parametrize(
    "url", ["https://abcdefghijklmnopqrst.supabase.co", "postgresql://app@db.elsewhere.example/log"]
)
def test_an_apps_writer_sends_its_key_nowhere_else_either(tmp_path: Path, asked: list[str], url: str) -> None:
    (tmp_path / "releaseguard.toml").write_text(f'[events]\nurl = "{url}"\n')
    environ = {"SUPABASE_SERVICE_ROLE_KEY": "sb_secret_canary", "PGPASSWORD": "canary"}
    read = writers.read({**environ, "RELEASEGUARD_CONFIG": str(tmp_path / "releaseguard.toml")})
    with pytest.raises(SafeModeRefusal, match="SAFE MODE does not send"):
        open_store(read, environ).append([])
    assert asked == []


def test_an_oidc_token_is_asked_for_at_github_only(cli: Commands, asked: list[str]) -> None:
    given = {
        "INFISICAL_TOKEN": "",
        "INFISICAL_IDENTITY_ID": "i",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{ELSEWHERE}/token",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-oidc-8X9q",
    }
    done = cli.run("drift", **given)
    assert done.code == 4, done.everything
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" in done.err
    assert asked == []


@pytest.mark.parametrize(
    "name",
    [
        *("VERCEL_TOKEN", "INFISICAL_CLIENT_SECRET", "SUPABASE_SERVICE_ROLE_KEY", "GITHUB_TOKEN", "PGPASSWORD", "HOME"),
        *("RELEASEGUARD_GITHUB_TOKEN", "RELEASEGUARD_SIGNING_KEY", "RELEASEGUARD_EVENTS_", "X_RELEASEGUARD_EVENTS_URL"),
    ],
)
@pytest.mark.parametrize(
    "url", ["https://${NAME}.example", "sqlite:///${NAME}", "postgresql://u:${NAME}@h/d", "${NAME}"]
)
def test_the_file_takes_no_other_variable_into_an_address(cli: Commands, asked: list[str], name: str, url: str) -> None:
    point(cli, "events", url.replace("NAME", name))
    done = cli.run("doctor", **{name: "Canary-Value-9X9q"})
    assert done.code == 2, done.everything
    assert "releaseguard.toml:" in done.err
    assert name in done.err
    assert "canary" not in done.everything.lower()
    assert asked == []


@pytest.mark.parametrize(
    "name", ["VERCEL_TOKEN", "PATH", "PGPASSWORD", "RELEASEGUARD_NOTIFY_URL", "app_database_url", ""]
)
def test_the_file_names_no_other_variable_as_a_databases_address(tmp_path: Path, name: str) -> None:
    path = tmp_path / "releaseguard.toml"
    path.write_text(f'[app]\ndatabase_url_env = "{name}"\n')
    with pytest.raises(ConfigError) as raised:
        configuration.load(path, environment=None, environ={})
    assert raised.value.where == f"{path}:2"


@pytest.mark.parametrize("name", ["APP_DATABASE_URL", "DATABASE_URL", "SUPABASE_DB_URL", "STAGING_APP_DATABASE_URL"])
def test_the_file_may_say_which_databases_address_is_meant(tmp_path: Path, name: str) -> None:
    path = tmp_path / "releaseguard.toml"
    path.write_text(f'[app]\ndatabase_url_env = "{name}"\n')
    assert configuration.load(path, environment=None, environ={}).app.database_url_env == name
