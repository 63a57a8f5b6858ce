"""Listings that come in pages, each with a link to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from releaseguard.http.client import ServiceClient
from releaseguard.http.replies import Reply
from releaseguard_events.places.urls import split

PAGE: Final = 100
Parameters = Mapping[str, str | int | bool | None]

_NEXT = re.compile(r'<(?P<url>[^<>]*)>\s*;(?:[^,<]*;)?\s*rel="?next"?')


def pages(client: ServiceClient, path: str, key: str | None = None, params: Parameters | None = None) -> list[Any]:
    """All entries of a paged listing; ``key`` is the member that holds them where they are wrapped in an object.

    The ``Link`` header says what follows: some listings return fewer entries than asked for, or use cursors.
    """
    found: list[Any] = []
    asked: Parameters | None = {**(params or {}), "per_page": PAGE, "page": 1}
    seen: list[Parameters] = []
    while asked is not None and asked not in seen:
        seen.append(asked)
        reply = client.request("GET", path, params=asked)
        document = reply.json()
        page = entries(document, key)
        found += page
        told = document.get("total_count") if isinstance(document, dict) else None
        more = len(page) >= PAGE or (bool(page) and isinstance(told, int) and len(found) < told)
        asked = following(reply, asked, more=more)
    return found


def following(reply: Reply, asked: Parameters, *, more: bool) -> Parameters | None:
    """The parameters of the next page, from the ``Link`` header, else by number where there is ``more``.

    Only the link's parameters are used, and ours are kept: a server that forgets a filter must not widen the listing.
    """
    if "link" not in reply.headers:
        return {**asked, "page": int(asked.get("page") or 1) + 1} if more else None
    link = _NEXT.search(reply.headers["link"])
    if link is None:
        return None
    kept = {name: value for name, value in asked.items() if name != "page"}
    return dict(parse_qsl(split(link["url"]).query)) | kept


def entries(document: Any, key: str | None = None) -> list[Any]:
    """The objects of a listing; ``key`` is the member that holds them where they are wrapped in an object."""
    found = document.get(key) if key is not None and isinstance(document, dict) else document
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
