"""A call of the app's, in a process of its own: ``caller.py up|slow|down`` prints the median and the 99.9th percentile
of its processor time, and the median of ``QueueHandler``'s, in microseconds."""

from __future__ import annotations

import logging.handlers
import os
import queue
import socket
import sys
import tempfile
import time
from collections.abc import Callable

from releaseguard_events import flush, log_integration_event

CALLS = 20_000


def address(store: str) -> str:
    """Of a store that takes rows, of one that never answers, of one that is not there."""
    if store == "up":
        return f"sqlite:///{tempfile.mkdtemp()}/events.db"
    if store == "down":
        return "postgresql://app@127.0.0.1:1/app"
    _listening.bind(("127.0.0.1", 0))
    _listening.listen(8)
    return f"postgresql://app@127.0.0.1:{_listening.getsockname()[1]}/app"


_listening = socket.socket()


def call(number: int) -> None:
    """A full record."""
    log_integration_event(
        "sendgrid",
        "sendgrid_email_sent",
        "success",
        latency_ms=120 + number % 50,
        release="4f1c2d3e4f5a6b7c8d9e",
        source="sendgrid-email",
        correlation_id=f"0190aaaa-bbbb-7ccc-8ddd-{number:012x}",
        detail={"secret_version": "7", "template": "welcome", "attempt": 1, "region": "eu-west-1"},
    )


def times(act: Callable[[int], None]) -> list[float]:
    """Of each call, sorted, in microseconds of this thread's processor time."""
    taken = []
    for number in range(CALLS):
        began = time.thread_time_ns()
        act(number)
        taken.append((time.thread_time_ns() - began) / 1000)
        if number % 10 == 0:
            time.sleep(0.0005)
    return sorted(taken)


def main() -> None:
    os.environ["RELEASEGUARD_SPOOL_DIR"] = tempfile.mkdtemp()
    os.environ["RELEASEGUARD_EVENTS_URL"] = address(sys.argv[1])
    call(0)
    flush(1)
    ours = times(call)
    logger = logging.getLogger("peer")
    logger.addHandler(logging.handlers.QueueHandler(queue.Queue()))
    logger.propagate = False
    peer = times(lambda number: logger.warning("event %s", number, extra={"provider": "sendgrid"}))
    print(ours[CALLS // 2], ours[CALLS * 999 // 1000], peer[CALLS // 2], flush=True)
    os._exit(0)  # what waits is of no use to anybody


if __name__ == "__main__":
    main()
