"""``log_integration_event`` in processes of its own: killed, forked, unconfigured, misused."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

import releaseguard
from releaseguard_events.pipeline.spool import spool_folder

PRELUDE = "import os, sys\nfrom releaseguard import flush, log_integration_event as note\n"


class App:
    """A program of the app's, with a database that may not be there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "data" / "log.db"
        (folder / "releaseguard.toml").write_text(f'[events]\nurl = "sqlite:///{self.database}"\n')
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RELEASEGUARD_", "VERCEL"))}
        self.environ = kept | {"RELEASEGUARD_SPOOL_DIR": str(folder / "spool"), "PYTHONWARNINGS": "error"}

    def start(self, code: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code],
            cwd=self.folder,
            env=self.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, **environ: str) -> str:
        with self.start(code, **environ) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        self.err = err
        return out

    def come_back(self) -> None:
        self.database.parent.mkdir()

    def rows(self, columns: str = "event") -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(f"SELECT {columns} FROM integration_events ORDER BY event").fetchall()

    def spooled(self) -> int:
        return sum(len(path.read_text().splitlines()) for path in (self.folder / "spool").rglob("*.jsonl"))


def put_to_sleep(process: subprocess.Popen[str]) -> None:
    """Returns when it has stopped: a signal is under way for a while, on a busy machine for a long one."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    return App(tmp_path)


def test_events_by_position_and_by_name_reach_the_configured_log(app: App) -> None:
    app.come_back()
    app.run(
        "note('p', 'a', 'success')\nnote(outcome='error', event='b', provider='p', error_code=401)\nassert flush(30)"
    )
    assert app.rows("event, outcome, error_code, environment") == [
        ("a", "success", None, "production"),
        ("b", "error", "401", "production"),
    ]


REPLAY = "note('p', 'z', 'success')\nassert flush(30)"
"""On a busy machine the end of a process may come before the store's answer: then the spool has its events."""


def test_the_end_of_the_process_loses_nothing(app: App) -> None:
    app.come_back()
    app.run("for n in range(500): note('p', f'e{n}', 'success')")
    app.run(REPLAY)
    assert len(app.rows()) == 501


def test_the_environment_variable_wins_over_the_configuration(app: App) -> None:
    app.run("note('p', 'a', 'success')\nassert flush(30)", RELEASEGUARD_EVENTS_URL="sqlite:///other.db")
    with closing(sqlite3.connect(app.folder / "other.db")) as connection:
        assert connection.execute("SELECT event FROM integration_events").fetchall() == [("a",)]


