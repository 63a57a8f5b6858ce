"""The app's writer where a process begins, forks and ends: over every store, in processes that really do.

What an edge's program logs is in the store, or on disk where the next process finds it, and in the end there once.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import releaseguard
import releaseguard_events
from releaseguard.eventlog.interface import Query
from releaseguard.model import Event
from releaseguard_events.pipeline import jsonl

PATIENCE = 60
"""Seconds after which a process counts as hung."""

PRELUDE = """
import atexit, os, signal, sys, threading
def early():
    "Registered before the writer's own: called after it."
    if 'late' in globals():
        late()
atexit.register(early)
"""
IMPORT = "from releaseguard import flush, log_integration_event as note\n"
NO_MORE_IMPORTS = """
class Refuses:
    def find_spec(self, name, path=None, target=None):
        os.write(2, b'imported at the end: ' + name.encode() + bytes([10]))
        raise ImportError(name)
def refuse():
    sys.meta_path.insert(0, Refuses())
"""


GREENLETS = """
import _thread, types
start = _thread.start_new_thread
monkey = sys.modules['gevent.monkey'] = types.ModuleType('gevent.monkey')
monkey.get_original = lambda module, name: start if name == 'start_new_thread' else getattr(_thread, name)
_thread.start_new_thread = lambda *_: 0
"""
"""As an app is that gevent has patched: a new thread runs once the one before it waits in gevent's way, not in C."""

EVENTLET = """
import _thread, types
genuine = types.SimpleNamespace(allocate_lock=_thread.allocate_lock, start_new_thread=_thread.start_new_thread)
patcher = sys.modules['eventlet.patcher'] = types.ModuleType('eventlet.patcher')
patcher.original = lambda module: genuine
_thread.start_new_thread = lambda *_: 0
"""
"""The same of eventlet's ``monkey_patch()``."""


@dataclass(frozen=True)
class Edge:
    """A program and the events that it logs. ``before`` runs before the writer is imported."""

    code: str
    events: frozenset[str]
    before: str = ""
    newest: tuple[int, int] = (3, 99)
    """The last Python in which this can be done."""


def edge(code: str, events: str, before: str = "", newest: tuple[int, int] = (3, 99)) -> Edge:
    return Edge(code, frozenset(events.split()), before, newest)


