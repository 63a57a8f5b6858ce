"""What may be shown of a bug, and its trace, kept where only its user reads it."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from releaseguard.secret import Secret


def write_trace(error: Exception) -> str | None:
    """Keep a bug's trace, masked, in a file of its own that only this user can read; ``None`` where that fails."""
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
    """``text`` without what this process holds, and without what its environment holds as credentials: a bug may come
    before they are read."""
    from releaseguard.secret import masked

    return masked(text, _of_environment(tuple(os.environ.items())))


@lru_cache(maxsize=1)
def _of_environment(variables: tuple[tuple[str, str], ...]) -> Sequence[Secret]:
    """Its credentials, whose every form is worked out once for all lines of a message."""
    from releaseguard.secret import confidential

    return confidential(dict(variables))
