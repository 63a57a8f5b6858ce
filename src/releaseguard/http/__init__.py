"""The HTTP client that all adapters share. Its modules are loaded on first use; httpx2 by the first request."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from releaseguard.http.access import Access, Authorization, no_other_credential
    from releaseguard.http.calls import quoted
    from releaseguard.http.client import ServiceClient
    from releaseguard.http.pacing import Limits, TimeLimits, predict
    from releaseguard.http.replies import Reply, member

__all__ = [
    "Access",
    "Authorization",
    "Limits",
    "Reply",
    "ServiceClient",
    "TimeLimits",
    "member",
    "no_other_credential",
    "predict",
    "quoted",
]
_MODULES = {
    "Access": "access",
    "Authorization": "access",
    "Limits": "pacing",
    "Reply": "replies",
    "ServiceClient": "client",
    "TimeLimits": "pacing",
    "member": "replies",
    "no_other_credential": "access",
    "predict": "pacing",
    "quoted": "calls",
}


def __getattr__(name: str) -> Any:
    """Load a name on first use (PEP 562): a run whose event log is a file needs none of them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
