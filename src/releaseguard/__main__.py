"""``python -m releaseguard`` and the ``releaseguard`` command."""

from __future__ import annotations

SELDOM = 50_000
"""Objects after which garbage is looked for: what loads hundreds of modules makes many, and hardly one of them is."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    import gc

    gc.set_threshold(SELDOM)
    from releaseguard.cli import entrypoint

    code = entrypoint.run()
    gc.freeze()  # all memory goes at once now: looking through it for what goes first is a tenth of a short command
    raise SystemExit(code)


if __name__ == "__main__":
    main()
