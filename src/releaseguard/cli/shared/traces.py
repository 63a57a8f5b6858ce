"""What may be shown of a bug, and its trace, kept where only its user reads it."""

from __future__ import annotations

import os


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
    from releaseguard.secret import confidential, masked

    return masked(text, confidential(os.environ))
