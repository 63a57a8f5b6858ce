"""The services' official descriptions, which lie beside the checkout and not in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "contracts"
BASES = {"github": "https://api.github.com", "vercel": "https://api.vercel.com", "supabase": "https://api.supabase.com"}
NOT_DESCRIBED = re.compile(r"/installation|/app/installations|/repos/[^/]+/[^/]+/contents/")
"""Paths that the trimmed descriptions leave out."""


class Sent(Protocol):
    """One line of a stand-in's journal."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@lru_cache
def _description(service: str) -> Any:
    from openapi_core import Config, OpenAPI

    document = json.loads((FOLDER / f"{service}.trim.json").read_text(encoding="utf-8"))
    document.setdefault("servers", [{"url": BASES[service]}])
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


def available() -> bool:
    return FOLDER.is_dir()


def check(service: str, requests: Iterable[Sent]) -> int:
    """How many requests were compared with the description; fails at the first that does not fit."""
    if not available():
        pytest.skip(f"the official descriptions are not at {FOLDER}")
    compared = 0
    for sent in requests:
        if not NOT_DESCRIBED.match(sent.path):
            _check(service, sent)
            compared += 1
    return compared


def _check(service: str, sent: Sent) -> None:
    from openapi_core.exceptions import OpenAPIError
    from openapi_core.testing import MockRequest

    request = MockRequest(
        BASES[service],
        sent.method.lower(),
        sent.path,
        args=dict(sent.query),
        headers=dict(sent.headers),
        data=sent.body or None,
        content_type="application/json",
    )
    try:
        _description(service).validate_request(request)
    except OpenAPIError as error:
        reasons = [reason.message for reason in getattr(error.__cause__, "schema_errors", ())]
        pytest.fail(f"{sent.method} {sent.path} {dict(sent.query)}: {error} {error.__cause__} {reasons}")
