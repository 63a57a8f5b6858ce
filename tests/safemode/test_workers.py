"""The one child process that is allowed: forked of itself, for files alone, with every connection refused in it."""

from __future__ import annotations

import os
import socket
import sys
import threading

import pytest

from releaseguard.errors import SafeModeRefusal
from releaseguard.safemode.guard import fork_worker, guarding
from releaseguard.safemode.policy import AllowedHost, Policy

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
ATTEMPTS = {
    "a look-up": lambda: socket.getaddrinfo("localhost", 80),
    "a socket of one's own machine": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "a reverse look-up": lambda: socket.gethostbyaddr("127.0.0.1"),
    "a program": lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]),
    "another fork": os.fork,
    "a shell": lambda: os.system("true"),
}


def _in_worker(attempt) -> str:
    """What a worker says of an attempt, by its exit code alone: it has nothing else to say it with."""
    process = fork_worker()
    if process == 0:
        try:
            attempt()
        except SafeModeRefusal:
            os._exit(42)
        except Exception:  # noqa: BLE001 - whatever it is, the worker must not run on into the tests
            os._exit(43)
        os._exit(0)
    return {42: "refused", 43: "failed", 0: "done"}[os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])]


@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.parametrize("name", ATTEMPTS)
@pytest.mark.parametrize("policy", [Policy([AllowedHost("localhost", None, "x")]), Policy()], ids=["allowed", "empty"])
def test_a_worker_reaches_nothing(name, policy):
    with guarding(policy):
        assert _in_worker(ATTEMPTS[name]) == "refused"


@pytest.mark.filterwarnings("ignore:This process")
def test_a_worker_works(tmp_path):
    with guarding(Policy()):
        assert _in_worker(lambda: (tmp_path / "x").write_text("read")) == "done"
    assert (tmp_path / "x").read_text() == "read"


@pytest.mark.filterwarnings("ignore:This process")
def test_no_other_fork_is_allowed_before_or_after():
    with guarding(Policy()):
        with pytest.raises(SafeModeRefusal):
            os.fork()
        assert _in_worker(lambda: None) == "done"
        with pytest.raises(SafeModeRefusal):
            os.fork()


@pytest.mark.filterwarnings("ignore:This process")
def test_a_fork_of_another_thread_meanwhile_is_refused(monkeypatch):
    refused = []
    real = os.fork

    def meanwhile() -> int:
        def other() -> None:
            try:
                real()
            except SafeModeRefusal:
                refused.append(True)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return real()

    with guarding(Policy()):
        monkeypatch.setattr(os, "fork", meanwhile)
        assert _in_worker(lambda: None) == "done"
    assert refused == [True]