EDGES: Mapping[str, Edge] = {
    "a process of a moment": edge("note('p', 'a', 'success')", "a"),
    "exit by an exception": edge("note('p', 'a', 'success')\nsys.exit(0)", "a"),
    "every way that a process ends, one after the other": edge(
        """
note('p', 'first', 'success')
def late():
    note('p', 'registered before the import', 'success')
    flush(5)
class AtTheEnd:
    def __init__(self): self.note = note
    def __del__(self): self.note('p', 'finalizer', 'success')
sys.modules['kept'] = AtTheEnd()
atexit.register(note, 'p', 'registered after the import', 'success')
def outlives():
    threading.main_thread().join()
    note('p', 'thread after the main one', 'success')
    sys.exit(3)
threading.Thread(target=outlives).start()
def babbles():
    while True: note('p', 'babble', 'success', detail={'much': 'x' * 100}); go_on.wait(0.01)
go_on = threading.Event()
threading.Thread(target=babbles, daemon=True).start()
""".replace("'registered before the import'", "'before'")
        .replace("'registered after the import'", "'after'")
        .replace("'thread after the main one'", "'thread'"),
        "first before after thread finalizer",
    ),
    "no import happens once all is loaded": edge(
        NO_MORE_IMPORTS
        + """
note('p', 'first', 'success')
flush(30)
refuse()
def late(): note('p', 'late', 'success')
class AtTheEnd:
    def __init__(self): self.note = note
    def __del__(self): self.note('p', 'finalizer', 'success')
sys.modules['kept'] = AtTheEnd()
note('p', 'second', 'success')
""",
        "first second late finalizer",
    ),
    "all of it after the main thread has ended": edge(
        "",
        "a",
        before="""
def outlives():
    threading.main_thread().join()
    from releaseguard import log_integration_event as note
    note('p', 'a', 'success')
threading.Thread(target=outlives).start()
""",
    ),
    "all of it in a function that is called at exit": edge(
        "",
        "a",
        before="""
def late():
    from releaseguard import log_integration_event as note
    note('p', 'a', 'success')
""",
    ),
    "only a finalizer": edge(
        """
flush(30)
note('p', 'first', 'success')
class AtTheEnd:
    def __init__(self): self.note = note
    def __del__(self):
        for _ in range(3): self.note('p', 'e', 'success')
        self.note('p', 'finalizer', 'success')
sys.modules['kept'] = AtTheEnd()
""",
        "first finalizer",
    ),
    "a signal whose handler flushes": edge(
        """
def handle(*_):
    note('p', 'in the handler', 'success')
    flush(30)
    os._exit(0)
signal.signal(signal.SIGTERM, handle)
note('p', 'before', 'success')
os.kill(os.getpid(), signal.SIGTERM)
""".replace("in the handler", "handler"),
        "before handler",
    ),
    "an interrupt while the exit waits": edge(
        """
from releaseguard_events.pipeline import writer as threads
wait = threads.Gate.wait
def interrupted(event, timeout=None):
    threads.Gate.wait = wait
    raise KeyboardInterrupt
note('p', 'a', 'success')
def late(): pass
def last(): threads.Gate.wait = interrupted
atexit.register(last)
""",
        "a",
    ),
    "an app whose threads and locks are greenlets": edge(
        "note('p', 'a', 'success')\nassert flush(30)\nnote('p', 'b', 'success')", "a b", before=GREENLETS
    ),
    "an app that eventlet has patched": edge(
        "note('p', 'a', 'success')\nassert flush(30)\nnote('p', 'b', 'success')", "a b", before=EVENTLET
    ),
    "forks in every phase": edge(
        """
go_on = threading.Event()
def babbles():
    while not go_on.wait(0.001): note('p', 'babble', 'success')
def child(name, deeper=0):
    pid = os.fork()
    if pid: return pid
    note('p', name, 'success')
    if deeper:
        inner = child(name + '_inner', deeper - 1)
        if os.waitpid(inner, 0)[1]: os._exit(7)
    os._exit(0 if flush(30) else 1)
children = [child('unloaded')]
note('p', 'parent', 'success')
children += [child(f'loading{n}') for n in range(2)]
thread = threading.Thread(target=babbles)
thread.start()
children += [child(f'writing{n}', n % 4 == 0) for n in range(8)]
ends = [os.waitpid(pid, 0)[1] for pid in children]
go_on.set()
thread.join()
assert not any(ends), ends
assert flush(30)
""",
        "parent unloaded loading0 loading1 writing0_inner writing4_inner " + " ".join(f"writing{n}" for n in range(8)),
    ),
    "a fork in a thread that then simply ends": edge(
        """
note('p', 'parent', 'success')
assert flush(30)
def forks():
    pid = os.fork()
    if pid == 0:
        note('p', 'child', 'success')
        return
    ends.append(os.waitpid(pid, 0)[1])
ends = []
thread = threading.Thread(target=forks)
thread.start()
thread.join()
assert ends == [0], ends
""",
        "parent child",
    ),
    "a fork while the process ends": edge(
        """
note('p', 'parent', 'success')
def late():
    pid = os.fork()
    note('p', 'later' if pid else 'child', 'success')
    if pid: assert os.waitpid(pid, 0)[1] == 0
""",
        "parent child later",
        newest=(3, 11),
    ),
    "workers of multiprocessing": edge(
        """
import multiprocessing
context = multiprocessing.get_context('fork')
note('p', 'parent', 'success')
workers = [context.Process(target=note, args=('p', f'w{n}', 'success')) for n in range(2)]
for worker in workers: worker.start()
for worker in workers: worker.join()
assert [worker.exitcode for worker in workers] == [0, 0]
def late(): note('p', 'late', 'success')
""",
        "parent w0 w1 late",
    ),
    "a server that forks workers and ends them by a signal": edge(
        """
note('p', 'master', 'success')
def serve(name):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    note('p', name, 'success')
    os.write(ready, b'.')
    signal.sigwait([signal.SIGTERM])
    sys.exit(0)
workers, (listen, ready) = [], os.pipe()
for number in range(2):
    pid = os.fork()
    if pid == 0:
        serve(f'worker{number}')
    workers.append(pid)
for _ in workers: os.read(listen, 1)
for pid in workers: os.kill(pid, signal.SIGTERM)
assert [os.waitpid(pid, 0)[1] for pid in workers] == [0, 0]
""",
        "master worker0 worker1",
    ),
}

