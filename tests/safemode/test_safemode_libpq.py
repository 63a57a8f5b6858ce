"""Where PostgreSQL's library would connect to: worked out, checked, pinned."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from releaseguard.errors import ConfigError, SafeModeRefusal, Unreachable
from releaseguard.safemode import Policy
from releaseguard.safemode.libpq import CheckedTarget, check_libpq
from tests.safemode.conftest import Run

DENIED = {"sendgrid": ["sendgrid.com"], "supabase": ["supabase.co", "supabase.com"]}
NAMES = {
    "db.internal": ["10.0.0.5", "fd00::5"],
    "db.ref.supabase.co": ["10.0.0.6"],
    "b.internal": ["10.0.0.7"],
    "127.0.0.1": ["127.0.0.1"],
}

Check = Callable[..., CheckedTarget]


@pytest.fixture
def asked() -> list[str]:
    """The names that were looked up."""
    return []


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Check:
    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        if host not in NAMES:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in NAMES[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def checked(text: str, environ: dict[str, str] | None = None, **options: Any) -> CheckedTarget:
        policy = Policy((), DENIED, {"[events] url": {"supabase"}})
        return check_libpq(text, environ or {}, policy=policy, **options)

    return checked


def params(target: CheckedTarget) -> dict[str, Any]:
    return dict(conninfo_to_dict(target.conninfo.reveal()))


@pytest.mark.parametrize(
    ("text", "environ", "host", "hostaddr", "port"),
    [
        ("postgresql://u:p@db.internal/d", {}, "db.internal,db.internal", "10.0.0.5,fd00::5", "5432,5432"),
        ("host=b.internal port=6543", {}, "b.internal", "10.0.0.7", "6543"),
        ("postgres://127.0.0.1:1234/d", {}, "127.0.0.1", "127.0.0.1", "1234"),
        ("host=db.internal hostaddr=10.9.9.9", {"PGHOSTADDR": "1.2.3.4"}, "db.internal", "10.9.9.9", "5432"),
        ("hostaddr=10.9.9.9", {"PGHOST": "db.evil"}, "10.9.9.9", "10.9.9.9", "5432"),
        ("host=b.internal", {"PGHOST": "db.evil", "PGPORT": "7777"}, "b.internal", "10.0.0.7", "7777"),
        ("postgresql://b.internal:1,127.0.0.1:2/d", {}, "b.internal,127.0.0.1", "10.0.0.7,127.0.0.1", "1,2"),
        ("host=b.internal,/tmp hostaddr=10.0.0.7,", {}, "b.internal,/tmp", "10.0.0.7,", "5432,5432"),
        ("postgresql://db.ref.supabase.co/postgres", {}, "db.ref.supabase.co", "10.0.0.6", "5432"),
    ],
)
def test_a_target_is_pinned_to_its_addresses(
    check: Check, text: str, environ: dict[str, str], host: str, hostaddr: str, port: str
) -> None:
    found = params(check(text, environ))
    assert (found["host"], found["hostaddr"], found["port"]) == (host, hostaddr, port)
    assert found["gssencmode"] == "disable"


def test_the_rest_of_the_string_is_kept_and_the_password_hidden(check: Check) -> None:
    target = check("postgresql://me:hunter2%20x@b.internal/d%20b?sslmode=verify-full&options=-c%20a%3Db")
    found = params(target)
    assert (found["user"], found["password"], found["dbname"]) == ("me", "hunter2 x", "d b")
    assert (found["sslmode"], found["options"]) == ("verify-full", "-c a=b")
    assert target.where == "b.internal:5432"
    assert target.addresses == ("10.0.0.7",)
    assert "hunter2" not in repr(target)


@pytest.mark.parametrize("text", ["postgresql:///d?host=/run/pg", "host=@abstract", "dbname=d"])
def test_a_unix_socket_needs_no_address(check: Check, asked: list[str], text: str) -> None:
    target = check(text)
    assert "hostaddr" not in params(target)
    assert target.addresses == ()
    assert asked == []


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://db.sendgrid.com/d",
        "postgresql://DB.SendGrid.com./d",
        "host=db.sendgrid.com hostaddr=127.0.0.1",
        "host=b.internal,db.sendgrid.com",
        "hostaddr=127.0.0.1,1.2.3.4 host=ok.internal,x.sendgrid.com",
    ],
)
def test_a_providers_host_is_no_database(check: Check, asked: list[str], text: str) -> None:
    with pytest.raises(SafeModeRefusal, match="'sendgrid'") as caught:
        check(text)
    assert caught.value.where == "[events] url"
    assert asked == []


def test_infrastructure_is_said_by_the_setting(check: Check) -> None:
    with pytest.raises(SafeModeRefusal, match="'supabase'") as caught:
        check("postgresql://db.ref.supabase.co/d", setting="[app] database_url_env")
    assert caught.value.where == "[app] database_url_env"


@pytest.mark.parametrize(
    ("text", "environ", "variable"),
    [
        ("postgresql://b.internal/d", {"PGHOSTADDR": "203.0.113.9"}, "PGHOSTADDR"),
        ("postgresql:///d", {"PGHOST": "b.internal"}, "PGHOST"),
        ("", {"PGHOSTADDR": "203.0.113.9"}, "PGHOSTADDR"),
        ("postgresql://b.internal/d", {"PGSERVICE": "prod"}, "PGSERVICE"),
        ("hostaddr=10.0.0.1", {"PGSERVICE": "prod"}, "PGSERVICE"),
    ],
)
def test_the_environment_does_not_choose_the_target(
    check: Check, asked: list[str], text: str, environ: dict[str, str], variable: str
) -> None:
    with pytest.raises(SafeModeRefusal, match=f"the variable {variable} would choose") as caught:
        check(text, environ)
    assert f"Unset {variable}" in (caught.value.next_step or "")
    assert asked == []


SERVICES = """\
# ours
[other]
host=x.sendgrid.com

