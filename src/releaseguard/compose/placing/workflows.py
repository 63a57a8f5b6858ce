"""The app's own workflows, as they lie in its checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(".github") / "workflows"
LONGEST = 1_000_000
"""Bytes of a file that is read: a workflow has a few thousand."""


def workflows_at(root: Path) -> Mapping[str, str]:
    """Path within the checkout -> text, of the checkout in which ``root`` lies; empty where there are none."""
    home = next((one for one in (root, *root.parents) if (one / FOLDER).is_dir()), None)
    if home is None:
        return {}
    files = [one for one in sorted((home / FOLDER).iterdir()) if one.suffix in {".yml", ".yaml"} and one.is_file()]
    small = [one for one in files if one.stat().st_size <= LONGEST]
    return {one.relative_to(home).as_posix(): one.read_text(encoding="utf-8", errors="replace") for one in small}
