"""Writes integration events from inside an app to SQLite, Postgres or Supabase. It needs nothing but Python.

Importing this package is safe and cheap: nothing is loaded, opened or hooked until :func:`log_integration_event` or
:func:`fingerprint` is called.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself costs an app three times as much to load as all of the writer
    from typing import Any

    from releaseguard_events.sdk import fingerprint, flush, log_integration_event

__version__ = "0.1.0"
__all__ = ["__version__", "fingerprint", "flush", "log_integration_event"]


def __getattr__(name: str) -> Any:
    if name in {"fingerprint", "flush", "log_integration_event"}:
        from releaseguard_events import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
