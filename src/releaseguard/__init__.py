"""Rotates secrets and verifies releases from an app's own integration events.

Importing this package inside an app is safe and cheap: nothing is loaded, opened or hooked until
:func:`log_integration_event` is called, and SAFE MODE's network guard belongs to the command line alone.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # an app that only writes events loads nothing that it does not use
    from typing import Any

    from releaseguard_events import fingerprint, flush, log_integration_event

__version__ = "0.1.0"
__all__ = ["__version__", "fingerprint", "flush", "log_integration_event"]


def __getattr__(name: str) -> Any:
    if name in {"fingerprint", "flush", "log_integration_event"}:
        import releaseguard_events

        return getattr(releaseguard_events, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
