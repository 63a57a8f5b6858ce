"""Tracebacks of bugs: what may be shown of them, and a file that only the user can read."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from releaseguard.secret import Secret


def write_trace(error: Exception) -> str | None:
    """Store a bug's traceback, masked, in a new file that only this user can read; ``None`` where that fails."""
    import tempfile
    import traceback

    try:
        handle, path = tempfile.mkstemp(prefix="releaseguard-", suffix=".trace")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(without_secrets("".join(traceback.format_exception(error))))
    except OSError:
        return None
    return path


def without_secrets(text: str) -> str:
    """``text`` without the secrets of this process and the credentials in its environment: a bug may occur before these
    are read."""
    from releaseguard.secret import masked

    return masked(text, _of_environment(tuple(os.environ.items())))


@lru_cache(maxsize=1)
def _of_environment(variables: tuple[tuple[str, str], ...]) -> Sequence[Secret]:
    """The credentials in the environment; all their forms are computed once for all lines of a message."""
    from releaseguard.secret import confidential

    return confidential(dict(variables))
