"""What the writer's threads take of a core while an app logs steadily, in a process of its own: ``steady.py URL`` logs
500 events a second for some seconds, and prints the share."""

from __future__ import annotations

import os
import sys
import tempfile
import time

RATE = 500
SECONDS = 6.0
EACH = 10
"""Events logged between two pauses."""


def main() -> None:
    os.environ["RELEASEGUARD_SPOOL_DIR"] = tempfile.mkdtemp()
    os.environ["RELEASEGUARD_EVENTS_URL"] = sys.argv[1]
    from caller import call
    from releaseguard_events import flush

    call(0)
    flush(10)
    began, whole, own = time.monotonic(), time.process_time(), time.thread_time()
    number = 0
    while (passed := time.monotonic() - began) < SECONDS:
        while number < RATE * passed:
            for _ in range(EACH):
                number += 1
                call(number)
        time.sleep(EACH / RATE)
    flush(10)
    threads = time.process_time() - whole - (time.thread_time() - own)
    print(threads / (time.monotonic() - began), flush=True)


if __name__ == "__main__":
    main()
