"""The one HTTP client of all adapters. Its parts are loaded when they are asked for; httpx2 by the first request."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from releaseguard.http.access import Access
    from releaseguard.http.calls import quoted
    from releaseguard.http.client import ServiceClient
    from releaseguard.http.pacing import Limits, predict
    from releaseguard.http.replies import Reply, member

__all__ = ["Access", "Limits", "Reply", "ServiceClient", "member", "predict", "quoted"]
_MODULES = {
    "Access": "access",
    "Limits": "pacing",
    "Reply": "replies",
    "ServiceClient": "client",
    "member": "replies",
    "predict": "pacing",
    "quoted": "calls",
}


def __getattr__(name: str) -> Any:
    """PEP 562: a log in a file needs none of them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
