"""The log behind a pooler that lends a connection for one transaction, and then to somebody else (pgbouncer)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import psycopg
import pytest

from releaseguard.eventlog.interface import Conflict, Query
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.secret import Secret
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.run import Verifier
from tests.eventlog.conftest import PostgresStore
from tests.support.verifying import NOON, SHIPPED, mark, row, steady, world_of

DEBIAN = Path("/usr/sbin/pgbouncer")


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The database by way of a pooler with one connection to it, which two clients use in turns."""
    program = shutil.which("pgbouncer") or (str(DEBIAN) if DEBIAN.exists() else None)
    if program is None:
        pytest.skip("no pgbouncer here (Debian: apt-get install pgbouncer)")
    address, home = urlsplit(url), Path(mkdtemp(prefix="releaseguard-pooler-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = home / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={address.port} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n"
        f"max_client_conn = 20\nlogfile = {home}/log\npidfile = {home}/pid\n"
    )
    as_root = os.geteuid() == 0
    if as_root:
        shutil.chown(home, "postgres")
    process = subprocess.Popen(
        [program, "-q", str(settings)], stderr=subprocess.DEVNULL, **({"user": "postgres"} if as_root else {})
    )
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}{address.path}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(home)


def answering(url: str) -> None:
    for _ in range(200):
        try:
            psycopg.connect(url, prepare_threshold=None).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("the pooler does not answer")


def test_a_log_that_is_lent_connections_by_transaction(postgres_store: PostgresStore) -> None:
    postgres_store.log()
    with pooled(postgres_store.url) as url, closing(PostgresEventLog(Secret(url))) as log:
        answering(url)
        log.restore([*steady(every=30, until=4), mark()])
        watch = Verifier(VerifyRequest(), world_of(log, now=4, cards=SHIPPED[:2]), again=True)
        for minute in range(6):  # after five times a client that may prepares a statement
            log.append([row(minute / 2, "sendgrid_email_sent")])
            assert watch.look() == Verifier(VerifyRequest(), world_of(log, now=4, cards=SHIPPED[:2])).look()
            _others_find_nothing(url)
        first = log.append_exclusively([mark(3, "r2")])
        with pytest.raises(Conflict):
            log.append_exclusively(first)
        assert log.prune(NOON - timedelta(days=2)) > 0
        assert list(log.set_aside(Query())) == []
        _others_find_nothing(url)


def _others_find_nothing(url: str) -> None:
    """What a client has set, prepared or locked, the next one to be lent its connection would have."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as other:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout", "jit", "transaction_read_only"):
            asked = "SELECT setting = reset_val OR source = 'client' FROM pg_settings WHERE name = %s"
            assert other.execute(asked, [setting]).fetchone() == (True,), setting
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_an_app_writes_through_it(postgres_store: PostgresStore) -> None:
    postgres_store.log()
    with pooled(postgres_store.url) as url:
        answering(url)
        lines = (
            "from releaseguard_events import log_integration_event, flush",
            "for n in range(400): log_integration_event('sendgrid', 'sendgrid_email_sent', 'success', latency_ms=n)",
            "flush()",
        )
        told = {**os.environ, "RELEASEGUARD_EVENTS_URL": url}
        subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, env=told)
        assert postgres_store.sql("SELECT count(*) FROM integration_events") == [(400,)]
        _others_find_nothing(url)