STUCK = """
from releaseguard_events.pipeline.exporter import BatchExporter
kept, keep = [], BatchExporter.keep
enough = threading.Event()
def counted(exporter, events):
    keep(exporter, events)
    kept.extend(event.event for event in events)
    if {'one', 'two'} <= set(kept): enough.set()
BatchExporter.keep = counted
"""
STUCK_EDGES: Mapping[str, Edge] = {
    "os._exit while the store keeps it waiting": edge(
        STUCK + "note('p', 'one', 'success')\nnote('p', 'two', 'success')\nassert enough.wait(50)\nos._exit(0)",
        "one two",
    ),
    "SIGKILL while the store keeps it waiting": edge(
        STUCK
        + "note('p', 'one', 'success')\nnote('p', 'two', 'success')\nassert enough.wait(50)\nos.kill(os.getpid(), 9)",
        "one two",
    ),
    "forks while the store keeps it waiting": edge(
        STUCK
        + """
note('p', 'one', 'success')
note('p', 'two', 'success')
assert enough.wait(50)
pid = os.fork()
if pid == 0:
    kept.clear()
    enough = threading.Event()
    note('p', 'one', 'success')
    note('p', 'two', 'success')
    os._exit(0 if enough.wait(50) else 1)
assert os.waitpid(pid, 0)[1] == 0
os._exit(0)
""",
        "one two",
    ),
    "the end while the store keeps it waiting": edge(
        "note('p', 'one', 'success')\ndef late(): note('p', 'two', 'success')", "one two"
    ),
}


PACKAGES = [str(Path(package.__file__).parents[1]) for package in (releaseguard, releaseguard_events)]
OTHERS = tuple(f"python3.{minor}" for minor in range(12, 15))


def runs(python: str, code: str) -> bool:
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def reason_against(name: str) -> str | None:
    """Why an interpreter cannot take part. It needs no package, but psycopg for Postgres."""
    found = shutil.which(name)
    if found is None:
        return f"there is no {name} on the PATH"
    return None if runs(found, "import sqlite3, ssl") else f"{name} does not run"


REASONS = {name: reason_against(name) for name in OTHERS}
PYTHONS = [sys.executable, *(str(shutil.which(name)) for name, reason in REASONS.items() if reason is None)]
WITH_PSYCOPG = [
    python
    for python in PYTHONS
    if (find_spec("psycopg") if python == sys.executable else runs(python, "import psycopg"))
]


@pytest.mark.parametrize("name", OTHERS)
def test_later_interpreters_take_part_where_they_are(name: str) -> None:
    if reason := REASONS[name]:
        pytest.skip(reason)
    assert shutil.which(name) in PYTHONS


@pytest.fixture(params=PYTHONS, ids=lambda path: Path(path).name)
def python(request: pytest.FixtureRequest, store: Any) -> str:
    name: str = request.param
    if store.kind == "postgres" and name not in WITH_PSYCOPG:
        pytest.skip(f"{Path(name).name} lacks psycopg")
    return name


