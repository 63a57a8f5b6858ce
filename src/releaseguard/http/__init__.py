"""The one HTTP client of all adapters. Importing it loads no HTTP library; the first request does."""

from __future__ import annotations

from releaseguard.http.access import Access
from releaseguard.http.calls import quoted
from releaseguard.http.client import ServiceClient
from releaseguard.http.pacing import Limits, predict
from releaseguard.http.replies import Reply, member

__all__ = ["Access", "Limits", "Reply", "ServiceClient", "member", "predict", "quoted"]