def test_a_killed_process_leaves_a_spool_and_the_next_one_replays_it_without_doubles(app: App) -> None:
    code = "for n in range(20): note('p', f'e{n:02}', 'success')\nprint(flush(30), flush=True)\nsys.stdin.read()"
    with app.start(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "False\n"
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert app.spooled() == 20
    app.run("note('p', 'still away', 'success')")
    app.come_back()
    app.run("note('p', 'z', 'success')\nassert flush(30)")
    app.run("assert flush(30)\nnote('p', 'z', 'success')\nassert flush(30)")
    assert [event for (event,) in app.rows()] == [f"e{n:02}" for n in range(20)] + ["still away", "z", "z"]
    assert app.spooled() == 0


def test_the_spool_of_a_living_process_is_its_own(app: App) -> None:
    code = (
        "note('p', 'mine', 'success')\nprint(flush(30), flush=True)\nsys.stdin.readline()\nprint(flush(30), flush=True)"
    )
    with app.start(code) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "False\n"
        put_to_sleep(process)  # it would find the store again by itself
        app.come_back()
        app.run("note('p', 'other', 'success')\nassert flush(30)")
        assert [event for (event,) in app.rows()] == ["other"]
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "True\n"
        process.communicate(timeout=60)
    assert [event for (event,) in app.rows()] == ["mine", "other"]


def test_a_forked_child_has_a_queue_and_a_thread_of_its_own(app: App) -> None:
    app.come_back()
    code = """
note('p', 'before', 'success')
assert flush(30)
note('p', 'parent', 'success')
child = os.fork()
note('p', 'child' if child == 0 else 'after', 'success')
ok = flush(30)
if child == 0:
    os._exit(0 if ok else 1)
assert os.waitpid(child, 0)[1] == 0 and ok
"""
    app.run(code, PYTHONWARNINGS="default")
    assert [event for (event,) in app.rows()] == ["after", "before", "child", "parent"]


def test_a_child_forked_past_pythons_hooks_keeps_its_events_on_disk_and_its_parents_apart(app: App) -> None:
    """Python's own hooks run: without them its lock may be left as another thread of the parent had it."""
    app.come_back()
    code = """
os.register_at_fork = lambda **hooks: None
note('p', 'before', 'success')
assert flush(30)
child = os.fork()
note('p', 'child' if child == 0 else 'parent', 'success')
if child == 0:
    flush(30)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    app.run(code, PYTHONWARNINGS="default")
    assert ([event for (event,) in app.rows()], app.spooled()) == (["before", "parent"], 1)
    app.run("assert flush(30)")
    assert ([event for (event,) in app.rows()], app.spooled()) == (["before", "child", "parent"], 0)


UWSGI = """
import types
server = sys.modules['uwsgi'] = types.ModuleType('uwsgi')
server.opt = {options}
from pathlib import Path
note('p', 'first', 'success')
note('p', 'second', 'success')
kept = [line for path in Path(os.environ['RELEASEGUARD_SPOOL_DIR']).rglob('*') if path.is_file()
        for line in path.read_text().splitlines()]
print(len(kept), flush(30))
"""


@pytest.mark.parametrize("options", ["{}", "{'master': b'true', 'enable-threads': b'false'}"])
def test_where_a_server_lets_no_thread_run_each_event_is_on_disk_at_once_and_that_is_said(
    app: App, options: str
) -> None:
    app.come_back()
    assert app.run(UWSGI.replace("{options}", options)) == "2 True\n"
    assert [event for (event,) in app.rows()] == ["first", "second"]
    assert "set enable-threads" in app.err


@pytest.mark.parametrize("options", ["{'enable-threads': b'true'}", "{'enable-threads': True}", "{'threads': b'2'}"])
def test_a_server_that_lets_threads_run_is_like_any_other(app: App, options: str) -> None:
    app.come_back()
    assert app.run(UWSGI.replace("{options}", options)).endswith("True\n")
    assert "enable-threads" not in app.err


def test_a_fork_right_after_the_first_event_finds_no_module_half_loaded(app: App) -> None:
    app.come_back()
    code = """
note('p', 'parent', 'success')
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        note('p', f'child{number}', 'success')
        os._exit(0 if flush(30) else 1)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
assert flush(30)
"""
    app.run(code, PYTHONWARNINGS="default")
    assert [event for (event,) in app.rows()] == ["child0", "child1", "child2", "parent"]
    assert "lost" not in app.err


@pytest.mark.parametrize("url", ["sqlite:///log.db", "postgresql://u@127.0.0.1:1/d", "https://127.0.0.1:1"])
def test_all_that_delivering_imports_is_there_before_the_first_delivery(app: App, url: str) -> None:
    """A fork is made to wait for the preparation alone."""
    code = """
from releaseguard_events import preparing
pipeline, before = preparing._pipeline, set()
def counted(*arguments):
    made = pipeline(*arguments)
    before.update(sys.modules)
    return made
preparing._pipeline = counted
note('p', 'e', 'success')
flush(30)
print(sorted(sys.modules.keys() - before) if before else 'never prepared')
"""
    assert app.run(code, RELEASEGUARD_EVENTS_URL=url, SUPABASE_SERVICE_ROLE_KEY="k") == "[]\n"


def test_a_forked_child_does_not_hold_its_parents_spool(app: App) -> None:
    code = """
note('p', 'parent', 'success')
assert not flush(30)
child = os.fork()
if child == 0:
    print('ready', flush=True)
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), 9)
"""
    with app.start(code, PYTHONWARNINGS="default") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.wait(timeout=60)
        app.come_back()
        app.run("note('p', 'next', 'success')\nassert flush(30)")
        process.communicate(timeout=60)
    assert [event for (event,) in app.rows()] == ["next", "parent"]


def test_workers_of_multiprocessing_lose_nothing_at_their_end(app: App) -> None:
    app.come_back()
    code = """
