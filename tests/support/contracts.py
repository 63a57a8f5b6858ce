"""The services' official descriptions, which lie beside the checkout and not in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "contracts"
BASES = {"github": "https://api.github.com", "vercel": "https://api.vercel.com", "supabase": "https://api.supabase.com"}
NOT_DESCRIBED = re.compile(r"/installation|/app/installations|/repos/[^/]+/[^/]+/contents/")
"""Paths that the trimmed descriptions leave out."""

PASSING = {"host", "content-length", "user-agent", "connection", "accept-encoding"}
"""Headers of the connection, which differ from test to test and are in no description."""


class Sent(Protocol):
    """One line of a stand-in's journal."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@cache
def _description(service: str) -> Any:
    from openapi_core import Config, OpenAPI

    document = json.loads((FOLDER / f"{service}.trim.json").read_text(encoding="utf-8"))
    document.setdefault("servers", [{"url": BASES[service]}])
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


def available() -> bool:
    return FOLDER.is_dir()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a description can say something of: two requests that are alike in it fit both, or neither."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, sent: Sent) -> _Asked:
        told = {name.lower(): value for name, value in sent.headers.items() if name.lower() not in PASSING}
        if "authorization" in told:
            told["authorization"] = told["authorization"].partition(" ")[0] + " somebody"
        return cls(sent.method, sent.path, tuple(sent.query.items()), tuple(sorted(told.items())), sent.body)


def check(service: str, requests: Iterable[Sent]) -> int:
    """How many requests were compared with the description; fails at the first that does not fit."""
    if not available():
        pytest.skip(f"the official descriptions are not at {FOLDER}")
    compared = 0
    for sent in requests:
        if not NOT_DESCRIBED.match(sent.path):
            if reason := _reason_against(service, _Asked.of(sent)):
                pytest.fail(reason)
            compared += 1
    return compared


@cache
def _reason_against(service: str, asked: _Asked) -> str:
    """Why the request does not fit, or nothing. A comparison takes ten milliseconds, and tests ask the same things."""
    from openapi_core.exceptions import OpenAPIError
    from openapi_core.testing import MockRequest

    request = MockRequest(
        BASES[service],
        asked.method.lower(),
        asked.path,
        args=dict(asked.query),
        headers=dict(asked.headers),
        data=asked.body or None,
        content_type="application/json",
    )
    try:
        _description(service).validate_request(request)
    except OpenAPIError as error:
        reasons = [reason.message for reason in getattr(error.__cause__, "schema_errors", ())]
        return f"{asked.method} {asked.path} {dict(asked.query)}: {error} {error.__cause__} {reasons}"
    return ""
