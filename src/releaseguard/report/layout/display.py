"""Where a document is shown, and how much of it."""

from __future__ import annotations

from typing import NamedTuple


class Display(NamedTuple):
    """``width`` in characters; ``verbosity`` is below 0 where only what matters is asked for, above 0 for more;
    pages tell times in ``zone``."""

    width: int = 100
    verbosity: int = 0
    zone: str = "UTC"