import multiprocessing
context = multiprocessing.get_context('fork')
workers = [context.Process(target=note, args=('p', f'w{n}', 'success')) for n in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.join()
"""
    app.run(code)
    app.run(REPLAY)
    assert [event for (event,) in app.rows()] == ["w0", "w1", "w2", "w3", "z"]


MISUSE = """
class Hostile:
    def __str__(self): raise RuntimeError('hunter2')
    def __bool__(self): raise RuntimeError
note()
note('p')
note('p', 'e', 'maybe')
note('p', 'e', 'success', 'too', 'many')
note('p', 'e', 'success', colour='red')
note(None, Hostile(), 3)
note('p', 'kept', 'error', error_code=Hostile(), latency_ms=Hostile(), synthetic=Hostile(), detail=Hostile())
flush('soon'); flush(None); flush(-1)
assert flush(30)
"""


def test_misuse_raises_nothing_and_is_counted(app: App) -> None:
    app.come_back()
    app.run(MISUSE)
    dropped = [json.loads(str(detail)) for event, detail in app.rows("event, detail") if event == "events_dropped"]
    assert sum(one["dropped"] for one in dropped) == 8
    assert "kept" in [event for (event,) in app.rows()]
    assert "integration events were lost: the call's arguments were not those of an event" in app.err
    assert "hunter2" not in app.err


OURS = """
from releaseguard_events.ours import OUR_EVENTS
for name in sorted(OUR_EVENTS): note('sendgrid', name, 'success')
for provider in ('releaseguard', ' ReleaseGuard', 'release\\0guard'): note(provider, 'e', 'success')
note('sendgrid', 'Release_Deployed', 'success', release='r2')
note('sendgrid', 'sendgrid_email_sent', 'success')
assert flush(30)
print(len(OUR_EVENTS) + 4)
"""


def test_an_app_writes_no_row_that_looks_like_releaseguards_own(app: App) -> None:
    app.come_back()
    refused = int(app.run(OURS))
    rows = app.rows("event, provider, detail")
    assert {(event, provider) for event, provider, _ in rows} == {
        ("events_dropped", "releaseguard"), ("sendgrid_email_sent", "sendgrid"),
    }  # fmt: skip
    assert sum(json.loads(str(detail))["dropped"] for event, _, detail in rows if event == "events_dropped") == refused
    assert "integration events were lost: provider or event is a name of releaseguard's own rows" in app.err


def test_without_a_configuration_nothing_is_opened_and_the_loss_is_said(app: App) -> None:
    (app.folder / "releaseguard.toml").write_text("[project]\nname = 3\n")
    before = sorted(app.folder.iterdir())
    app.run("note('p', 'a', 'success')\nassert not flush(30)")
    assert "integration events are lost" in app.err
    assert sorted(app.folder.iterdir()) == before


def test_secrets_of_the_process_do_not_reach_log_or_spool(app: App) -> None:
    environ = {"PAYTR_MERCHANT_KEY": "Zx9Yw8Vu7Ts6Rq5P"}
    code = (
        "note('p', 'a', 'error', error_code=os.environ['PAYTR_MERCHANT_KEY'], detail={'why': 'mail ada@example.com'})"
    )
    app.run(code, **environ)
    (file,) = (app.folder / "spool").rglob("*.jsonl")
    assert '"error_code":"[secret]"' in file.read_text()
    assert "ada@" not in file.read_text()
    app.come_back()
    app.run(code, **environ)
    assert app.rows("error_code, json_extract(detail, '$.why')") == [("[secret]", "mail [email]")] * 2


HOOKS = """
import sys
events = set()
import socket, subprocess
connect, getaddrinfo, popen = socket.socket.connect, socket.getaddrinfo, subprocess.Popen
added = []
sys.addaudithook(lambda name, _: added.append(name) if name == 'sys.addaudithook' else None)
note('p', 'a', 'success')
assert flush(30)
assert not added, 'an audit hook was installed in the app'
assert (socket.socket.connect, socket.getaddrinfo, subprocess.Popen) == (connect, getaddrinfo, popen)
from releaseguard import safemode
assert safemode.active_policy() is None
"""


def test_writing_events_installs_no_guard_in_the_app(app: App) -> None:
    app.come_back()
    app.run(HOOKS)


def test_importing_the_package_loads_next_to_nothing(app: App) -> None:
    out = app.run("print(sorted(name for name in sys.modules if name.split('.')[0] in ('click', 'httpx2', 'msgspec')))")
    assert out == "[]\n"
    out = subprocess.check_output(
        [
            sys.executable,
            "-c",
            "import sys, releaseguard; print([n for n in sys.modules if n.startswith('releaseguard')])",
        ],
        text=True,
    )
    assert out == "['releaseguard']\n"


def test_the_signature_is_the_documented_one() -> None:
    assert list(inspect.signature(releaseguard.log_integration_event).parameters) == [
        "provider", "event", "outcome", "error_code", "latency_ms", "release", "source", "correlation_id", "synthetic",
        "detail",
    ]  # fmt: skip


def test_each_store_has_a_spool_of_its_own_whatever_the_password(tmp_path: Path) -> None:
    environ: Mapping[str, str] = {"RELEASEGUARD_SPOOL_DIR": str(tmp_path)}
    first = spool_folder(environ, "postgresql://app:one@db.example.com/log")
    assert first == spool_folder(environ, "postgresql://app:two@db.example.com/log")
    assert first != spool_folder(environ, "postgresql://app:one@db.example.com/staging")


def test_a_home_that_cannot_be_written_to_gives_way_to_the_temporary_directory() -> None:
    folder = spool_folder({"HOME": "/dev/null"}, "sqlite:///x.db")
    assert f"releaseguard-spool-{os.geteuid()}" in str(folder)
