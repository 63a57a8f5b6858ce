"""The one HTTP client of all adapters. Its parts are loaded when they are asked for; httpx2 by the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.later import parts

if TYPE_CHECKING:
    from releaseguard.http.access import Access
    from releaseguard.http.calls import quoted
    from releaseguard.http.client import ServiceClient
    from releaseguard.http.pacing import Limits, predict
    from releaseguard.http.replies import Reply, member
else:
    __getattr__ = parts(
        __name__,
        {
            "Access": "access",
            "Limits": "pacing",
            "Reply": "replies",
            "ServiceClient": "client",
            "member": "replies",
            "predict": "pacing",
            "quoted": "calls",
        },
    )

__all__ = ["Access", "Limits", "Reply", "ServiceClient", "member", "predict", "quoted"]
