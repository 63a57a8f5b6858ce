"""``python -m releaseguard`` and the ``releaseguard`` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code."""
    from releaseguard.cli import edge

    raise SystemExit(edge.run())


if __name__ == "__main__":
    main()
