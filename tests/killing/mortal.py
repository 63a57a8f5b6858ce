"""Runs the real command line in forked children that die (SIGKILL) or sleep (SIGSTOP) at a chosen request or append.

Started once per test process; reads one JSON order a line from standard input, and answers with one line for each
child as it ends: its number and exit code (-9 for a killed one). The parent of the children has only one thread, so
that forking it is safe; a child has everything imported already and nothing of the children before it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ORDERS = sys.stdin


class Deadline:
    """Counts requests and appends; at number ``at`` the process is stopped, before it or right after it."""

    def __init__(self, at: int, when: str, signal_: signal.Signals) -> None:
        self._at = at
        self._when = when
        self._signal = signal_
        self._count = 0
        self._lock = threading.Lock()

    def around(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def mortal(*args: Any, **named: Any) -> Any:
            with self._lock:
                self._count += 1
                number = self._count
            self._die(number, "before")
            result = do(*args, **named)
            self._die(number, "after")
            return result

        return mortal

    def _die(self, number: int, when: str) -> None:
        if number == self._at and when == self._when:
            os.kill(os.getpid(), self._signal)


def _prepare() -> None:
    """Import what a rotation needs, once, before anything is forked."""
    import httpx2  # noqa: F401

    import releaseguard.cli.entrypoint
    import releaseguard.cli.rotating.rotate
    import releaseguard.eventlog.stores.sqlite
    import releaseguard.http.transport
    import releaseguard.rotation.aftermath
    import releaseguard.services.github.destination
    import releaseguard.services.infisical.vault
    import releaseguard.services.supabase.destination
    import releaseguard.services.vercel.deployer
    import releaseguard.services.vercel.destination
    import releaseguard.wiring  # noqa: F401


def _live(order: dict[str, Any], number: int) -> None:
    """What a child does; it never returns."""
    from releaseguard.cli import entrypoint
    from releaseguard.eventlog.stores.sqlite import SqliteEventLog
    from releaseguard.http import ServiceClient

    deadline = Deadline(order["at"], order["when"], signal.Signals(order.get("signal", signal.SIGKILL)))
    ServiceClient._send = deadline.around(ServiceClient._send)  # type: ignore[method-assign]
    SqliteEventLog.append_exclusively = deadline.around(SqliteEventLog.append_exclusively)  # type: ignore[method-assign]
    folder = Path(order["folder"])
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(order["environ"])
    name = order["out"] if order.get("copies", 1) == 1 else f"{order['out']}-{number}"
    (folder / f"{name}.pid").write_text(str(os.getpid()))
    out = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = ["releaseguard", *order["arguments"]]
    code = 70
    try:
        code = int(entrypoint.run())
    except SystemExit as ending:
        code = int(ending.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def main() -> None:
    _prepare()
    for line in ORDERS:
        order = json.loads(line)
        children = {_forked(order, number): number for number in range(order.get("copies", 1))}
        while children:
            child, status = os.wait()
            code = os.waitstatus_to_exitcode(status)
            sys.__stdout__.write(json.dumps({"id": order["id"], "child": children.pop(child), "code": code}) + "\n")
            sys.__stdout__.flush()


def _forked(order: dict[str, Any], number: int) -> int:
    child = os.fork()
    if child == 0:
        _live(order, number)
    return child


if __name__ == "__main__":
    main()
