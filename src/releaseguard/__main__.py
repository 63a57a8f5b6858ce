"""``python -m releaseguard`` and the ``releaseguard`` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code."""
    from releaseguard.cli import entrypoint

    raise SystemExit(entrypoint.run())


if __name__ == "__main__":
    main()
