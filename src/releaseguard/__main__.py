"""``python -m releaseguard`` and the ``releaseguard`` command."""

from __future__ import annotations

SELDOM = 50_000
"""Objects after which garbage is looked for: what loads hundreds of modules makes many, and hardly one of them is."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    import gc
    import signal

    gc.set_threshold(SELDOM)
    waited_for = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where a shell ignores it (&)
    if waited_for:
        signal.signal(signal.SIGINT, _leave)
    from releaseguard.cli import entrypoint

    if waited_for:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = entrypoint.run()
    gc.freeze()  # all memory goes at once now: looking through it for what goes first is a tenth of a short command
    raise SystemExit(code)


def _leave(_number: int, _frame: object) -> None:
    """Ctrl-C before anything has begun: out of an import it would come as a traceback."""
    import os

    os.write(2, b"\nInterrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