[prod]
host=b.internal
port=6000
host=second.is.ignored
# password of a comment
user=me
password=hunter2=

[prod]
host=late.internal
[directory]
ldap://ldap.internal/dc=x?a?b?c
"""


@pytest.fixture
def services(tmp_path: Path) -> Path:
    file = tmp_path / "services.conf"
    file.write_text(SERVICES)
    return file


def test_a_named_service_is_read_here_so_that_libpq_need_not(check: Check, services: Path) -> None:
    found = params(check("service=prod user=you", {"PGSERVICEFILE": str(services), "PGPORT": "1"}))
    assert (found["host"], found["hostaddr"], found["port"]) == ("b.internal", "10.0.0.7", "6000")
    assert (found["user"], found["password"]) == ("you", "hunter2=")
    assert "service" not in found


def test_a_service_file_is_looked_for_where_libpq_looks(check: Check, services: Path, tmp_path: Path) -> None:
    home, system = tmp_path / "home", tmp_path / "system"
    home.mkdir()
    system.mkdir()
    (system / "pg_service.conf").write_text(SERVICES)
    environ = {"HOME": str(home), "PGSYSCONFDIR": str(system)}
    assert params(check("service=prod", environ))["host"] == "b.internal"
    (home / ".pg_service.conf").write_text("[prod]\nhost=127.0.0.1\n")
    assert params(check("service=prod", environ))["host"] == "127.0.0.1"
    assert params(check("service=prod", {**environ, "PGSERVICEFILE": str(services)}))["host"] == "b.internal"


def test_a_service_is_checked_like_a_string(check: Check, asked: list[str], services: Path) -> None:
    environ = {"PGSERVICEFILE": str(services)}
    with pytest.raises(SafeModeRefusal, match="'sendgrid'"):
        check("postgresql:///d?service=other", environ)
    with pytest.raises(SafeModeRefusal, match="directory server"):
        check("service=directory", environ)
    with pytest.raises(ConfigError, match="'absent' is not defined"):
        check("service=absent", environ)
    with pytest.raises(ConfigError, match="'prod' is not defined"):
        check("service=prod", {"PGSERVICEFILE": f"{services}.missing"})
    assert asked == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgresql://u:hunter2@[::1/d", "not a connection string"),
        ("password=hunter2 nonsense", "not a connection string"),
        ("passwort=hunter2", "not a connection string"),
        ("host=a,b,c port=1,2", "different numbers"),
        ("host=a hostaddr=1.1.1.1,2.2.2.2,3.3.3.3 port=1,2", "different numbers"),
        ("host=a port=http", "not a number"),
        ("host=127.0.0.1 port=-1", "not a number"),
    ],
)
def test_a_string_that_is_wrong_is_said_to_be_without_showing_it(check: Check, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(text)
    assert caught.value.where == "[events] url"
    assert "hunter2" not in f"{caught.value!r} {caught.value.next_step} {caught.value.__context__}"


def test_a_name_without_address_is_unreachable(check: Check) -> None:
    with pytest.raises(Unreachable, match=r"nowhere\.internal has no address") as caught:
        check("host=nowhere.internal")
    assert caught.value.__context__ is None


def test_libpq_goes_where_it_was_pinned_whatever_the_environment_says_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        target = check_libpq(f"postgresql://localhost:{port}/d?connect_timeout=5", {})
        for name, value in {"PGHOSTADDR": "127.0.0.2", "PGHOST": "127.0.0.3", "PGPORT": "1"}.items():
            monkeypatch.setenv(name, value)
        arrived = threading.Event()

        def accept() -> None:
            server.accept()[0].close()
            arrived.set()

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(target.conninfo.reveal())
        thread.join(10)
        assert arrived.is_set()


def test_under_the_guard_the_configured_database_is_allowed_and_nothing_else(run_guarded: Run) -> None:
    results = run_guarded("""
        install(build_policy({}, DENIED))
        looked_up, connected = passed_on()
        attempt("provider", lambda: check_libpq("postgresql://smtp.sendgrid.com/d", os.environ))
        attempt("diverted", lambda: check_libpq("postgresql://localhost/d", {"PGHOSTADDR": "1.2.3.4"}))
        results["looked up"] = list(looked_up)
        attempt("database", lambda: check_libpq("postgresql://localhost:5432/d", os.environ).where)
        attempt("its port", lambda: active_policy().check_host("localhost", 5432))
        attempt("another port", lambda: active_policy().check_host("localhost", 5433))
    """)
    assert "'sendgrid'" in results["provider"]
    assert "PGHOSTADDR" in results["diverted"]
    assert results["looked up"] == []
    assert results["database"] == "done: localhost:5432"
    assert results["its port"] == "done: None"
    assert results["another port"].startswith("refused")