@dataclass
class App:
    """Runs programs that write to one store, each with what its predecessors left on disk."""

    python: str
    folder: Path
    environ: Mapping[str, str]

    def start(self, edge: Edge, **environ: str) -> subprocess.Popen[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.Popen(
            [self.python, "-c", PRELUDE + edge.before + (IMPORT + edge.code if edge.code else "")],
            cwd=self.folder,
            env=kept
            | {
                "RELEASEGUARD_SPOOL_DIR": str(self.folder / "spool"),
                "PYTHONPATH": os.pathsep.join(
                    str(Path(one.__file__).parents[1]) for one in (releaseguard, releaseguard_events)
                ),
                "PYTHONFAULTHANDLER": "1",
            }
            | self.environ
            | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, edge: Edge, **environ: str) -> tuple[int, str]:
        with self.start(edge, **environ) as process:
            try:
                _, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.send_signal(6)  # the fault handler tells where it hangs
                _, err = process.communicate()
                pytest.fail(f"the process hangs:\n{err}")
        return process.returncode, err

    def spooled(self) -> list[Event]:
        files = sorted((self.folder / "spool").rglob("*.jsonl"))
        return [jsonl.parse(line) for path in files for line in path.read_text().splitlines()]


def address(store: Any) -> dict[str, str]:
    if store.kind == "sqlite":
        return {"RELEASEGUARD_EVENTS_URL": f"sqlite:///{store.path}"}
    if store.kind == "rest":
        return {"RELEASEGUARD_EVENTS_URL": store.project.url, "SUPABASE_SERVICE_ROLE_KEY": store.project.key}
    return {"RELEASEGUARD_EVENTS_URL": store.url}


@pytest.fixture
def app(python: str, store: Any, tmp_path: Path) -> App:
    store.log()
    return App(python, tmp_path, address(store))


def arrived(app: App, store: Any) -> list[str]:
    """What is in the store once the disk has been replayed."""
    log = store.log()
    log.append(app.spooled())
    return sorted(row.event for row in log.select(Query()) if row.event not in ("babble", "e"))


def version(python: str) -> tuple[int, int]:
    return sys.version_info[:2] if python == sys.executable else (3, int(Path(python).name.removeprefix("python3.")))


@pytest.mark.parametrize("name", EDGES)
def test_nothing_is_lost_and_nothing_hangs(app: App, store: Any, name: str) -> None:
    tried = EDGES[name]
    if version(app.python) > tried.newest:
        pytest.skip("this Python refuses to fork there")
    code, err = app.run(tried)
    assert code == 0, err
    assert "Traceback" not in err.replace("KeyboardInterrupt", "") or name == "an interrupt while the exit waits", err
    assert "imported at the end" not in err
    assert "lost" not in err
    assert arrived(app, store) == sorted(tried.events)


def test_a_first_event_in_a_finalizer_is_counted_as_lost(app: App) -> None:
    code, err = app.run(
        edge(
            """
class AtTheEnd:
    def __init__(self): self.note = note
    def __del__(self): self.note('p', 'finalizer', 'success')
sys.modules['kept'] = AtTheEnd()
""",
            "",
        )
    )
    assert code == 0, err
    assert err == (
        "releaseguard: 1 integration event was lost: the interpreter was gone before releaseguard was loaded\n"
    )


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are accepted by the system and nobody ever answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


@pytest.fixture
def held_up(python: str, store: Any, silent: int, tmp_path: Path) -> Iterator[App]:
    """An app whose store keeps every request waiting."""
    store.log()
    if store.kind == "sqlite":
        with holding(store.path):
            yield App(python, tmp_path, address(store))
    else:
        scheme = "postgresql://u@" if store.kind == "postgres" else "http://"
        environ = {"RELEASEGUARD_EVENTS_URL": f"{scheme}127.0.0.1:{silent}", "SUPABASE_SERVICE_ROLE_KEY": "k"}
        yield App(python, tmp_path, environ)


@contextmanager
def holding(database: Path) -> Iterator[None]:
    """Somebody writes to it and does not come to an end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("name", STUCK_EDGES)
def test_what_the_store_keeps_waiting_is_on_disk(held_up: App, name: str) -> None:
    tried = STUCK_EDGES[name]
    code, err = held_up.run(tried)
    assert code in (0, -9), err
    assert "Traceback" not in err
    assert {event.event for event in held_up.spooled()} == tried.events


IN_THE_MIDDLE = """
from releaseguard_events import process
process.FORK_WAITS = 0.0
from releaseguard_events.stores import sqlite
inside, transaction = threading.Event(), sqlite.transaction
def noticed(connection):
    inside.set()
    return transaction(connection)
sqlite.transaction = noticed
note('p', 'parent', 'success')
assert inside.wait(50)
pid = os.fork()
note('p', 'after' if pid else 'child', 'success')
if pid == 0:
    assert not flush(30)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_child_that_was_forked_in_the_middle_of_a_use_of_sqlite_leaves_it_alone(
    sqlite_store: Any, tmp_path: Path
) -> None:
    """It cannot know what its copies of connection and locks do to the parent's: its events are on disk."""
    sqlite_store.log()
    app = App(sys.executable, tmp_path, address(sqlite_store))
    with holding(sqlite_store.path):
        code, err = app.run(edge(IN_THE_MIDDLE, ""))
    assert code == 0, err
    assert "this process was forked while its parent wrote to SQLite" in err
    assert arrived(app, sqlite_store) == ["after", "child", "parent"]
    assert sqlite_store.sql("PRAGMA integrity_check") == [("ok",)]


def test_a_child_that_was_forked_in_the_middle_of_an_import_counts_its_events_as_lost(
    sqlite_store: Any, tmp_path: Path
) -> None:
    """The import would wait for ever for a lock that nobody gives back."""
    app = App(sys.executable, tmp_path, address(sqlite_store))
    code, err = app.run(
        edge(
            """
from releaseguard_events import preparing, process
process.LOADING_WAITS = 0.0
loading, go_on, pipeline = threading.Event(), threading.Event(), preparing._pipeline
def slow(*words):
    if os.getpid() == parent: loading.set(); go_on.wait(50)
    return pipeline(*words)
preparing._pipeline, parent = slow, os.getpid()
note('p', 'parent', 'success')
assert loading.wait(50)
pid = os.fork()
if pid == 0:
    note('p', 'child', 'success')
    assert not flush(30)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
go_on.set()
""",
            "",
        )
    )
    assert code == 0, err
    assert "integration events are lost: this process was forked while its parent was loading releaseguard" in err
    assert arrived(app, sqlite_store) == ["parent"]
