"""A real Postgres server of the tests' own, from Debian's binaries, on a socket and a loopback port."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import pytest

SERVER_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=150")
"""Quick rather than durable: the cluster lives as long as the test run."""

MANY = 60
"""So many databases of 7 MB each are kept until the server goes."""
DATABASES = "SELECT count(*) FROM pg_database"
ROLES = r"SELECT count(*) FROM pg_roles WHERE rolname <> 'postgres' AND rolname NOT LIKE 'pg\_%'"

EMPTIED = """SET lock_timeout = '5s';
DO $$ DECLARE one text; BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  FOR one IN SELECT quote_ident(nspname) FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
  LOOP EXECUTE format('DROP SCHEMA %s CASCADE', one); END LOOP;
  CREATE SCHEMA public AUTHORIZATION pg_database_owner;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$"""
"""What a test made in a database goes with its schemas."""
LEFT = """SELECT (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_publication)
  + (SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql') + (SELECT count(*) FROM pg_default_acl)
  + (SELECT count(*) FROM pg_largeobject_metadata) + (SELECT count(*) FROM pg_db_role_setting)
  + (SELECT count(*) FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL)"""
"""Whatever else may be made in one."""

_numbers = count(1)


@dataclass(frozen=True)
class Cluster:
    """A running server. Its superuser is ``postgres`` and needs no password."""

    port: int
    sockets: Path
    _empty: list[str] = field(default_factory=list)
    """Databases that were lent and emptied."""

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """A fresh, empty database; its URL."""
        import psycopg

        name = f"events_{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    @contextmanager
    def lent_database(self) -> Iterator[str]:
        """The URL of an empty database that nobody else has for the length of the block.

        Emptying one costs a tenth of making one, which writes three hundred files.
        """
        url = self._empty.pop() if self._empty else self.new_database()
        yield url
        if _is_emptied(url):
            self._empty.append(url)


def binaries() -> Path | None:
    """Where ``initdb`` and ``pg_ctl`` are: Debian keeps them off the PATH, the newest version last."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(on_path).parent if on_path else found[-1].parent if found else None


def require_binaries() -> Path:
    """The binaries, or a skip with the reason; a failure where everything has to run."""
    found = binaries()
    if found is None:
        missing = "no PostgreSQL server binaries here (Debian: apt-get install postgresql)"
        if os.environ.get("RELEASEGUARD_REQUIRE_ALL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server for the length of the block, in which nobody has made roles; :func:`stop_idle` ends it.

    Making one takes longer than most tests do: it goes from block to block of a process.
    """
    running = _idle.pop() if _idle else _begun()
    try:
        yield running
        as_good_as_new = _is_as_good_as_new(running)
    except BaseException:
        _stop(running)
        raise
    if as_good_as_new:
        _idle.append(running)
    else:
        _stop(running)


def _is_emptied(url: str) -> bool:
    """Whether the database is now as a new one is; a busy machine may take longer to end a session than is waited."""
    import psycopg

    with psycopg.Connection.connect(url, autocommit=True) as connection:
        try:
            connection.execute(EMPTIED)
        except psycopg.errors.LockNotAvailable:
            return False
        return connection.execute(LEFT).fetchone() == (0,)


_idle: list[Cluster] = []


def stop_idle() -> None:
    """End the servers that no block uses."""
    while _idle:
        _stop(_idle.pop())


atexit.register(stop_idle)


def _begun() -> Cluster:
    programs = require_binaries()
    home = Path(tempfile.mkdtemp(prefix="releaseguard-pg-"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")  # Postgres refuses to run as root
    running = Cluster(_free_port(), home)
    try:
        _start(programs, home, running.port)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return running


def _is_as_good_as_new(running: Cluster) -> bool:
    """Roles are those of all databases; and a database is never dropped, for that takes longer than a new server."""
    import psycopg

    with psycopg.connect(running.url("postgres")) as connection:
        (roles,), (databases,) = (connection.execute(count).fetchall()[0] for count in (ROLES, DATABASES))
    return roles == 0 and databases < MANY


def _stop(running: Cluster) -> None:
    try:
        _run(require_binaries() / "pg_ctl", "-D", running.sockets / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(running.sockets, ignore_errors=True)


def _start(programs: Path, home: Path, port: int) -> None:
    _run("cp", "-R", "-p", _initialised(programs), home / "data")
    options = [f"-p {port} -k {home} -h 127.0.0.1", *(f"-c {option}" for option in SERVER_OPTIONS)]
    _run(programs / "pg_ctl", "-D", home / "data", "-l", home / "log", "-o", " ".join(options), "-w", "start")


@cache
def _initialised(programs: Path) -> Path:
    """What ``initdb`` makes, once in a process: a copy of it costs a tenth."""
    made = Path(tempfile.mkdtemp(prefix="releaseguard-pg-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    if os.geteuid() == 0:
        shutil.chown(made, "postgres")
    settled = ("-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
    _run(programs / "initdb", "-D", made / "data", *settled)
    return made / "data"


def _run(*command: object) -> None:
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(word) for word in command],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **user,
    )
    assert done.returncode == 0, f"{command[0]} failed: {done.stdout}"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
